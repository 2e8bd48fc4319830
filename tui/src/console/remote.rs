//! What the console says to the service, and what it makes of the answers.

pub(super) mod act;
mod ask;
mod follow;
#[cfg(test)]
mod served;

use std::sync::{Arc, PoisonError};

use countersign_openapi::{
    Account, LoginAnswer, Mfa, MfaMethod, ProblemCode, Refresh, Secret, StepUp, StepUpMethod,
    SteppedUp, Tokens, VerifyAnswer,
};
use reqwest::{Method, RequestBuilder, Response};
use tokio::sync::Mutex;

use super::message::{Identity, Message};
use super::order::Failed;
use crate::client::{read, send};
use crate::operator::is_totp;
use crate::{Client, ClientError, Context, Login};

/// The service, for any number of tasks.
#[derive(Clone)]
pub(super) struct Remote(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// The token of somebody who proved again who they are. It is used for
    /// writes and nothing else, and nothing else is used for writes.
    armed: std::sync::Mutex<Option<Secret>>,
}

struct State {
    client: Client,
    refresh: Option<Secret>,
    mfa: Option<Secret>,
}

impl Remote {
    pub(super) fn new(context: &Context) -> Result<Self, ClientError> {
        let state = State {
            client: Client::unsigned(context)?,
            refresh: None,
            mfa: None,
        };
        Ok(Self(Arc::new(Inner {
            state: Mutex::new(state),
            armed: std::sync::Mutex::new(None),
        })))
    }

    /// Signs in with what the deployment's files hold, else asks.
    pub(super) async fn enter(&self) -> Message {
        let mut state = self.0.state.lock().await;
        let client = &mut state.client;
        let email = match &client.login {
            Login::Token(_) => String::new(),
            Login::Password { email, .. } => email.clone(),
        };
        let ask = |refused: Option<&ClientError>| Message::AskPassword {
            email: email.clone(),
            refused: refused.map(|error| told(error).told()),
        };
        let entered = match client.login.clone() {
            Login::Password { password, keep, .. } if password.expose().is_empty() => match keep {
                Some(keep) => client.go_on(&keep).await,
                None => Ok(false),
            },
            _ => client.sign_in().await.map(|()| true),
        };
        match entered {
            Ok(true) => match identity(client).await {
                Ok(identity) => Message::Entered(identity),
                Err(error) => ask(Some(&error)),
            },
            Ok(false) => ask(None),
            Err(error) => ask(Some(&error)),
        }
    }

    /// Signs in.
    pub(super) async fn sign_in(&self, email: String, password: Secret) -> Message {
        let mut state = self.0.state.lock().await;
        let body = countersign_openapi::Login {
            email: email.clone(),
            password,
        };
        let refused = |error: &ClientError| Message::AskPassword {
            email: email.clone(),
            refused: Some(told(error).told()),
        };
        match state.client.log_in(&body).await {
            Ok(answer) => state
                .answered(answer)
                .await
                .unwrap_or_else(|error| refused(&error)),
            Err(error) => refused(&error),
        }
    }

    /// Answers with a code.
    pub(super) async fn code(&self, code: Secret) -> Message {
        let mut state = self.0.state.lock().await;
        let email = String::new();
        let Some(mfa_token) = state.mfa.clone() else {
            let refused = None;
            return Message::AskPassword { email, refused };
        };
        let method = if is_totp(&code) {
            MfaMethod::Totp
        } else {
            MfaMethod::RecoveryCode
        };
        let body = Mfa {
            mfa_token,
            method,
            code: Some(code),
            passkey: None,
        };
        let client = &state.client;
        let request = client.http.post(client.at("/v1/auth/mfa")).json(&body);
        let answer = match send(request).await {
            Ok(answer) => read::<LoginAnswer>(answer).await,
            Err(error) => Err(error),
        };
        let outcome = match answer {
            Ok(answer) => state.answered(answer).await,
            Err(error) => Err(error),
        };
        outcome.unwrap_or_else(|error| {
            let refused = Some(told(&error).told());
            match error.code() {
                Some(ProblemCode::MfaTokenInvalid) => Message::AskPassword { email, refused },
                _ => Message::AskCode { refused },
            }
        })
    }

    /// Proves again who is there; the proof is kept for writes.
    pub(super) async fn prove(&self, code: Option<Secret>) -> Result<(), Failed> {
        let token = match code {
            None => {
                let mut client = self.client().await;
                client.step_up().await.map_err(|error| told(&error))?;
                client.token
            }
            Some(code) => {
                let method = if is_totp(&code) {
                    StepUpMethod::Totp
                } else {
                    StepUpMethod::RecoveryCode
                };
                let body = StepUp {
                    method,
                    code: Some(code),
                    passkey: None,
                };
                let ask = |client: &Client| {
                    let request = client.request(Method::POST, "/v1/auth/step-up");
                    request.json(&body)
                };
                let answer = self.fresh(ask).await?;
                let raised: SteppedUp = read(answer).await.map_err(|error| told(&error))?;
                raised.access_token
            }
        };
        *self.armed() = Some(token);
        Ok(())
    }

