//! How to reach the log and what it must look like.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::stream;
use countersign_events::stream_name;
use secrecy::SecretString;

use crate::attempts::Counters;
use crate::seal::KeyEncryptionKey;
use crate::used;

/// What a service needs to know of its log.
#[derive(Clone)]
pub struct LogConfig {
    /// `nats://user:password@host:port`, several separated by commas.
    pub nats_url: SecretString,
    /// Names every stream and subject; lets deployments share a server.
    pub prefix: String,
    /// The number of shards of a log that is created now; an existing log
    /// keeps the number it was created with.
    pub shards: u8,
    /// JetStream replicas: 1, 3 or 5.
    pub replicas: u8,
    /// Seals what is in the vault.
    pub kek: KeyEncryptionKey,
    /// The time one append or read may take before the caller is told that the
    /// log is unavailable.
    pub deadline: Duration,
    /// How many folded aggregates of each kind are kept in memory.
    pub cache_entries: usize,
}

/// A value of the configuration that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogConfigError {
    /// The prefix would not be a NATS subject token and stream name.
    #[error("prefix {0:?}: 1 to 32 of a-z, A-Z, 0-9, _ and - are allowed")]
    Prefix(String),
    /// The number of shards is out of range.
    #[error("{0} shards: 1 to 64 are possible")]
    Shards(u8),
    /// The number of replicas is out of range.
    #[error("{0} replicas: 1, 3 or 5 are possible")]
    Replicas(u8),
}

impl LogConfig {
    /// Checks the ranges of what does not check itself.
    pub fn validate(&self) -> Result<(), LogConfigError> {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !(1..=32).contains(&self.prefix.len()) || !self.prefix.bytes().all(token) {
            return Err(LogConfigError::Prefix(self.prefix.clone()));
        }
        if !(1..=64).contains(&self.shards) {
            return Err(LogConfigError::Shards(self.shards));
        }
        if ![1, 3, 5].contains(&self.replicas) {
            return Err(LogConfigError::Replicas(self.replicas));
        }
        Ok(())
    }
}

/// The key in a stream's metadata that holds the number of shards.
pub(crate) const SHARDS_KEY: &str = "countersign.shards";

/// One shard's stream. Everything that makes it a log of record is here:
/// nothing is deleted or purged by hand, a full disk refuses new messages
/// instead of dropping old ones, and only messages that carry a time to live
/// ever go away.
pub(crate) fn shard_stream(prefix: &str, shard: u8, shards: u8, replicas: u8) -> stream::Config {
    stream::Config {
        name: stream_name(prefix, shard),
        description: Some(format!(
            "Countersign log of record, shard {shard} of {shards}"
        )),
        subjects: vec![format!("{prefix}.evt.{shard}.>")],
        retention: stream::RetentionPolicy::Limits,
        storage: stream::StorageType::File,
        num_replicas: replicas.into(),
        discard: stream::DiscardPolicy::New,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_bytes: -1,
        max_age: Duration::ZERO,
        duplicate_window: Duration::from_mins(2),
        deny_delete: true,
        deny_purge: true,
        allow_direct: true,
        allow_message_ttl: true,
        // Without it everything is appended one by one, which is as right.
        allow_atomic_publish: true,
        metadata: HashMap::from([(SHARDS_KEY.to_owned(), shards.to_string())]),
        ..stream::Config::default()
    }
}

/// What an existing stream must have for the log to be one of record.
pub(crate) fn unfit(config: &stream::Config) -> Option<&'static str> {
    let rules = [
        (
            config.storage == stream::StorageType::File,
            "storage is not file",
        ),
        (
            config.retention == stream::RetentionPolicy::Limits,
            "retention is not by limits",
        ),
        (
            config.discard == stream::DiscardPolicy::New,
            "discard is not new",
        ),
        (config.max_age.is_zero(), "max_age is set"),
        (config.max_bytes <= 0, "max_bytes is set"),
        (config.max_messages <= 0, "max_msgs is set"),
        (
            config.max_messages_per_subject <= 0,
            "max_msgs_per_subject is set",
        ),
        (config.deny_delete, "deny_delete is off"),
        (config.deny_purge, "deny_purge is off"),
        (config.allow_direct, "allow_direct is off"),
        (config.allow_message_ttl, "allow_msg_ttl is off"),
        (!config.no_ack, "no_ack is on"),
        (
            !matches!(config.persist_mode, Some(stream::PersistenceMode::Async)),
            "persist_mode is async",
        ),
    ];
    rules
        .into_iter()
        .find(|(holds, _)| !holds)
        .map(|(_, finding)| finding)
}

