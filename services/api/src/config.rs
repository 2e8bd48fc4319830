//! What a service can be told. Every default is here and pinned by a test.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use countersign_events::KeyAlgorithm;
use countersign_throttle::ThrottleConfig;

use crate::password::Blocklist;

/// The rules and limits of a service.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// The public URL, without a trailing slash: the `iss` of every token.
    pub issuer: String,
    /// The `aud` of access tokens.
    pub audience: String,
    /// The `client_id` of sessions that were started with a password here.
    pub client_id: String,
    /// How long access tokens live; at most [`MAX_ACCESS_TOKEN`].
    pub access_token: Duration,
    /// How long the tokens of services live; at most
    /// [`MAX_SERVICE_TOKEN`].
    pub service_token: Duration,
    /// How long a session lives without a refresh.
    pub session_idle: Duration,
    /// How long a session lives at most.
    pub session_absolute: Duration,
    /// How long the log keeps a session after that.
    pub session_retention: Duration,
    /// How long a rotated refresh token may ask for its successor again.
    pub refresh_grace: Duration,
    /// How far clocks may be apart.
    pub clock_skew: Duration,
    /// How long a read waits for a position.
    pub position_wait: Duration,
    /// For how long tokens are believed although it cannot be proven that no
    /// revocation is missing here, whatever the reason.
    pub max_staleness: Duration,
    /// For how long others may keep the published keys; a new key is published
    /// that long before it signs.
    pub jwks_cache: Duration,
    /// How long a key signs before another takes its place; zero for ever.
    pub key_rotation: Duration,
    /// What keys that are made from now on sign with.
    pub signing_algorithm: KeyAlgorithm,
    /// After how long an unfinished registration may be taken over.
    pub registration_timeout: Duration,
    /// What the product is called, in authenticator apps and mails.
    pub product: String,
    /// How long the second step of a login may take.
    pub mfa_attempt: Duration,
    /// How long an offered factor can be confirmed.
    pub factor_offer: Duration,
    /// How long the token in a reset mail is good.
    pub password_reset: Duration,
    /// How long the token that proves an address is good.
    pub email_verification: Duration,
    /// How old the authentication may be for what changes one's own account.
    pub own_max_age: Duration,
    /// How old the authentication may be for what an operator changes.
    pub operator_max_age: Duration,
    /// Whether an address must be verified before the first login.
    pub verify_email_first: bool,
    /// Whether sessions are tied to where they were started.
    pub binding: Binding,
    /// The origins of pages on other sites that may call, beside the issuer's.
    pub allowed_origins: Vec<String>,
    /// Where mails are kept instead of being sent, to be listed at
    /// `/dev/mail`.
    pub dev_mail: Option<PathBuf>,
    /// How slow guessing is.
    pub throttle: ThrottleConfig,
    /// Passwords.
    pub password: PasswordConfig,
}

/// Whether a session is tied to the network and the device it was started on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Binding {
    /// It is not.
    #[default]
    Off,
    /// Its use from elsewhere is an event and a mark on the session.
    Observe,
    /// It is not refreshed from elsewhere before the person has stepped up.
    Enforce,
}

impl std::str::FromStr for Binding {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "off" => Ok(Self::Off),
            "observe" => Ok(Self::Observe),
            "enforce" => Ok(Self::Enforce),
            _ => Err(()),
        }
    }
}

/// The longest life an access token may be given.
pub const MAX_ACCESS_TOKEN: Duration = Duration::from_mins(30);

/// The longest life a service's token may be given.
pub const MAX_SERVICE_TOKEN: Duration = Duration::from_mins(15);

