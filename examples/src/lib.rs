//! What the example services share: settings from the environment, and the
//! way they start and stop. Everything that matters is in the two binaries.

use countersign_verifier::live::{
    ClientCredentials, LiveConfig, LiveVerifier, NatsCredentials, Source,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Whatever stops an example.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Which way to take where both are set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefer {
    /// NATS.
    Nats,
    /// Server-sent events.
    Sse,
}

/// The verifier that the environment describes; see `examples/README.md`.
pub fn verifier(name: &str, prefer: Prefer) -> Result<LiveVerifier, Failure> {
    let filter = optional("RUST_LOG").unwrap_or_else(|| "warn,async_nats=off".to_owned());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let issuer = needed("COUNTERSIGN_ISSUER")?;
    let base_url = optional("COUNTERSIGN_URL").unwrap_or_else(|| issuer.clone());
    let client = credentials()?;
    let nats = optional("COUNTERSIGN_NATS_URL").map(|url| Source::Nats {
        url: url.into(),
        prefix: optional("COUNTERSIGN_PREFIX").unwrap_or_else(|| "countersign".to_owned()),
        credentials: NatsCredentials::Url,
    });
    let sse = client.clone().map(|credentials| Source::Sse {
        base_url: base_url.clone(),
        credentials,
    });
    let source = match prefer {
        Prefer::Nats => nats.or(sse),
        Prefer::Sse => sse.or(nats),
    };
    let source = source.ok_or("set COUNTERSIGN_CLIENT_ID or COUNTERSIGN_NATS_URL")?;
    let mut config = LiveConfig::new(issuer, needed("COUNTERSIGN_AUDIENCE")?, source)
        .with_name(&optional("COUNTERSIGN_NAME").unwrap_or_else(|| name.to_owned()))
        .with_jwks_url(format!("{base_url}/.well-known/jwks.json"));
    if let Some(client) = client {
        config = config.with_introspection(base_url, client);
    }
    if let Some(millis) = optional("COUNTERSIGN_MAX_STALENESS_MS") {
        config = config.with_max_staleness(Duration::from_millis(millis.parse()?));
    }
    if optional("COUNTERSIGN_ALLOW_HTTP").as_deref() == Some("true") {
        config = config.allow_http();
    }
    Ok(LiveVerifier::start(config)?)
}

/// Where to listen: `LISTEN`, or a free port of this machine.
pub async fn listener() -> Result<tokio::net::TcpListener, Failure> {
    let address = optional("LISTEN").unwrap_or_else(|| "127.0.0.1:0".to_owned());
    Ok(tokio::net::TcpListener::bind(address).await?)
}

/// Tells whoever started the service where it is.
pub fn announce(address: SocketAddr) -> Result<(), Failure> {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "ready http://{address}")?;
    Ok(stdout.flush()?)
}

/// What `GET /healthz` says.
pub fn health(verifier: &LiveVerifier) -> Value {
    json!({
        "ready": verifier.is_ready(),
        "staleness_ms": verifier.staleness().map(|staleness| staleness.as_millis()),
        "position": verifier.position(),
        "verifier": verifier.id(),
    })
}

/// Waits until the service is told to stop.
pub async fn stopped() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// The client that this service is registered as, if it is.
fn credentials() -> Result<Option<ClientCredentials>, Failure> {
    let Some(client_id) = optional("COUNTERSIGN_CLIENT_ID") else {
        return Ok(None);
    };
    let secret = match optional("COUNTERSIGN_CLIENT_SECRET_FILE") {
        Some(path) => std::fs::read_to_string(path)?.trim_end().to_owned(),
        None => needed("COUNTERSIGN_CLIENT_SECRET")?,
    };
    Ok(Some(ClientCredentials {
        client_id,
        client_secret: SecretString::from(secret),
    }))
}

fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn needed(name: &str) -> Result<String, Failure> {
    optional(name).ok_or_else(|| format!("{name} is not set").into())
}
