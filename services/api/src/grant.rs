//! Sessions that begin, go on or are raised, and the tokens that come of it.

use countersign_domain::{Account, Attempt, Live, Session, SessionCommand, Start, StepUp};
use countersign_events::{AccountId, Acr, Actor, Position, SessionId, Timestamp};
use countersign_log::{Executed, Loaded, random};
use countersign_openapi as wire;
use countersign_verifier::{Audience, Claims};

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::keys::token_id;
use crate::token::RefreshToken;

/// A session that was opened or continued, and its tokens.
pub(crate) struct Granted {
    /// The tokens.
    pub(crate) tokens: wire::Tokens,
    /// How strongly the person is known.
    pub(crate) acr: String,
    /// How long the refresh token is good, in seconds.
    pub(crate) refresh_expires_in: u64,
    /// Where the grant stands in the log.
    pub(crate) position: Position,
}

impl Granted {
    /// The access token alone, for a session that goes on.
    pub(crate) fn access_token(&self) -> wire::AccessToken {
        wire::AccessToken {
            access_token: self.tokens.access_token.clone(),
            token_type: self.tokens.token_type,
            expires_in: self.tokens.expires_in,
        }
    }
}

/// What has been proved of a person.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proof {
    /// How strongly that makes the person known.
    pub(crate) acr: Acr,
    /// How (RFC 8176).
    pub(crate) amr: &'static [&'static str],
}

impl Proof {
    /// The password.
    pub(crate) const PASSWORD: Self = Self {
        acr: Acr::Aal1,
        amr: &["pwd"],
    };

    /// A code beside a password.
    pub(crate) const CODE: Self = Self {
        acr: Acr::Aal2,
        amr: &["otp", "mfa"],
    };

    /// A passkey beside a password.
    pub(crate) const PASSKEY: Self = Self {
        acr: Acr::Aal2,
        amr: &["pop", "mfa"],
    };

    /// A passkey whose authenticator has verified the person: two factors by
    /// itself, and nothing that could be phished.
    pub(crate) const PASSKEY_VERIFIED: Self = Self {
        acr: Acr::Aal3,
        amr: &["pop", "user", "mfa"],
    };

    fn amr(self) -> Vec<String> {
        self.amr.iter().map(|&method| method.to_owned()).collect()
    }
}

/// How long the log keeps a sign-in that came to nothing. More than a day, so
/// that a gap among young messages is known to be damage.
const ATTEMPT_RETENTION: std::time::Duration = std::time::Duration::from_hours(7 * 24);

impl App {
    /// Opens a session for somebody who has authenticated: a new one, or the
    /// one that an attempt has announced.
    pub(crate) async fn open_session(
        &self,
        request: &Circumstances,
        session: Option<SessionId>,
        id: AccountId,
        account: &Loaded<Account>,
        proof: Proof,
    ) -> Result<Granted, Denied> {
        let session = match session {
            Some(session) => session,
            None => SessionId::generate(id, request.now, random()?),
        };
        let meta = request.meta(Actor::Account(id), Some(id))?;
        let key = self.data_key(id).await?;
        let seal = |value: &str, field| key.seal(value, id, meta.message, field);
        let start = Start {
            account: id,
            standing: account.state.standing(),
            client: self.config.client_id.clone(),
            ip: seal(&request.ip.to_string(), "ip")?,
            user_agent: request
                .user_agent
                .as_deref()
                .map(|agent| seal(agent, "user_agent"))
                .transpose()?,
            acr: proof.acr,
            amr: proof.amr(),
            binding: self.binding(request, &key, id, meta.message)?,
            now: request.now,
            idle: self.config.session_idle,
            absolute: self.config.session_absolute,
            retention: self.config.session_retention,
        };
        let command = SessionCommand::Start(start);
        let started = self.sessions.execute(session, &meta, &command).await?;
        self.granted(request, session, &started, &account.state.roles)
    }

    /// Notes that the password was right and a second factor is asked for.
    pub(crate) async fn attempt(
        &self,
        request: &Circumstances,
        id: AccountId,
        account: &Loaded<Account>,
    ) -> Result<(SessionId, Position), Denied> {
        let session = SessionId::generate(id, request.now, random()?);
        let meta = request.meta(Actor::Account(id), Some(id))?;
        let key = self.data_key(id).await?;
        let command = SessionCommand::Attempt(Attempt {
            account: id,
            standing: account.state.standing(),
            ip: key.seal(&request.ip.to_string(), id, meta.message, "ip")?,
            amr: Proof::PASSWORD.amr(),
            now: request.now,
            lifetime: self.config.mfa_attempt,
            retention: ATTEMPT_RETENTION,
        });
        let attempted = self.sessions.execute(session, &meta, &command).await?;
        Ok((session, attempted.position))
    }