    /// Forgets the proof.
    pub(super) fn disarm(&self) {
        *self.armed() = None;
    }

    fn armed(&self) -> std::sync::MutexGuard<'_, Option<Secret>> {
        self.0.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn client(&self) -> Client {
        self.0.state.lock().await.client.clone()
    }

    /// Asks with a token that is good, renewing it once if it is not.
    async fn fresh(
        &self,
        ask: impl Fn(&Client) -> RequestBuilder + Send,
    ) -> Result<Response, Failed> {
        let client = self.client().await;
        match send(ask(&client)).await {
            Err(error) if error.code() == Some(ProblemCode::TokenExpired) => {
                self.renew(&client.token).await?;
                let client = self.client().await;
                send(ask(&client)).await.map_err(|error| told(&error))
            }
            other => other.map_err(|error| told(&error)),
        }
    }

    /// Gets another token, unless somebody did meanwhile.
    async fn renew(&self, used: &Secret) -> Result<(), Failed> {
        let mut state = self.0.state.lock().await;
        if state.client.token.expose() != used.expose() {
            return Ok(());
        }
        let over = || Failed::SignedOut("the session is over: sign in again".to_owned());
        if let Login::Password {
            keep: Some(keep), ..
        } = state.client.login.clone()
        {
            let renewed = state.client.go_on(&keep).await;
            return match renewed {
                Ok(true) => Ok(()),
                Ok(false) => Err(over()),
                Err(error) => Err(told(&error)),
            };
        }
        let Some(refresh_token) = state.refresh.clone() else {
            return Err(over());
        };
        let body = Refresh {
            refresh_token: Some(refresh_token),
        };
        let client = &state.client;
        let request = client.http.post(client.at("/v1/auth/refresh")).json(&body);
        let tokens: Tokens = match send(request).await {
            Ok(answer) => read(answer).await.map_err(|error| told(&error))?,
            Err(error) => return Err(told(&error)),
        };
        state.client.token = tokens.access_token;
        state.refresh = tokens.refresh_token;
        Ok(())
    }

    /// Ends the session, unless it is kept for the next start.
    pub(super) async fn leave(&self) {
        self.disarm();
        let client = self.client().await;
        let is_kept = match &client.login {
            Login::Token(_) => true,
            Login::Password { keep, .. } => keep.is_some(),
        };
        if !is_kept && !client.token.expose().is_empty() {
            // Nobody is left to tell of a failure.
            let _ = client.disconnect().await;
        }
    }
}

impl State {
    /// What a login answered: who is in, or what is asked next.
    async fn answered(&mut self, answer: LoginAnswer) -> Result<Message, ClientError> {
        let granted = match answer {
            LoginAnswer::MfaRequired(asked) => {
                self.mfa = Some(asked.mfa_token);
                return Ok(Message::AskCode { refused: None });
            }
            LoginAnswer::Authenticated(granted) => granted,
        };
        self.mfa = None;
        self.client.token = granted.access_token;
        if let Login::Password {
            keep: Some(keep), ..
        } = &self.client.login
            && let Some(refresh) = &granted.refresh_token
        {
            keep.write(refresh).map_err(ClientError::Keep)?;
        }
        self.refresh = granted.refresh_token;
        Ok(Message::Entered(Identity {
            account: granted.account.id,
            session: granted.session_id,
            email: granted.account.email,
            roles: granted.account.roles,
        }))
    }
}

async fn identity(client: &Client) -> Result<Identity, ClientError> {
    let claims: VerifyAnswer = client.get("/v1/auth/verify").await?;
    let account: Account = client.get("/v1/me").await?;
    Ok(Identity {
        account: claims.account_id,
        session: claims.session_id,
        email: account.email,
        roles: claims.roles,
    })
}

/// What an error means to the console.
fn told(error: &ClientError) -> Failed {
    use ProblemCode as P;
    let text = error.to_string();
    match error {
        ClientError::Unreachable(_) => Failed::NoAnswer(reach(error)),
        ClientError::Problem(details) => match details.code {
            P::TokenMissing
            | P::TokenInvalid
            | P::TokenExpired
            | P::TokenRevoked
            | P::RefreshInvalid
            | P::RefreshExpired
            | P::RefreshReused
            | P::SessionRevoked => Failed::SignedOut(text),
            P::InsufficientUserAuthentication => Failed::Disarmed,
            code => Failed::Refused(code, text),
        },
        _ => Failed::Unreadable(text),
    }
}

/// The innermost cause of an error of the network, which names no address.
fn reach(error: &ClientError) -> String {
    let ClientError::Unreachable(error) = error else {
        return error.to_string();
    };
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