/// The rules for passwords and what hashing them may cost.
#[derive(Debug, Clone)]
pub struct PasswordConfig {
    /// The fewest code points.
    pub min_length: usize,
    /// The most code points.
    pub max_length: usize,
    /// The least zxcvbn score, 0 to 4.
    pub min_score: u8,
    /// Argon2id memory, in KiB.
    pub memory_kib: u32,
    /// Argon2id passes.
    pub iterations: u32,
    /// How many hashes are computed side by side.
    pub workers: usize,
    /// How many may wait for a worker before the next one is shed.
    pub queue: usize,
    /// Passwords that nobody may choose, beside those that are known to be
    /// easy to guess.
    pub blocklist: Blocklist,
}

impl Default for ApiConfig {
    fn default() -> Self {
        let day = Duration::from_hours(24);
        Self {
            issuer: "http://127.0.0.1:8080".into(),
            audience: "countersign".into(),
            client_id: "first-party".into(),
            access_token: Duration::from_mins(15),
            service_token: Duration::from_mins(5),
            session_idle: 7 * day,
            session_absolute: 30 * day,
            session_retention: 90 * day,
            refresh_grace: Duration::from_secs(10),
            clock_skew: Duration::from_mins(5),
            position_wait: Duration::from_secs(2),
            max_staleness: Duration::from_mins(1),
            jwks_cache: Duration::from_mins(5),
            key_rotation: 30 * day,
            signing_algorithm: KeyAlgorithm::ES256,
            registration_timeout: Duration::from_mins(1),
            product: "Countersign".into(),
            mfa_attempt: Duration::from_mins(5),
            factor_offer: Duration::from_mins(10),
            password_reset: Duration::from_mins(30),
            email_verification: Duration::from_hours(24),
            own_max_age: Duration::from_mins(5),
            operator_max_age: Duration::from_mins(15),
            verify_email_first: false,
            binding: Binding::Off,
            allowed_origins: Vec::new(),
            dev_mail: None,
            throttle: ThrottleConfig::default(),
            password: PasswordConfig::default(),
        }
    }
}

impl Default for PasswordConfig {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            min_length: 8,
            max_length: 256,
            min_score: 2,
            memory_kib: 19 * 1024,
            iterations: 2,
            workers: cores,
            queue: 8 * cores,
            blocklist: Blocklist::default(),
        }
    }
}

/// A value that would break a promise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {finding}")]
pub struct ConfigError {
    /// The field.
    pub name: &'static str,
    /// What is wrong with it and what would be right.
    pub finding: String,
}

