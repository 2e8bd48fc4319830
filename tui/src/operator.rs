//! How an operator gets in and stays in.

use std::time::{Duration, SystemTime};

use countersign_openapi::{
    Login as LoginBody, LoginAnswer, Mfa, MfaMethod, ProblemCode, Refresh, Secret, StepUp,
    StepUpMethod, SteppedUp, Tokens,
};
use totp_rs::{Builder, Secret as Seed};

use crate::client::{Client, ClientError, read, send};
use crate::{Keep, Login};

/// How long a code is good for (RFC 6238).
const STEP_SECONDS: u64 = 30;

impl Client {
    /// Opens a session, or goes on with the one that was kept.
    pub(crate) async fn sign_in(&mut self) -> Result<(), ClientError> {
        let (email, password, keep) = match self.login.clone() {
            Login::Token(token) => {
                self.token = token;
                return Ok(());
            }
            Login::Password {
                email,
                password,
                keep,
                ..
            } => (email, password, keep),
        };
        if let Some(keep) = &keep
            && self.go_on(keep).await?
        {
            return Ok(());
        }
        let (email, password) = self.who(email, password).await?;
        let body = LoginBody { email, password };
        let granted = match self.log_in(&body).await? {
            LoginAnswer::Authenticated(granted) => granted,
            LoginAnswer::MfaRequired(asked) => match self.answer(asked.mfa_token).await {
                // The code was used a moment ago, by another command.
                Err(error) if self.can_wait(&error) => {
                    next_step().await;
                    match self.log_in(&body).await? {
                        LoginAnswer::Authenticated(granted) => granted,
                        LoginAnswer::MfaRequired(again) => self.answer(again.mfa_token).await?,
                    }
                }
                other => other?,
            },
        };
        self.token = granted.access_token;
        if let (Some(keep), Some(refresh)) = (&keep, &granted.refresh_token) {
            keep.write(refresh).map_err(ClientError::Keep)?;
        }
        Ok(())
    }

    /// Whether the session that was kept goes on.
    pub(crate) async fn go_on(&mut self, keep: &Keep) -> Result<bool, ClientError> {
        let Some(refresh_token) = keep.read() else {
            return Ok(false);
        };
        let body = Refresh {
            refresh_token: Some(refresh_token),
        };
        let request = self.http.post(self.at("/v1/auth/refresh")).json(&body);
        match send(request).await {
            Ok(answer) => {
                let tokens: Tokens = read(answer).await?;
                self.token = tokens.access_token;
                if let Some(refresh) = &tokens.refresh_token {
                    keep.write(refresh).map_err(ClientError::Keep)?;
                }
                Ok(true)
            }
            // It has ended, or is of another deployment in the same place.
            Err(ClientError::Problem(details)) if details.status == 401 => {
                keep.forget();
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn log_in(&self, body: &LoginBody) -> Result<LoginAnswer, ClientError> {
        let request = self.http.post(self.at("/v1/auth/login")).json(body);
        read(send(request).await?).await
    }

    async fn answer(
        &mut self,
        mfa_token: Secret,
    ) -> Result<countersign_openapi::Authenticated, ClientError> {
        let code = self.second_factor().await?;
        let body = Mfa {
            mfa_token,
            method: if is_totp(&code) {
                MfaMethod::Totp
            } else {
                MfaMethod::RecoveryCode
            },
            code: Some(code),
            passkey: None,
        };
        let request = self.http.post(self.at("/v1/auth/mfa")).json(&body);
        match read(send(request).await?).await? {
            LoginAnswer::Authenticated(granted) => Ok(granted),
            LoginAnswer::MfaRequired(_) => Err(ClientError::SecondFactor),
        }
    }

    /// Proves again who is there, because something asked for it.
    pub(crate) async fn step_up(&mut self) -> Result<(), ClientError> {
        match self.prove_again().await {
            Err(error) if self.can_wait(&error) => {
                next_step().await;
                self.prove_again().await
            }
            other => other,
        }
    }

    async fn prove_again(&mut self) -> Result<(), ClientError> {
        let code = self.second_factor().await?;
        let body = StepUp {
            method: if is_totp(&code) {
                StepUpMethod::Totp
            } else {
                StepUpMethod::RecoveryCode
            },
            code: Some(code),
            passkey: None,
        };
        let request = self.request(reqwest::Method::POST, "/v1/auth/step-up");
        let raised: SteppedUp = read(send(request.json(&body)).await?).await?;
        self.token = raised.access_token;
        Ok(())
    }

    /// What a login needs; who is there is asked for what the context does not
    /// say.
    async fn who(&self, email: String, password: Secret) -> Result<(String, Secret), ClientError> {
        let email = if email.is_empty() {
            let asked = self.prompt.line("Email: ").await?;
            asked.ok_or(ClientError::SignedOut)?
        } else {
            email
        };
        if !password.expose().is_empty() {
            return Ok((email, password));
        }
        let asked = self
            .prompt
            .hidden(&format!("Password of {email}: "))
            .await?;
        Ok((email, asked.ok_or(ClientError::SignedOut)?))
    }

    /// Whether another code will do, without asking anybody.
    fn can_wait(&self, error: &ClientError) -> bool {
        error.code() == Some(ProblemCode::MfaInvalid) && self.seed().is_some()
    }

    fn seed(&self) -> Option<&Secret> {
        match &self.login {
            Login::Password { totp_secret, .. } => totp_secret.as_ref(),
            Login::Token(_) => None,
        }
    }

    /// The code of this moment, or what whoever is there says.
    async fn second_factor(&mut self) -> Result<Secret, ClientError> {
        let Some(seed) = self.seed() else {
            return self.prompt.code().await;
        };
        let seed = Seed::try_from_base32(seed.expose()).map_err(|_| ClientError::SecondFactor)?;
        let totp = Builder::new()
            .with_secret(seed)
            .build()
            .map_err(|_| ClientError::SecondFactor)?;
        Ok(Secret::new(totp.generate(unix_seconds()).to_string()))
    }
}

/// Six digits are an app's code, anything else a recovery code.
pub(crate) fn is_totp(code: &Secret) -> bool {
    let code = code.expose();
    code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// Until the authenticator app would show another code.
#[expect(
    clippy::disallowed_methods,
    reason = "codes change with the time of day, and nothing tells of it"
)]
async fn next_step() {
    let left = STEP_SECONDS - unix_seconds() % STEP_SECONDS;
    tokio::time::sleep(Duration::from_secs(left)).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "this program is an authenticator app, which goes by the clock"
)]
fn unix_seconds() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}
