//! `POST /v1/auth/login` and `POST /v1/auth/mfa`

use std::sync::Arc;

use countersign_domain::{Account, AccountCommand, FactorCommand, MOST_TRIES, SessionCommand};
use countersign_events::{AccountId, Actor, EndReason, FactorKind, SessionId};
use countersign_log::Loaded;
use countersign_openapi as wire;
use countersign_passkey::Purpose;
use poem::web::Data;
use poem_openapi::OpenApi;

use super::logout::end_own;
use crate::app::App;
use crate::carrier::Carrier;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::grant::Proof;
use crate::http::Json;
use crate::proof::Presented;
use crate::routes::answer::{Carried, carried};
use crate::routes::tags::Tags;

pub(crate) struct Login;

#[OpenApi]
impl Login {
    /// Log in
    ///
    /// An unknown address and a wrong password are told apart neither by the
    /// answer nor by the time it takes. Where the account has a second factor,
    /// the answer is `mfa_required`.
    #[oai(
        path = "/v1/auth/login",
        method = "post",
        operation_id = "login",
        tag = "Tags::Auth"
    )]
    async fn login(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        carrier: Carrier,
        body: Json<wire::Login>,
    ) -> poem::Result<Carried<wire::LoginAnswer>> {
        let app = app.0;
        let typed = body.0.password.expose();
        let found = app
            .prove_login(&request, &body.0.email, typed, &carrier)
            .await?;
        let (id, account) = (found.id, found.account);
        if app.must_verify_first(&request, id, &account.state) {
            return Err(Denied::InvalidCredentials.into());
        }
        if account.state.needs_factor() {
            let (session, position) = app.attempt(&request, id, &account).await?;
            let answer = wire::MfaRequired {
                mfa_token: wire::Secret::new(app.mfa_tokens.seal(session)),
                expires_in: app.config.mfa_attempt.as_secs(),
                methods: methods(&account.state),
            };
            return Ok(carried(
                wire::LoginAnswer::MfaRequired(answer),
                position,
                None,
            ));
        }
        app.welcome(&request, &carrier, None, id, &account, Proof::PASSWORD)
            .await
    }

    /// Complete a login with a second factor
    ///
    /// The `mfa_token` is good for one login, five minutes and five tries.
    #[oai(
        path = "/v1/auth/mfa",
        method = "post",
        operation_id = "mfa",
        tag = "Tags::Auth"
    )]
    async fn mfa(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        carrier: Carrier,
        body: Json<wire::Mfa>,
    ) -> poem::Result<Carried<wire::LoginAnswer>> {
        let app = app.0;
        let presented = presented(body.0.method, body.0.code.as_ref(), body.0.passkey.as_ref())?;
        let (session, id, account) = app.waiting(&request, &body.0.mfa_token).await?;
        let proved = app
            .prove_factor(
                &request,
                id,
                &account.state,
                &presented,
                Purpose::SecondFactor,
                Some(session),
            )
            .await?;
        let Some(proof) = proved else {
            app.reject(&request, session, id, presented.kind()).await?;
            return Err(Denied::MfaInvalid.into());
        };
        // What was just used up may have changed the account.
        let account = app.accounts.recent(id).await.map_err(Denied::from)?;
        app.welcome(&request, &carrier, Some(session), id, &account, proof)
            .await
    }
}

/// What an account can answer `mfa_required` with.
fn methods(account: &Account) -> Vec<wire::MfaMethod> {
    let live = |kind| account.live_factors(kind).next().is_some();
    let codes = account
        .recovery
        .is_some_and(|set| !set.disabled && set.left() > 0);
    [
        (live(FactorKind::Passkey), wire::MfaMethod::Passkey),
        (live(FactorKind::Totp), wire::MfaMethod::Totp),
        (codes, wire::MfaMethod::RecoveryCode),
    ]
    .into_iter()
    .filter_map(|(is_there, method)| is_there.then_some(method))
    .collect()
}

