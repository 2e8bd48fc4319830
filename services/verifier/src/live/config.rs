//! How a live verifier is set up.

use crate::{DEFAULT_LEEWAY_SECONDS, DEFAULT_MAX_ENTRIES, DEFAULT_MAX_LIFETIME_SECONDS};
use secrecy::SecretString;
use std::path::PathBuf;
use std::time::Duration;

/// From how much staleness on a verifier no longer trusts itself, unless set
/// otherwise.
pub const DEFAULT_MAX_STALENESS: Duration = Duration::from_secs(10);
/// The most that can be set: what is revoked is told for minutes, not hours.
pub const MAX_MAX_STALENESS: Duration = Duration::from_mins(5);
/// How many characters of a verifier's name count.
const MAX_NAME_CHARS: usize = 64;

/// The settings of a [`LiveVerifier`](super::LiveVerifier).
#[derive(Debug, Clone)]
pub struct LiveConfig {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) jwks_url: Option<String>,
    pub(crate) introspection: Option<(String, ClientCredentials)>,
    pub(crate) feed_audience: String,
    pub(crate) max_staleness: Duration,
    pub(crate) max_entries: usize,
    pub(crate) leeway_seconds: u64,
    pub(crate) max_lifetime_seconds: u64,
    pub(crate) allows_http: bool,
}

/// Where revocations are heard of.
#[derive(Debug, Clone)]
pub enum Source {
    /// From the deployment's NATS: the fastest way, for services inside.
    Nats {
        /// One URL or several with commas between, as
        /// `nats://user:password@host:4222`.
        url: SecretString,
        /// The deployment's prefix of subjects and streams.
        prefix: String,
        /// How to authenticate, if the URL does not say it.
        credentials: NatsCredentials,
    },
    /// From the deployment's HTTP API, as server-sent events.
    Sse {
        /// The URL of the API, without a slash at its end.
        base_url: String,
        /// A client with the scope `revocations:read`.
        credentials: ClientCredentials,
    },
}

/// How to authenticate to NATS.
#[derive(Debug, Clone, Default)]
pub enum NatsCredentials {
    /// By what stands in the URL, if anything does.
    #[default]
    Url,
    /// By a credentials file (`.creds`).
    File(PathBuf),
    /// By a token.
    Token(SecretString),
}

/// A registered client (RFC 6749 section 2.3.1), shown without its secret.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// The client's id.
    pub client_id: String,
    /// One of its secrets.
    pub client_secret: SecretString,
}