/// The stream of observations.
pub(crate) fn signals_name(prefix: &str) -> String {
    format!("{prefix}_SIGNALS")
}

/// Observations: bounded in age and bytes, the oldest make room.
pub(crate) fn signals_stream(prefix: &str, replicas: u8) -> stream::Config {
    stream::Config {
        name: signals_name(prefix),
        description: Some("Countersign observations, not part of the log of record".into()),
        subjects: vec![format!("{prefix}.sig.>")],
        storage: stream::StorageType::File,
        num_replicas: replicas.into(),
        discard: stream::DiscardPolicy::Old,
        max_age: Duration::from_hours(7 * 24),
        max_bytes: 256 * 1024 * 1024,
        ..stream::Config::default()
    }
}

/// The stream of revocations.
pub(crate) fn revocations_name(prefix: &str) -> String {
    format!("{prefix}_REVOCATIONS")
}

/// How long a derived revocation is kept: longer than the longest life of an
/// access token (30 minutes) and the distance of clocks (5 minutes), by ten
/// minutes.
const REVOCATIONS_LIVE: Duration = Duration::from_mins(45);

/// Revocations derived from the log. What is old makes room; nothing is taken
/// out of the middle.
pub(crate) fn revocations_stream(prefix: &str, replicas: u8) -> stream::Config {
    stream::Config {
        name: revocations_name(prefix),
        description: Some("Countersign revocations, derived from the log of record".into()),
        subjects: vec![format!("{prefix}.rev.>")],
        storage: stream::StorageType::File,
        num_replicas: replicas.into(),
        discard: stream::DiscardPolicy::Old,
        max_age: REVOCATIONS_LIVE,
        deny_delete: true,
        allow_direct: true,
        ..stream::Config::default()
    }
}

/// The bucket of the vault.
pub(crate) fn vault_bucket(prefix: &str) -> String {
    format!("{prefix}_VAULT")
}

/// Counters of tries: the last value of each is all there is. Those about what
/// exists stay, however slowly they grow; of those that strangers can make up,
/// the oldest make room.
pub(crate) fn counters_stream(of: Counters, prefix: &str, replicas: u8) -> stream::Config {
    let unbounded = stream::Config {
        name: of.stream(prefix),
        description: Some("Countersign counters, not part of the log of record".into()),
        subjects: vec![of.subjects(prefix) + ">"],
        storage: stream::StorageType::File,
        num_replicas: replicas.into(),
        max_messages_per_subject: 1,
        discard: stream::DiscardPolicy::Old,
        allow_message_ttl: true,
        ..stream::Config::default()
    };
    match of {
        Counters::Attempts => unbounded,
        Counters::Windows => stream::Config {
            max_age: Counters::WINDOWS_LIVE,
            max_bytes: 64 * 1024 * 1024,
            max_messages: Counters::WINDOWS_MAX.into(),
            ..unbounded
        },
    }
}

/// How long it is remembered that something was used once.
pub const USED_REMEMBERED: Duration = Duration::from_mins(5);

/// What was used once and must not be used again. Nothing makes room before
/// its time: when it is full, nothing more is used.
pub(crate) fn used_stream(prefix: &str, replicas: u8) -> stream::Config {
    stream::Config {
        name: used::stream(prefix),
        description: Some("Countersign single uses, not part of the log of record".into()),
        subjects: vec![used::subjects(prefix) + "*"],
        storage: stream::StorageType::File,
        num_replicas: replicas.into(),
        max_messages_per_subject: 1,
        max_messages: 1_000_000,
        max_bytes: 256 * 1024 * 1024,
        max_age: USED_REMEMBERED,
        discard: stream::DiscardPolicy::New,
        ..stream::Config::default()
    }
}

/// The vault: only the last value of each key exists. A KV bucket as clients
/// know it, but for deletion, which they deny: here it is what erases.
pub(crate) fn vault_stream(prefix: &str, replicas: u8) -> stream::Config {
    let bucket = vault_bucket(prefix);
    stream::Config {
        name: format!("KV_{bucket}"),
        description: Some("Countersign secrets, sealed".into()),
        subjects: vec![format!("$KV.{bucket}.>")],
        storage: stream::StorageType::File,
        num_replicas: replicas.into(),
        discard: stream::DiscardPolicy::New,
        max_messages_per_subject: 1,
        allow_rollup: true,
        allow_direct: true,
        ..stream::Config::default()
    }
}