/// The factor in a body.
pub(crate) fn presented<'a>(
    method: wire::MfaMethod,
    code: Option<&'a wire::Secret>,
    passkey: Option<&'a wire::PasskeyLogin>,
) -> Result<Presented<'a>, Denied> {
    let missing = |field, message| Denied::Invalid { field, message };
    let code = code.map(wire::Secret::expose);
    match method {
        wire::MfaMethod::Totp => code
            .map(Presented::Totp)
            .ok_or_else(|| missing("/code", "expected the code of the authenticator app")),
        wire::MfaMethod::RecoveryCode => code
            .map(Presented::RecoveryCode)
            .ok_or_else(|| missing("/code", "expected a recovery code")),
        wire::MfaMethod::Passkey => passkey
            .map(Presented::Passkey)
            .ok_or_else(|| missing("/passkey", "expected what the passkey has signed")),
    }
}

impl App {
    /// The sign-in that a token names, if it still waits for a second factor,
    /// and its account.
    pub(crate) async fn waiting(
        &self,
        request: &Circumstances,
        token: &wire::Secret,
    ) -> Result<(SessionId, AccountId, Arc<Loaded<Account>>), Denied> {
        let opened = self.mfa_tokens.open(token.expose());
        let session = opened.map_err(|_| Denied::MfaTokenInvalid)?;
        let held = self.sessions.current(session).await?;
        let pending = held.state.pending().ok_or(Denied::MfaTokenInvalid)?;
        if request.now >= pending.expires_at || pending.tries >= MOST_TRIES {
            return Err(Denied::MfaTokenInvalid);
        }
        // An account that was shut, or has ended what was before, is not asked
        // for a factor, which would be used up for nothing.
        let account = self.accounts.current(pending.account).await?;
        if !account.state.is_active() || pending.epoch < account.state.min_epoch {
            return Err(Denied::MfaTokenInvalid);
        }
        Ok((session, pending.account, account))
    }

    /// Counts a wrong second factor, and has the account's owner told: whoever
    /// tries knows the password.
    async fn reject(
        &self,
        request: &Circumstances,
        session: SessionId,
        id: AccountId,
        method: FactorKind,
    ) -> Result<(), Denied> {
        let meta = request.meta(Actor::Account(id), Some(id))?;
        let command = SessionCommand::RejectFactor {
            method,
            now: request.now,
        };
        self.sessions.execute(session, &meta, &command).await?;
        self.note_failure(request, session, id, method).await
    }

    /// Has the account's owner told, once for each session, that somebody who
    /// had come this far was wrong about a second factor.
    pub(crate) async fn note_failure(
        &self,
        request: &Circumstances,
        session: SessionId,
        id: AccountId,
        method: FactorKind,
    ) -> Result<(), Denied> {
        let meta = request.meta(Actor::Account(id), Some(id))?;
        let key = self.data_key(id).await?;
        let command = AccountCommand::Factor(FactorCommand::NoteFailure {
            session,
            method,
            ip: key.seal(&request.ip.to_string(), id, meta.message, "ip")?,
        });
        self.accounts.execute(id, &meta, &command).await?;
        Ok(())
    }

    /// Opens the session of a completed login and answers it.
    pub(crate) async fn welcome(
        &self,
        request: &Circumstances,
        carrier: &Carrier,
        session: Option<SessionId>,
        id: AccountId,
        account: &Loaded<Account>,
        proof: Proof,
    ) -> poem::Result<Carried<wire::LoginAnswer>> {
        let known = carrier.device(self, id, &account.state).is_some();
        let mut granted = self
            .open_session(request, session, id, account, proof)
            .await?;
        let cookie = Carrier::carry(&mut granted, carrier.by_cookie())?;
        if cookie.is_some() {
            self.end_replaced(request, carrier).await;
        }
        let device_token = if known {
            None
        } else {
            let session = SessionId::from_uuid(granted.tokens.session_id);
            self.note_device(request, session, id, &account.state).await;
            self.device_token(id, &account.state)?
        };
        self.metrics.logged_in();
        let shown = self.show_account(id, &account.state).await?;
        let answer = wire::Authenticated {
            device_token,
            ..wire::Authenticated::new(granted.tokens, shown)
        };
        let answer = wire::LoginAnswer::Authenticated(answer);
        Ok(carried(answer, granted.position, cookie))
    }

    /// Ends the session whose cookie is replaced: its refresh token would be
    /// in nobody's hands. Whatever goes wrong, the login stands.
    async fn end_replaced(&self, request: &Circumstances, carrier: &Carrier) {
        if let Ok(Some(token)) = carrier.cookie_token(self)
            && let Err(error) = end_own(self, request, token.session, EndReason::Logout).await
        {
            tracing::debug!(%error, "the session of a replaced cookie was not ended");
        }
    }
}
