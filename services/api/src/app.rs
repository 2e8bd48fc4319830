//! What every endpoint works with.

use std::sync::{Arc, Weak};
use std::time::Duration;

use countersign_domain::{
    Account, EmailReservation, Live, SealedIn, Session, SessionCommand, Start,
};
use countersign_events::{AccountId, Acr, Actor, Position, SessionId, Signal, SignalKind};
use countersign_feed::{Feed, FeedConfig, Listener};
use countersign_log::{Loaded, Log, Repository, SealError, patiently, random};
use countersign_openapi as wire;
use countersign_verifier::{
    Audience, Claims, KeyRing, KeySet, RevocationSet, SigningKey, Verifier,
};
use sqlx::PgPool;
use zeroize::Zeroizing;

use crate::circumstances::Circumstances;
use crate::clock::Clock;
use crate::config::ApiConfig;
use crate::denied::Denied;
use crate::email::BlindIndex;
use crate::keys::{self, token_id};
use crate::metrics::Metrics;
use crate::password::{HashPool, PasswordPolicy};
use crate::postgres::PostgresHealth;
use crate::projected::Projected;
use crate::refresh_token::{RefreshToken, RefreshTokens};

/// A running service's parts.
pub struct App {
    /// What it was told.
    pub config: ApiConfig,
    /// The time.
    pub clock: Clock,
    /// The log.
    pub log: Log,
    /// Accounts, from the log.
    pub accounts: Repository<Account>,
    /// Sessions, from the log.
    pub sessions: Repository<Session>,
    /// Address reservations, from the log.
    pub emails: Repository<EmailReservation>,
    /// The read models.
    pub views: PgPool,
    /// How far the read models have come.
    pub projected: Projected,
    /// Whether Postgres answers.
    pub postgres: PostgresHealth,
    /// What is counted.
    pub metrics: Metrics,
    /// Hashes passwords.
    pub hashing: HashPool,
    /// Accepts passwords.
    pub password_policy: PasswordPolicy,
    /// Finds addresses.
    pub blind_index: BlindIndex,
    /// Seals refresh tokens.
    pub refresh_tokens: RefreshTokens,
    /// Mints access tokens.
    pub signing: SigningKey,
    /// Checks access tokens.
    pub verifier: Verifier,
    /// The published keys, ready to send.
    pub jwks: wire::Jwks,
    /// Follows the log.
    pub feed: Feed,
}

/// A session that was opened or continued, and its tokens.
pub struct Granted {
    /// The tokens.
    pub tokens: wire::Tokens,
    /// Where the grant stands in the log.
    pub position: Position,
}

impl App {
    /// Loads what a service needs before it can answer, and waits until it
    /// knows every revocation that was in the log.
    pub async fn start(
        config: ApiConfig,
        clock: Clock,
        log: Log,
        views: PgPool,
    ) -> Result<Self, Denied> {
        config
            .validate()
            .map_err(|error| Denied::Broken(error.to_string()))?;
        let accounts = Repository::new(&log);
        let sessions = Repository::new(&log);
        let emails = Repository::new(&log);
        let revocations = Arc::new(RevocationSet::default());
        let listener: Listener = {
            let (accounts, sessions, emails) = (
                Repository::clone(&accounts),
                Repository::clone(&sessions),
                Repository::clone(&emails),
            );
            Arc::new(move |message: &countersign_log::RawMessage| {
                Repository::<Account>::seen(&accounts, message);
                Repository::<Session>::seen(&sessions, message);
                Repository::<EmailReservation>::seen(&emails, message);
            })
        };
        let feed_config = FeedConfig {
            token_lifetime: crate::config::MAX_ACCESS_TOKEN,
            clock_skew: config.clock_skew,
        };
        let secret = || Ok::<_, SealError>(Zeroizing::new(random::<32>()?.to_vec()));
        let named = async |name| log.vault().named(name, secret).await;
        let feed = async || {
            let (set, listener) = (Arc::clone(&revocations), Arc::clone(&listener));
            Feed::start(&log, &feed_config, set, listener, clock.now()).await
        };
        let keys = async || keys::load_or_found(&log, clock.now()).await;
        let (feed, pepper, refresh, keys) = tokio::try_join!(
            async { Ok(patiently("the feed", feed).await?) },
            async { Ok(patiently("the vault", async || named("email-index-key").await).await?) },
            async { Ok(patiently("the vault", async || named("refresh-token-key").await).await?) },
            patiently("the signing keys", keys),
        )?;
        feed.caught_up(&log).await?;
        tokio::spawn(forget(Arc::downgrade(&revocations), clock.clone()));
        let jwks = serde_json::from_str(&keys.published.to_jwks())
            .map_err(|error| Denied::Broken(error.to_string()))?;
        let verifier = verifier(&config, keys.published, revocations);
        Ok(Self {
            hashing: HashPool::start(&config.password)?,
            password_policy: PasswordPolicy::new(&config.password),
            blind_index: BlindIndex::new(&pepper),
            refresh_tokens: RefreshTokens::new(&refresh),
            signing: keys.signing,
            verifier,
            jwks,
            feed,
            projected: Projected::listen(&log, config.position_wait),
            postgres: PostgresHealth::watch(views.clone()),
            metrics: Metrics::default(),
            accounts,
            sessions,
            emails,
            views,
            log,
            clock,
            config,
        })
    }

