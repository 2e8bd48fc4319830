//! From settings to the parts of the system.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_api::http::Server;
use countersign_api::{ApiConfig, App, Blocklist, Clock, Denied, ShellSettings};
use countersign_events::KeyAlgorithm;
use countersign_log::{
    GateState, KeyEncryptionKey, Log, LogConfig, LogError, SealError, patiently,
};
use countersign_projector::anchor::Signer;
use countersign_projector::{CheckpointFileOptions, Options};
use countersign_verifier::{Algorithm, SigningKey};
use countersign_views::{ViewError, pool};
use secrecy::ExposeSecret;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use crate::mail;
use crate::settings::{Settings, SettingsError};

/// Why a verb did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A value of the settings that breaks a promise.
    #[error(transparent)]
    Config(#[from] countersign_api::ConfigError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The read models.
    #[error(transparent)]
    Views(#[from] ViewError),
    /// A rebuild of the read models.
    #[error(transparent)]
    Rebuild(#[from] countersign_projector::RebuildError),
    /// The service.
    #[error(transparent)]
    Service(#[from] Denied),
    /// The private servers of `dev`.
    #[error(transparent)]
    Stack(#[from] crate::stack::StackError),
    /// The service at the other end of HTTP.
    #[error(transparent)]
    Client(countersign_tui::ClientError),
    /// What was said on the command line or in the environment cannot be done.
    #[error("{0}")]
    Usage(String),
    /// A file or a socket.
    #[error("{what}: {error}")]
    Io {
        /// Which.
        what: String,
        /// Why.
        error: std::io::Error,
    },
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// Names the file or socket an error is about.
    pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io { what, error }
    }

    /// What was said cannot be done, in words.
    pub fn usage(error: impl std::fmt::Display) -> Self {
        Self::Usage(error.to_string())
    }

    /// Anything else, in words.
    pub fn other(error: impl std::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        Self::Log(error.into())
    }
}

/// Opens the log; waits for NATS for as long as it takes.
pub async fn log(settings: &Settings) -> Result<Log, Failure> {
    let kek = settings.required("kek")?;
    let kek =
        KeyEncryptionKey::from_base64(kek.expose_secret()).map_err(|_| settings.wrong("kek"))?;
    let config = LogConfig {
        nats_url: settings.required("nats_url")?.clone(),
        prefix: settings.parsed("prefix")?,
        shards: settings.parsed("shards")?,
        replicas: settings.parsed("replicas")?,
        kek,
        deadline: Duration::from_millis(settings.parsed("log_deadline_millis")?),
        cache_entries: 20_000,
    };
    let open = async || Log::open(config.clone()).await;
    Ok(patiently("the log", open).await?)
}

/// How Postgres is reached.
pub fn postgres(settings: &Settings) -> Result<PgConnectOptions, Failure> {
    let url = settings.required("postgres_url")?;
    Ok(pool::connect_options(url.expose_secret()).map_err(|_| settings.wrong("postgres_url"))?)
}

/// The pool that answers requests.
pub fn views(settings: &Settings) -> Result<PgPool, Failure> {
    Ok(pool::api_pool(postgres(settings)?, 8))
}

/// The rules of the service that listens on `address`.
pub fn api_config(settings: &Settings, address: SocketAddr) -> Result<ApiConfig, Failure> {
    let seconds = |name| settings.parsed::<u64>(name).map(Duration::from_secs);
    let issuer = match settings.get("issuer") {
        Some(issuer) => issuer.expose_secret().to_owned(),
        None => format!("http://{address}"),
    };
    let mut config = ApiConfig {
        issuer,
        audience: settings.parsed("audience")?,
        access_token: seconds("access_token_seconds")?,
        service_token: seconds("service_token_seconds")?,
        session_idle: seconds("session_idle_seconds")?,
        session_absolute: seconds("session_absolute_seconds")?,
        session_retention: seconds("session_retention_seconds")?,
        refresh_grace: seconds("refresh_grace_seconds")?,
        position_wait: Duration::from_millis(settings.parsed("position_wait_millis")?),
        max_staleness: seconds("max_staleness_seconds")?,
        jwks_cache: seconds("jwks_cache_seconds")?,
        key_rotation: Duration::from_hours(24) * settings.parsed::<u32>("key_rotation_days")?,
        signing_algorithm: match text(settings, "signing_algorithm").as_str() {
            "ES256" => KeyAlgorithm::ES256,
            "EdDSA" => KeyAlgorithm::EdDSA,
            _ => return Err(settings.wrong("signing_algorithm").into()),
        },
        product: text(settings, "product"),
        mfa_attempt: seconds("mfa_attempt_seconds")?,
        own_max_age: seconds("own_max_age_seconds")?,
        operator_max_age: seconds("operator_max_age_seconds")?,
        password_reset: seconds("password_reset_seconds")?,
        email_verification: seconds("email_verification_seconds")?,
        verify_email_first: settings.parsed("verify_email_first")?,
        binding: text(settings, "session_binding")
            .parse()
            .map_err(|()| settings.wrong("session_binding"))?,
        allowed_origins: listed(&text(settings, "allowed_origins")),
        ..ApiConfig::default()
    };
    config.throttle.network_failures_per_minute = settings.parsed("failed_logins_per_minute")?;
    config.throttle.registrations_per_hour = settings.parsed("registrations_per_hour")?;
    config.throttle.mails_per_hour = settings.parsed("mails_per_hour")?;
    let blocklist = text(settings, "password_blocklist");
    if !blocklist.is_empty() {
        config.password.blocklist = Blocklist::read(Path::new(&blocklist))
            .map_err(|error| Failure::other(format!("{blocklist}: {error}")))?;
    }
    config.dev_mail = mail::folder(settings);
    config.password.min_length = settings.parsed("password_min_length")?;
    config.password.memory_kib = settings.parsed("password_memory_kib")?;
    config.password.iterations = settings.parsed("password_iterations")?;
    let workers: usize = settings.parsed("password_workers")?;
    if workers > 0 {
        config.password.workers = workers;
        config.password.queue = 8 * workers;
    }
    config.validate()?;
    Ok(config)
}

/// The value of a setting that has a default.
pub(crate) fn text(settings: &Settings, name: &'static str) -> String {
    let value = settings.get(name);
    value.map_or_else(String::new, |value| value.expose_secret().to_owned())
}

fn listed(text: &str) -> Vec<String> {
    let words = text.split(',').map(str::trim);
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What the shell is told.
pub fn shell(settings: &Settings) -> Result<ShellSettings, Failure> {
    let text = settings
        .get("trusted_proxies")
        .map_or("", |text| text.expose_secret());
    Ok(ShellSettings {
        trusted_proxies: text
            .parse()
            .map_err(|_| settings.wrong("trusted_proxies"))?,
        ..ShellSettings::default()
    })
}

/// Binds the socket, so that its port is known before anything else starts.
pub fn bind(settings: &Settings) -> Result<Server, Failure> {
    let address: SocketAddr = settings.parsed("listen")?;
    Server::bind(address).map_err(Failure::io(format!("cannot listen on {address}")))
}

/// Where the signed checkpoint of the log is kept, if anywhere.
pub fn checkpoint_file(settings: &Settings) -> Option<PathBuf> {
    let text = settings.get("checkpoint_file")?.expose_secret();
    (!text.is_empty()).then(|| PathBuf::from(text))
}

/// The key that signs checkpoints of the log, made at first use.
pub async fn checkpoint_signer(log: &Log) -> Result<Signer, Failure> {
    let make = || SigningKey::generate_pkcs8(Algorithm::EdDsa).map_err(|_| SealError::Randomness);
    let pkcs8 = log.vault().named("checkpoint-signing-key", make).await?;
    Signer::from_pkcs8(&pkcs8).map_err(Failure::other)
}

/// The options of a projector.
pub async fn projector(settings: &Settings, log: &Log, clock: &Clock) -> Result<Options, Failure> {
    let clock = clock.clone();
    let mut options = Options::new(Arc::new(move || clock.now()));
    if let Some(path) = checkpoint_file(settings) {
        let signer = checkpoint_signer(log).await?;
        options.checkpoint_file = Some(CheckpointFileOptions { path, signer });
    }
    Ok(options)
}

/// Starts the service's parts: the gate opens beside them, as soon as the log
/// has been compared with its anchor.
pub async fn app(
    settings: &Settings,
    log: &Log,
    clock: Clock,
    address: SocketAddr,
) -> Result<Arc<App>, Failure> {
    let config = api_config(settings, address)?;
    tokio::spawn(crate::anchoring::open_gate(
        log.clone(),
        postgres(settings)?,
        checkpoint_file(settings),
    ));
    let app = Box::pin(App::start(config, clock, log.clone(), views(settings)?)).await?;
    if let GateState::Damaged { first_bad, finding } = log.gate().state() {
        tracing::error!(%first_bad, finding, "the log is damaged; nothing will be appended");
    }
    Ok(Arc::new(app))
}
