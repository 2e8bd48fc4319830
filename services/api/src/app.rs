//! What every endpoint works with.

use std::sync::{Arc, Weak};
use std::time::Duration;

use countersign_domain::{
    Account, Client, EmailReservation, FactorUse, Grant, Revocation, Session,
};
use countersign_events::{AccountId, CredentialId, Noun, Signal, SignalKind};
use countersign_feed::{Feed, FeedConfig, Listener};
use countersign_log::{Blind, Log, Repository, patiently};
use countersign_mail::ActionTokens;
use countersign_passkey::{Challenges, PasskeyError, Passkeys};
use countersign_throttle::Throttle;
use countersign_verifier::{RevocationSet, Verifier};
use quick_cache::sync::Cache;
use sqlx::PgPool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::access::AccessTable;
use crate::circumstances::Circumstances;
use crate::client;
use crate::clock::Clock;
use crate::config::ApiConfig;
use crate::csrf::CsrfTokens;
use crate::denied::Denied;
use crate::email::BlindIndex;
use crate::flood::Floods;
use crate::http::origin::AllowedOrigins;
use crate::keys::{self, Heard, Keys};
use crate::metrics::Metrics;
use crate::numbers::Numbers;
use crate::password::{HashPool, PasswordHash, PasswordPolicy};
use crate::postgres::PostgresHealth;
use crate::projected::Projected;
use crate::secrets::Secrets;
use crate::tip::Tip;
use crate::token::{DeviceTokens, MfaTokens, RefreshTokens};

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
    /// The uses of second factors, from the log.
    pub(crate) factors: Repository<FactorUse>,
    /// Clients, from the log.
    pub(crate) clients: Repository<Client>,
    /// Grants that were revoked, from the log.
    pub(crate) grants: Repository<Grant>,
    /// What is kept of clients' secrets.
    pub(crate) client_secrets: client::Secrets,
    /// Names the assertions that clients have used.
    pub(crate) assertion_names: Blind,
    /// Orders to end many sessions, from the log.
    pub(crate) orders: Repository<Revocation>,
    /// The read models.
    pub views: PgPool,
    /// How far the read models have come.
    pub projected: Projected,
    /// Whether Postgres answers.
    pub postgres: PostgresHealth,
    /// What is counted.
    pub metrics: Metrics,
    /// Makes guessing slow.
    pub(crate) throttle: Throttle,
    /// Hashes passwords.
    pub(crate) hashing: HashPool,
    /// Hashes that were read from the vault: a credential never changes.
    pub(crate) hashes: Cache<CredentialId, PasswordHash>,
    /// Accepts passwords.
    pub(crate) password_policy: PasswordPolicy,
    /// Speaks with passkeys; none where the public URL has no name.
    passkeys: Option<Passkeys>,
    /// Seals what a passkey is to sign.
    pub(crate) challenges: Challenges,
    /// Finds addresses.
    pub blind_index: BlindIndex,
    /// Seals refresh tokens.
    pub(crate) refresh_tokens: RefreshTokens,
    /// Seals what a right password leaves to prove.
    pub(crate) mfa_tokens: MfaTokens,
    /// Seals what a device keeps of a login.
    pub(crate) device_tokens: DeviceTokens,
    /// Seals what a link in a mail carries.
    pub(crate) action_tokens: ActionTokens,
    /// Seals what a page sends back.
    pub(crate) csrf_tokens: CsrfTokens,
    /// Whose pages may call.
    pub(crate) origins: AllowedOrigins,
    /// What every operation asks of its caller.
    pub(crate) access: AccessTable,
    /// Sign and publish.
    pub(crate) keys: Arc<Keys>,
    /// Checks access tokens.
    pub verifier: Verifier,
    /// Follows the log.
    pub feed: Feed,
    /// Bounds how many follow the revocation feed over HTTP.
    pub(crate) streams: Arc<Semaphore>,
    /// Ends what is answered without end, when the service stops.
    pub(crate) closing: CancellationToken,
    /// How far every shard of the log is known to reach.
    pub(crate) tip: Tip,
    /// Bounds how many follow the log over HTTP.
    pub(crate) tails: Arc<Semaphore>,
    /// Bounds how many ask at once how somebody tried to sign in.
    pub(crate) attempts: Semaphore,
    /// Bounds how many questions about what was are answered side by side.
    pub(crate) past: Semaphore,
    /// The numbers of the front page.
    pub(crate) numbers: Numbers,
    /// Bounds what goes on after its answer was given.
    afterwards: Arc<Semaphore>,
    /// Which floods were noted of late.
    floods: Floods,
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
        let factors = Repository::new(&log);
        let orders = Repository::new(&log);
        let clients = Repository::new(&log);
        let grants = Repository::new(&log);
        let keyring = Heard::new(&log);
        let revocations = Arc::new(RevocationSet::default());
        let tip = Tip::new(log.shards());
        let listener = listener(
            &log, &accounts, &sessions, &emails, &factors, &orders, &clients, &grants, &keyring,
        );
        let listener = tip.listening(listener);
        let feed_config = FeedConfig {
            token_lifetime: crate::config::MAX_ACCESS_TOKEN,
            clock_skew: config.clock_skew,
            name: own_name(),
            max_staleness: config.max_staleness,
        };
        let feed = async || {
            let (set, listener) = (Arc::clone(&revocations), Arc::clone(&listener));
            Feed::start(&log, &feed_config, set, listener, clock.now()).await
        };
        let keys = async || {
            let set = Arc::clone(&revocations);
            Keys::load_or_found(&log, &keyring, set, &config, clock.now()).await
        };
        let throttle = async || Throttle::open(&log, config.throttle).await;
        let (feed, secrets, throttle, keys) = tokio::try_join!(
            async { Ok(patiently("the feed", feed).await?) },
            async { Ok(Box::pin(Secrets::load(&log)).await?) },
            async { Ok(Box::pin(patiently("the throttle", throttle)).await?) },
            patiently("the signing keys", keys),
        )?;
        let blind = async || log.blind("client-assertions").await;
        let assertion_names = patiently("the vault", blind).await?;
        feed.caught_up(&log).await?;
        tokio::spawn(forget(Arc::downgrade(&revocations), clock.clone()));
        let broken = |error: &dyn std::fmt::Display| Denied::Broken(error.to_string());
        let keys = Arc::new(keys);
        tokio::spawn(keys::follow(
            Arc::downgrade(&keys),
            log.clone(),
            config.clone(),
            clock.clone(),
            keyring.told(),
        ));
        let checking = Arc::clone(keys.checking());
        let (issuer, audience) = (config.issuer.clone(), config.audience.clone());
        let verifier = Verifier::new(issuer, audience, checking, revocations);
        Ok(Self {
            hashing: HashPool::start(&config.password)?,
            hashes: Cache::new(CACHED_HASHES),
            throttle,
            password_policy: PasswordPolicy::new(&config.password),
            passkeys: passkeys(&config)?,
            challenges: Challenges::new(&secrets.challenge).map_err(|error| broken(&error))?,
            blind_index: BlindIndex::new(&secrets.email_index),
            refresh_tokens: RefreshTokens::new(&secrets.refresh_token),
            mfa_tokens: MfaTokens::new(&secrets.mfa_token),
            device_tokens: DeviceTokens::new(&secrets.device_token),
            action_tokens: ActionTokens::new(&secrets.action_token),
            csrf_tokens: CsrfTokens::new(&secrets.csrf).map_err(|error| broken(&error))?,
            origins: AllowedOrigins::new(
                &config.issuer,
                config.allowed_origins.iter().map(String::as_str),
            )
            .map_err(|error| broken(&error))?,
            access: crate::service::access()?,
            keys,
            verifier,
            feed,
            streams: Arc::new(Semaphore::new(STREAMS)),
            closing: CancellationToken::new(),
            afterwards: Arc::new(Semaphore::new(AFTERWARDS)),
            floods: Floods::default(),
            tip,
            tails: Arc::new(Semaphore::new(TAILS)),
            attempts: Semaphore::new(ATTEMPTS),
            past: Semaphore::new(PAST_QUESTIONS),
            numbers: Numbers::default(),
            projected: Projected::listen(&log, config.position_wait),
            postgres: PostgresHealth::watch(views.clone()),
            metrics: Metrics::default(),
            accounts,
            sessions,
            emails,
            factors,
            clients,
            grants,
            client_secrets: client::Secrets::default(),
            assertion_names,
            orders,
            views,
            log,
            clock,
            config,
        })
    }

    /// A place among what goes on after its answer was given, if there is one.
    pub(crate) fn afterwards(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.afterwards).try_acquire_owned().ok()
    }

    /// What speaks with passkeys.
    pub(crate) fn passkeys(&self) -> Result<&Passkeys, Denied> {
        self.passkeys.as_ref().ok_or(Denied::NoPasskeys)
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
        // In a storm one a second says as much as a thousand, and each costs
        // NATS a write. The metrics count them all.
        let is_flood = matches!(kind, SignalKind::LoginShed | SignalKind::Throttled);
        if is_flood && !self.floods.admit(account, request.now.as_seconds()) {
            return;
        }
        self.log.signal(&signal).await;
    }
}