    /// Opens a session for somebody who has authenticated.
    pub async fn open_session(
        &self,
        request: &Circumstances,
        id: AccountId,
        account: &Loaded<Account>,
        acr: Acr,
        amr: &[&str],
    ) -> Result<Granted, Denied> {
        let session = SessionId::generate(id, request.now, random()?);
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
            acr,
            amr: amr.iter().map(|&method| method.to_owned()).collect(),
            now: request.now,
            idle: self.config.session_idle,
            absolute: self.config.session_absolute,
            retention: self.config.session_retention,
        };
        let started = self
            .sessions
            .execute(session, &meta, &SessionCommand::Start(start))
            .await?;
        let live = started
            .state
            .state
            .get()
            .ok_or_else(|| Denied::Broken("a started session has no state".into()))?;
        Ok(Granted {
            tokens: self.mint(request, session, live, &account.state.roles)?,
            position: started.position,
        })
    }

    /// The tokens of a session's live generation.
    pub fn mint(
        &self,
        request: &Circumstances,
        session: SessionId,
        live: &Live,
        roles: &[String],
    ) -> Result<wire::Tokens, Denied> {
        let seconds =
            |at: countersign_events::Timestamp| u64::try_from(at.as_seconds()).unwrap_or_default();
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
        };
        let access_token = self
            .signing
            .mint(&claims)
            .map_err(|error| Denied::Broken(error.to_string()))?;
        let refresh_token = self.refresh_tokens.seal(RefreshToken {
            session,
            generation: live.generation,
        });
        Ok(wire::Tokens {
            access_token: wire::Secret::new(access_token),
            token_type: wire::TokenType::Bearer,
            expires_in: expires.saturating_sub(issued),
            refresh_token: wire::Secret::new(refresh_token),
            session_id: session.uuid(),
        })
    }

    /// Refuses the session's tokens on this service from now on, without
    /// waiting for the feed to bring the news back.
    pub fn revoke_locally(
        &self,
        session: SessionId,
        now: countersign_events::Timestamp,
    ) -> Result<(), Denied> {
        let forget_at = self.forget_at(now);
        self.verifier
            .revocations()
            .revoke_session(session.uuid(), forget_at)
            .map_err(|full| Denied::Broken(full.to_string()))
    }

    /// The same for everything of an account that is older than `min_epoch`.
    pub fn raise_epoch_locally(
        &self,
        account: AccountId,
        min_epoch: u64,
        now: countersign_events::Timestamp,
    ) -> Result<(), Denied> {
        let forget_at = self.forget_at(now);
        self.verifier
            .revocations()
            .raise_epoch(account.uuid(), min_epoch, forget_at)
            .map_err(|full| Denied::Broken(full.to_string()))
    }

    fn forget_at(&self, now: countersign_events::Timestamp) -> u64 {
        let until = now
            .plus(crate::config::MAX_ACCESS_TOKEN)
            .plus(self.config.clock_skew);
        u64::try_from(until.as_seconds()).unwrap_or_default()
    }

    /// The data key of an account that exists.
    pub async fn data_key(&self, account: AccountId) -> Result<countersign_log::DataKey, Denied> {
        self.log
            .vault()
            .data_key(account)
            .await?
            .ok_or_else(|| Denied::Broken("an account has no data key".into()))
    }

    /// How an account is shown to its owner.
    pub async fn show_account(
        &self,
        id: AccountId,
        account: &Account,
    ) -> Result<wire::Account, Denied> {
        let key = self.data_key(id).await?;
        let open = |sealed: &SealedIn, field| key.open(&sealed.value, id, sealed.message, field);
        let email = account.email.as_ref().map(|email| open(email, "email"));
        let name = account
            .display_name
            .as_ref()
            .map(|name| open(name, "display_name"));
        Ok(wire::Account {
            id: id.uuid(),
            email: email.transpose()?.unwrap_or_default(),
            display_name: name.transpose()?,
            email_verified: false,
            roles: account.roles.clone(),
            created_at: account.created_at.to_datetime(),
        })
    }

    /// Notes something that went wrong for a client.
    pub async fn observe(
        &self,
        request: &Circumstances,
        kind: SignalKind,
        account: Option<AccountId>,
    ) {
        let signal = Signal {
            occurred_at: request.now,
            kind,
            account,
            network: request.network.clone(),
            correlation: request.correlation,
        };
        self.metrics.failed(kind, request.now);
        self.log.signal(&signal).await;
    }
}

/// Forgets revocations that no valid token can meet any more, a little every
/// second, for as long as somebody holds the set.
async fn forget(revocations: Weak<RevocationSet>, clock: Clock) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    while let Some(revocations) = revocations.upgrade() {
        revocations.prune(u64::try_from(clock.now().as_seconds()).unwrap_or_default());
        drop(revocations);
        ticks.tick().await;
    }
}

fn verifier(config: &ApiConfig, keys: KeySet, revocations: Arc<RevocationSet>) -> Verifier {
    Verifier::new(
        config.issuer.clone(),
        config.audience.clone(),
        Arc::new(KeyRing::new(keys)),
        revocations,
    )
}