/// Settings with which there is no verifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A text that must not be empty.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// A URL that cannot be read, has a login or a query, or an unknown
    /// scheme.
    #[error("{0} is not a usable URL")]
    Url(&'static str),
    /// Keys and secrets would go over a network in the clear.
    #[error("{0} is not https, and not on this machine")]
    PlainHttp(&'static str),
    /// Nothing, or more than [`MAX_MAX_STALENESS`].
    #[error("the maximal staleness is not between 1 ms and 5 min")]
    MaxStaleness,
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made")]
    Http,
    /// It was not started inside a tokio runtime.
    #[error("there is no tokio runtime")]
    Runtime,
}

impl LiveConfig {
    /// A verifier for tokens of `issuer` that name the service `audience`.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, source: Source) -> Self {
        let (issuer, audience) = (issuer.into(), audience.into());
        let introspection = match &source {
            Source::Sse {
                base_url,
                credentials,
            } => Some((base_url.clone(), credentials.clone())),
            Source::Nats { .. } => None,
        };
        Self {
            name: audience.clone(),
            issuer,
            audience,
            source,
            jwks_url: None,
            introspection,
            feed_audience: "countersign".to_owned(),
            max_staleness: DEFAULT_MAX_STALENESS,
            max_entries: DEFAULT_MAX_ENTRIES,
            leeway_seconds: DEFAULT_LEEWAY_SECONDS,
            max_lifetime_seconds: DEFAULT_MAX_LIFETIME_SECONDS,
            allows_http: false,
        }
    }

    /// What operators see it called; the audience, unless set. 64 characters
    /// count.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        self.name = name.chars().take(MAX_NAME_CHARS).collect();
        self
    }

    /// Where the keys are; `<issuer>/.well-known/jwks.json`, unless set.
    #[must_use]
    pub fn with_jwks_url(mut self, url: impl Into<String>) -> Self {
        self.jwks_url = Some(url.into());
        self
    }

    /// The API and the client that `WhenStale::Introspect` asks with; that of
    /// [`Source::Sse`], unless set. The client needs the right to introspect.
    #[must_use]
    pub fn with_introspection(
        mut self,
        base_url: impl Into<String>,
        credentials: ClientCredentials,
    ) -> Self {
        self.introspection = Some((base_url.into(), credentials));
        self
    }

    /// The audience of the API itself, which its tokens for the feed name;
    /// `countersign`, unless set.
    #[must_use]
    pub fn with_feed_audience(mut self, audience: impl Into<String>) -> Self {
        self.feed_audience = audience.into();
        self
    }

    /// From how much staleness on [`WhenStale`](super::WhenStale) applies.
    #[must_use]
    pub const fn with_max_staleness(mut self, max: Duration) -> Self {
        self.max_staleness = max;
        self
    }

    /// How many revoked sessions and accounts it holds.
    #[must_use]
    pub const fn with_max_entries(mut self, entries: usize) -> Self {
        self.max_entries = entries;
        self
    }

    /// How far clocks may differ; see
    /// [`Verifier::with_leeway_seconds`](crate::Verifier::with_leeway_seconds).
    #[must_use]
    pub const fn with_leeway_seconds(mut self, seconds: u64) -> Self {
        self.leeway_seconds = seconds;
        self
    }

    /// The longest an access token may live: not longer than the deployment
    /// says, or a revocation is forgotten before its token dies.
    #[must_use]
    pub const fn with_max_lifetime_seconds(mut self, seconds: u64) -> Self {
        self.max_lifetime_seconds = seconds;
        self
    }

    /// Allows `http:` to other machines, where something else protects the
    /// network. Whoever can change what comes from there decides who is let
    /// in.
    #[must_use]
    pub const fn allow_http(mut self) -> Self {
        self.allows_http = true;
        self
    }

    /// The JWKS document's URL.
    pub(crate) fn keys_url(&self) -> String {
        let discovered = || format!("{}/.well-known/jwks.json", self.issuer);
        self.jwks_url.clone().unwrap_or_else(discovered)
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        for (name, text) in [
            ("the issuer", &self.issuer),
            ("the audience", &self.audience),
            ("the name", &self.name),
        ] {
            if text.is_empty() {
                return Err(ConfigError::Empty(name));
            }
        }
        if self.max_staleness < Duration::from_millis(1) || self.max_staleness > MAX_MAX_STALENESS {
            return Err(ConfigError::MaxStaleness);
        }
        self.check_url("the URL of the keys", &self.keys_url())?;
        if let Some((base_url, _)) = &self.introspection {
            self.check_url("the URL of the introspection", base_url)?;
        }
        match &self.source {
            Source::Sse { base_url, .. } => self.check_url("the URL of the feed", base_url),
            Source::Nats { prefix, .. } if prefix.is_empty() => {
                Err(ConfigError::Empty("the prefix"))
            }
            Source::Nats { .. } => Ok(()),
        }
    }

    fn check_url(&self, name: &'static str, url: &str) -> Result<(), ConfigError> {
        let url: reqwest::Url = url.parse().map_err(|_| ConfigError::Url(name))?;
        let host = url.host_str().unwrap_or_default();
        if host.is_empty()
            || !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(ConfigError::Url(name));
        }
        let is_local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        match url.scheme() {
            "https" => Ok(()),
            "http" if is_local || self.allows_http => Ok(()),
            "http" => Err(ConfigError::PlainHttp(name)),
            _ => Err(ConfigError::Url(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sse(url: &str) -> LiveConfig {
        let credentials = ClientCredentials {
            client_id: "c".into(),
            client_secret: "s3cret".into(),
        };
        let source = Source::Sse {
            base_url: url.into(),
            credentials,
        };
        LiveConfig::new("https://id.example", "orders", source)
    }

    #[test]
    fn only_https_leaves_the_machine_unless_it_is_allowed() {
        let plain = || sse("http://id.internal:8080");
        for good in [
            sse("https://id.example"),
            sse("http://127.0.0.1:1"),
            sse("http://[::1]:1"),
            plain().allow_http(),
        ] {
            assert_eq!(good.check(), Ok(()));
        }
        assert!(matches!(plain().check(), Err(ConfigError::PlainHttp(_))));
        for bad in ["", "x", "ftp://x", "https://u:p@x", "https://x?a=b"] {
            assert!(
                matches!(sse(bad).check(), Err(ConfigError::Url(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn settings_without_which_nothing_works_are_missed() {
        let good = || sse("https://id.example");
        let empty = good().with_name("");
        assert_eq!(empty.check(), Err(ConfigError::Empty("the name")));
        for staleness in [Duration::ZERO, Duration::from_secs(301)] {
            let config = good().with_max_staleness(staleness);
            assert_eq!(config.check(), Err(ConfigError::MaxStaleness));
        }
        let long = good().with_name(&"é".repeat(70));
        assert_eq!(long.name.chars().count(), 64);
    }

    #[test]
    fn secrets_are_not_printed() {
        assert!(!format!("{:?}", sse("https://id.example")).contains("s3cret"));
    }
}