/// Browsers bind passkeys to a name, so a public URL of an address that is not
/// this machine's has none.
fn passkeys(config: &ApiConfig) -> Result<Option<Passkeys>, Denied> {
    match Passkeys::new(&config.issuer, &config.product) {
        Ok(passkeys) => Ok(Some(passkeys)),
        Err(PasskeyError::Address) => {
            tracing::warn!("the issuer has no host name, so there are no passkeys");
            Ok(None)
        }
        Err(error) => Err(Denied::Broken(error.to_string())),
    }
}

/// What this instance calls itself among the verifiers.
fn own_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let host = host.unwrap_or_else(|_| "host".into());
    format!("serve/{}:{}", host.trim(), std::process::id())
}

/// How many follow the revocation feed over HTTP at the same time.
const STREAMS: usize = 1_000;

/// How many follow the log over HTTP at the same time.
const TAILS: usize = 64;

/// How many ask at once how somebody tried to sign in: each asks NATS some
/// dozen questions.
const ATTEMPTS: usize = 4;

/// How many questions about what was are answered at the same time: each may
/// hold long histories in memory.
const PAST_QUESTIONS: usize = 4;

/// How much may go on after its answer was given.
const AFTERWARDS: usize = 256;

/// How many password hashes are kept in memory.
const CACHED_HASHES: usize = 20_000;