    /// Raises a session by what its owner has proved.
    pub(crate) async fn step_up(
        &self,
        request: &Circumstances,
        session: SessionId,
        id: AccountId,
        account: &Account,
        proof: Proof,
        replaces_token: bool,
    ) -> Result<Granted, Denied> {
        let meta = request.meta(Actor::Account(id), Some(id))?;
        let key = self.data_key(id).await?;
        let command = SessionCommand::StepUp(StepUp {
            standing: account.standing(),
            acr: proof.acr,
            amr: proof.amr(),
            binding: self.binding(request, &key, id, meta.message)?,
            replaces_token,
            now: request.now,
        });
        let raised = self.sessions.execute(session, &meta, &command).await?;
        self.granted(request, session, &raised, &account.roles)
    }

    /// Lets the session that changed its account go on, when the change has
    /// ended all of before.
    pub(crate) async fn continue_session(
        &self,
        request: &Circumstances,
        session: SessionId,
        id: AccountId,
        account: &Account,
    ) -> Result<Granted, Denied> {
        self.raise_epoch_locally(id, account.min_epoch, request.now)?;
        let meta = request.meta(Actor::Account(id), Some(id))?;
        let command = SessionCommand::Continue {
            epoch: account.epoch,
        };
        let continued = self.sessions.execute(session, &meta, &command).await?;
        self.granted(request, session, &continued, &account.roles)
    }

    /// The tokens of a session as a command has left it.
    pub(crate) fn granted(
        &self,
        request: &Circumstances,
        session: SessionId,
        executed: &Executed<Session>,
        roles: &[String],
    ) -> Result<Granted, Denied> {
        let live = executed
            .state
            .state
            .get()
            .ok_or_else(|| Denied::Broken("a session that was granted has no state".into()))?;
        let expires = live.idle_expires_at.distance(request.now);
        Ok(Granted {
            tokens: self.mint(request, session, live, roles)?,
            acr: live.acr.to_string(),
            refresh_expires_in: expires.as_secs(),
            position: executed.position,
        })
    }

    /// The tokens of a session's live generation.
    fn mint(
        &self,
        request: &Circumstances,
        session: SessionId,
        live: &Live,
        roles: &[String],
    ) -> Result<wire::Tokens, Denied> {
        let seconds = |at: Timestamp| u64::try_from(at.as_seconds()).unwrap_or_default();
        let issued = seconds(request.now);
        // No token outlives its session.
        let expires = seconds(
            request
                .now
                .plus(self.config.access_token)
                .min(live.expires_at),
        );
        let claims = Claims {
            iss: self.config.issuer.clone(),
            sub: live.account.uuid(),
            aud: Audience::from(self.config.audience.as_str()),
            exp: expires,
            iat: issued,
            nbf: issued,
            jti: token_id()?,
            client_id: live.client.clone(),
            sid: session.uuid(),
            epoch: live.epoch,
            scope: String::new(),
            roles: roles.to_vec(),
            acr: Some(live.acr.to_string()),
            amr: live.amr.clone(),
            auth_time: Some(seconds(live.auth_time)),
            cnf: None,
            act: None,
        };
        let access_token = self.sign(&claims)?;
        let refresh_token = self.refresh_tokens.seal(RefreshToken {
            session,
            generation: live.generation,
        });
        Ok(wire::Tokens {
            access_token: wire::Secret::new(access_token),
            token_type: wire::TokenType::Bearer,
            expires_in: expires.saturating_sub(issued),
            refresh_token: Some(wire::Secret::new(refresh_token)),
            session_id: session.uuid(),
        })
    }

    /// Refuses the session's tokens on this service from now on, without
    /// waiting for the feed to bring the news back.
    pub(crate) fn revoke_locally(&self, session: SessionId, now: Timestamp) -> Result<(), Denied> {
        let forget_at = self.forget_at(now);
        self.verifier
            .revocations()
            .revoke_session(session.uuid(), forget_at)
            .map_err(|full| Denied::Broken(full.to_string()))
    }

    /// The same for everything of an account that is older than `min_epoch`.
    pub(crate) fn raise_epoch_locally(
        &self,
        account: AccountId,
        min_epoch: u64,
        now: Timestamp,
    ) -> Result<(), Denied> {
        let forget_at = self.forget_at(now);
        self.verifier
            .revocations()
            .raise_epoch(account.uuid(), min_epoch, forget_at)
            .map_err(|full| Denied::Broken(full.to_string()))
    }

    /// Until when a revocation that is decided now must be remembered, in
    /// Unix seconds.
    pub(crate) fn forget_at(&self, now: Timestamp) -> u64 {
        let until = now
            .plus(crate::config::MAX_ACCESS_TOKEN)
            .plus(self.config.clock_skew);
        u64::try_from(until.as_seconds()).unwrap_or_default()
    }
}