impl ApiConfig {
    /// Refuses what would break a promise.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let fail = |name, finding: &str| {
            Err(ConfigError {
                name,
                finding: finding.into(),
            })
        };
        let http = ["http://", "https://"];
        if !http.iter().any(|scheme| self.issuer.starts_with(scheme)) || self.issuer.ends_with('/')
        {
            return fail(
                "issuer",
                "expected the public URL, for example https://id.example.com, without a slash at its end",
            );
        }
        if self.access_token < Duration::from_secs(1) || self.access_token > MAX_ACCESS_TOKEN {
            return fail("access_token", "expected 1 second to 30 minutes");
        }
        if self.service_token < Duration::from_secs(1) || self.service_token > MAX_SERVICE_TOKEN {
            return fail("service_token", "expected 1 second to 15 minutes");
        }
        if self.session_idle > self.session_absolute {
            return fail("session_idle", "expected no more than session_absolute");
        }
        if self.session_retention < Duration::from_hours(24) {
            return fail("session_retention", "expected a day at least");
        }
        let day = Duration::from_hours(24);
        let staleness = Duration::from_secs(2)..=Duration::from_mins(5);
        if !staleness.contains(&self.max_staleness) {
            return fail("max_staleness", "expected 2 seconds to 5 minutes");
        }
        if self.jwks_cache < Duration::from_secs(1) || self.jwks_cache > day / 2 {
            return fail("jwks_cache", "expected 1 second to 12 hours");
        }
        if self.key_rotation > 3_650 * day
            || !self.key_rotation.is_zero() && self.key_rotation < day
        {
            return fail("key_rotation", "expected 1 day to 10 years, or zero");
        }
        if self.refresh_grace > Duration::from_secs(30) {
            return fail("refresh_grace", "expected 30 seconds at most");
        }
        let hour = Duration::from_hours(1);
        if self.mfa_attempt > Duration::from_mins(10) || self.mfa_attempt.is_zero() {
            return fail("mfa_attempt", "expected 1 second to 10 minutes");
        }
        if self.password_reset > hour || self.password_reset.is_zero() {
            return fail("password_reset", "expected 1 second to 1 hour");
        }
        if self.own_max_age > hour || self.operator_max_age > hour {
            return fail("max_age", "expected 1 hour at most");
        }
        if self.product.is_empty() || self.product.chars().count() > 60 {
            return fail("product", "expected 1 to 60 characters");
        }
        if let Err(error) = self.throttle.validate() {
            return fail("throttle", &error.to_string());
        }
        let password = &self.password;
        if password.min_length < 8 || password.max_length < 64 || password.max_length > 1_024 {
            return fail(
                "password",
                "expected a minimum of at least 8 and a maximum of 64 to 1024 code points",
            );
        }
        if password.memory_kib < 19 * 1024 || password.iterations < 2 {
            return fail(
                "password",
                "expected Argon2id with at least 19456 KiB and 2 passes",
            );
        }
        if password.workers == 0 || password.queue == 0 {
            return fail(
                "password",
                "expected at least one worker and a place in the queue",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Defaults are promises: changing one is a decision, not a drift.
    #[test]
    fn the_defaults_are_those_of_the_design() {
        let config = ApiConfig::default();
        assert_eq!(config.access_token.as_secs(), 900);
        assert_eq!(config.service_token.as_secs(), 300);
        assert_eq!(config.session_idle.as_secs(), 7 * 86_400);
        assert_eq!(config.session_absolute.as_secs(), 30 * 86_400);
        assert_eq!(config.session_retention.as_secs(), 90 * 86_400);
        assert_eq!(config.refresh_grace.as_secs(), 10);
        assert_eq!(config.position_wait.as_secs(), 2);
        assert_eq!(config.max_staleness.as_secs(), 60);
        assert_eq!(config.jwks_cache.as_secs(), 300);
        assert_eq!(config.key_rotation.as_secs(), 30 * 86_400);
        assert_eq!(config.signing_algorithm, KeyAlgorithm::ES256);
        assert_eq!(config.mfa_attempt.as_secs(), 300);
        assert_eq!(config.password_reset.as_secs(), 1_800);
        assert_eq!(config.email_verification.as_secs(), 86_400);
        assert_eq!(config.own_max_age.as_secs(), 300);
        assert_eq!(config.operator_max_age.as_secs(), 900);
        assert_eq!(config.binding, Binding::Off);
        let password = &config.password;
        assert_eq!((password.min_length, password.max_length), (8, 256));
        assert_eq!((password.memory_kib, password.iterations), (19_456, 2));
        assert_eq!(config.validate(), Ok(()));
    }

    #[test]
    fn what_would_break_a_promise_is_refused() {
        let broken: [fn(&mut ApiConfig); 13] = [
            |config| config.max_staleness = Duration::from_secs(1),
            |config| config.max_staleness = Duration::from_secs(301),
            |config| config.jwks_cache = Duration::ZERO,
            |config| config.key_rotation = Duration::from_hours(23),
            |config| config.session_retention = Duration::from_hours(23),
            |config| config.issuer = "id.example.com".into(),
            |config| config.issuer.push('/'),
            |config| config.access_token = Duration::from_mins(31),
            |config| config.service_token = Duration::from_mins(16),
            |config| config.session_idle = config.session_absolute * 2,
            |config| config.refresh_grace = Duration::from_secs(31),
            |config| config.password.memory_kib = 1_024,
            |config| config.password.min_length = 7,
        ];
        for spoil in broken {
            let mut config = ApiConfig::default();
            spoil(&mut config);
            assert!(config.validate().is_err(), "{config:?}");
        }
    }
}