/// Tells every cache of what was seen in the log.
fn listener(
    log: &Log,
    accounts: &Repository<Account>,
    sessions: &Repository<Session>,
    emails: &Repository<EmailReservation>,
    factors: &Repository<FactorUse>,
    orders: &Repository<Revocation>,
    clients: &Repository<Client>,
    grants: &Repository<Grant>,
    keyring: &Heard,
) -> Listener {
    let (log, accounts, sessions) = (log.clone(), accounts.clone(), sessions.clone());
    let (emails, factors, keyring) = (emails.clone(), factors.clone(), keyring.clone());
    let (orders, clients, grants) = (orders.clone(), clients.clone(), grants.clone());
    Arc::new(move |message: &countersign_log::RawMessage| {
        match message.subject.noun {
            Noun::Account => {
                accounts.seen(message);
                // It may say that the person was forgotten.
                let account = AccountId::from_uuid(message.subject.id);
                log.vault().doubt_data_key(account);
            }
            Noun::Session => sessions.seen(message),
            Noun::Email => emails.seen(message),
            Noun::Factor => factors.seen(message),
            Noun::Key => keyring.seen(message),
            Noun::Revocation => orders.seen(message),
            Noun::Client => clients.seen(message),
            Noun::Grant => grants.seen(message),
        }
    })
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
