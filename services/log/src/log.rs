//! Opening the log.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::{ContextBuilder, CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::{self, stream};
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use countersign_events::{EntityId, Position, Subject, stream_name};
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::sync::watch;

use crate::attempts::Counters;
use crate::config::{self, LogConfig, SHARDS_KEY};
use crate::continuity::{self, Continuity};
use crate::gate::Gate;
use crate::vault::Vault;
use crate::{LogError, wire};

/// An open log. Clones share one connection.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    client: Client,
    context: jetstream::Context,
    prefix: String,
    shards: u8,
    /// Whether the shards take several messages at once.
    takes_batches: bool,
    replicas: u8,
    deadline: Duration,
    cache_entries: usize,
    gate: Gate,
    vault: Vault,
    connects: watch::Receiver<u64>,
    continuity: Arc<Continuity>,
}

/// The bounds of one shard's stream, as its leader knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct ShardState {
    /// The sequence of the first message that is still there.
    pub first_seq: u64,
    /// The sequence of the last message ever stored.
    pub last_seq: u64,
    /// How many messages are there.
    pub messages: u64,
    /// The bytes they take.
    pub bytes: u64,
}

impl Log {
    /// Connects, creates what is missing and checks what is there.
    ///
    /// Waits for NATS as long as it takes; a log that this program must not
    /// work with is [`LogError::Unfit`].
    pub async fn open(config: LogConfig) -> Result<Self, LogError> {
        config
            .validate()
            .map_err(|error| LogError::Unfit(error.to_string()))?;
        let (client, connects) = connect(&config).await?;
        let context = ContextBuilder::new()
            .timeout(config.deadline)
            .ack_timeout(config.deadline)
            .build(client.clone());
        let setup = ContextBuilder::new()
            .timeout(Duration::from_secs(10))
            .ack_timeout(Duration::from_secs(10))
            .build(client.clone());
        let (shards, takes_batches) = ensure_shards(&setup, &config).await?;
        ensure_stream(
            &setup,
            config::signals_stream(&config.prefix, config.replicas),
        )
        .await?;
        for counters in [Counters::Attempts, Counters::Windows] {
            let wanted = config::counters_stream(counters, &config.prefix, config.replicas);
            ensure_stream(&setup, wanted).await?;
        }
        let used = config::used_stream(&config.prefix, config.replicas);
        ensure_stream(&setup, used).await?;
        let vault = Vault::open(&setup, &context, &config).await?;
        let opened_with = *connects.borrow();
        let continuity = Arc::new(Continuity::new(shards, opened_with));
        let log = Self(Arc::new(Inner {
            client,
            context,
            prefix: config.prefix,
            shards,
            takes_batches,
            replicas: config.replicas,
            deadline: config.deadline,
            cache_entries: config.cache_entries,
            gate: Gate::default(),
            vault,
            connects,
            continuity: Arc::clone(&continuity),
        }));
        tokio::spawn(continuity::watch(log.clone(), continuity));
        Ok(log)
    }

    /// The prefix of every subject and stream.
    pub fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// The number of shards, fixed when the log was created.
    pub fn shards(&self) -> u8 {
        self.0.shards
    }

    /// The NATS connection, for core messages beside the log.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// Whether NATS is connected at this moment.
    pub fn is_connected(&self) -> bool {
        wire::ensure_connected(&self.0.client).is_ok()
    }

    /// Decides who may append.
    pub fn gate(&self) -> &Gate {
        &self.0.gate
    }

    /// The secrets beside the log.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// The subject of an entity.
    pub fn subject_of<I: EntityId>(&self, id: I) -> Subject {
        Subject::of(id, self.0.shards)
    }

    /// The bounds of one shard, asked of its leader.
    pub async fn shard_state(&self, shard: u8) -> Result<ShardState, LogError> {
        #[derive(Deserialize)]
        struct Info {
            state: Option<ShardState>,
            error: Option<wire::ApiError>,
        }
        let subject = format!("$JS.API.STREAM.INFO.{}", self.stream_name(shard));
        let answer = wire::request(
            &self.0.client,
            subject,
            None,
            bytes::Bytes::new(),
            self.0.deadline,
        )
        .await?;
        let info: Info = serde_json::from_slice(&answer.payload)?;
        match (info.state, info.error) {
            (Some(state), None) => {
                // Also who reads nothing of a shard knows how far it reached.
                let sequence = state.last_seq;
                self.saw(Position { shard, sequence });
                Ok(state)
            }
            (_, Some(error)) => Err(error.into()),
            (None, None) => Err(LogError::Unfit("stream info without a state".into())),
        }
    }

    /// The sequence of the last message of one shard, asked of its leader.
    pub async fn last_sequence(&self, shard: u8) -> Result<u64, LogError> {
        Ok(self.shard_state(shard).await?.last_seq)
    }

    /// Whether the shards take several messages at once, as their streams were
    /// when this was opened.
    pub(crate) fn takes_batches(&self) -> bool {
        self.0.takes_batches
    }

    pub(crate) fn stream_name(&self, shard: u8) -> String {
        stream_name(&self.0.prefix, shard)
    }

    pub(crate) fn context(&self) -> &jetstream::Context {
        &self.0.context
    }

    pub(crate) fn replicas(&self) -> u8 {
        self.0.replicas
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.0.deadline
    }

    pub(crate) fn cache_entries(&self) -> usize {
        self.0.cache_entries
    }

    /// Takes note of a message that is certainly in the log.
    pub(crate) fn saw(&self, position: Position) {
        self.0.continuity.saw(position);
    }

    /// Waits until it is certain that the log behind the current connection is
    /// the one that was seen so far.
    pub(crate) async fn same_log(&self) -> Result<(), LogError> {
        let connects = *self.0.connects.borrow();
        self.0.continuity.compared(connects, self.0.deadline).await
    }

    /// Counts the connections made so far: a change means that whatever was
    /// waiting on the old one waits in vain.
    pub(crate) fn connects(&self) -> watch::Receiver<u64> {
        self.0.connects.clone()
    }
}

async fn connect(config: &LogConfig) -> Result<(Client, watch::Receiver<u64>), LogError> {
    let (sender, receiver) = watch::channel(0);
    let trouble = watch::Sender::new(String::from("no answer"));
    let last_trouble = trouble.subscribe();
    let urls = config.nats_url.expose_secret();
    let mut addresses = Vec::new();
    for url in urls.split(',') {
        let address: ServerAddr = url.trim().parse().map_err(|_| {
            LogError::Unfit("nats_url is not of the form nats://user:password@host:4222".into())
        })?;
        addresses.push(address);
    }
    let mut options = ConnectOptions::new()
        .name("countersign")
        .connection_timeout(Duration::from_secs(2))
        .ping_interval(Duration::from_secs(2))
        .request_timeout(Some(config.deadline))
        .subscription_capacity(65_536)
        .client_capacity(4_096)
        .retry_on_initial_connect()
        .reconnect_delay_callback(|attempt| {
            Duration::from_millis(50 * u64::try_from(attempt.min(20)).unwrap_or(20))
        })
        .event_callback(move |event| {
            match &event {
                Event::Connected => sender.send_modify(|count| *count += 1),
                Event::Disconnected => tracing::warn!("NATS is not connected"),
                Event::ClientError(_) | Event::ServerError(_) => {
                    trouble.send_replace(event.to_string());
                }
                other => tracing::warn!(event = %other, "NATS"),
            }
            std::future::ready(())
        });
    // The client does not take the login from the URL by itself.
    let login = addresses.iter().find_map(|address| {
        let user = address.username()?;
        Some((
            decoded(user),
            decoded(address.password().unwrap_or_default()),
        ))
    });
    if let Some((user, password)) = login {
        options = options.user_and_password(user, password);
    }
    let client = options
        .connect(addresses)
        .await
        .map_err(LogError::unavailable)?;
    let mut connected = receiver.clone();
    let announce = Duration::from_secs(5);
    while client.connection_state() != async_nats::connection::State::Connected {
        // The callback may come just before the state: a change or the
        // interval, whichever is first, leads to another look.
        if tokio::time::timeout(announce, connected.changed())
            .await
            .is_err()
        {
            tracing::warn!(trouble = *last_trouble.borrow(), "waiting for NATS");
        }
    }
    Ok((client, receiver))
}

/// Undoes the percent-encoding of a URL's login (RFC 3986 section 2.1).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let (b'%', Some(escaped)) = (byte, escaped) {
            bytes.push(escaped);
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Creates or reads shard 0 first: its metadata fixes the number of shards for
/// ever, also between two services that start at the same time. How many there
/// are, and whether all of them take batches.
async fn ensure_shards(
    context: &jetstream::Context,
    config: &LogConfig,
) -> Result<(u8, bool), LogError> {
    let first = shard(context, config, 0, config.shards).await?;
    let shards = first
        .metadata
        .get(SHARDS_KEY)
        .and_then(|text| text.parse::<u8>().ok())
        .filter(|shards| (1..=64).contains(shards))
        .ok_or_else(|| {
            LogError::Unfit(format!(
                "stream {} does not say how many shards there are",
                first.name
            ))
        })?;
    if shards != config.shards {
        tracing::warn!(
            configured = config.shards,
            actual = shards,
            "an existing log keeps its number of shards"
        );
    }
    let rest = (1..shards).map(|index| shard(context, config, index, shards));
    let rest = futures_util::future::try_join_all(rest).await?;
    let mut all = rest.iter().chain([&first]);
    Ok((shards, all.all(|shard| shard.allow_atomic_publish)))
}

async fn shard(
    context: &jetstream::Context,
    config: &LogConfig,
    index: u8,
    shards: u8,
) -> Result<stream::Config, LogError> {
    let wanted = config::shard_stream(&config.prefix, index, shards, config.replicas);
    let found = ensure_stream(context, wanted).await?;
    match config::unfit(&found) {
        None => Ok(found),
        Some(finding) => Err(LogError::Unfit(format!(
            "stream {} is not fit to be a log of record: {finding}",
            found.name
        ))),
    }
}

/// The configuration of the stream, which is created if it is missing. One
/// that exists is never changed.
pub(crate) async fn ensure_stream(
    context: &jetstream::Context,
    wanted: stream::Config,
) -> Result<stream::Config, LogError> {
    let name = wanted.name.clone();
    match context.get_stream(&name).await {
        Ok(stream) => return Ok(stream.cached_info().config.clone()),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(error)
                if error.error_code() == jetstream::ErrorCode::STREAM_NOT_FOUND => {}
            _ => return Err(LogError::unavailable(error)),
        },
    }
    match context.create_stream(wanted).await {
        Ok(stream) => Ok(stream.cached_info().config.clone()),
        // Another instance was quicker, perhaps with another configuration.
        Err(created) => match context.get_stream(&name).await {
            Ok(stream) => Ok(stream.cached_info().config.clone()),
            Err(_) => match created.kind() {
                CreateStreamErrorKind::JetStream(_) => {
                    Err(LogError::Unfit(format!("stream {name}: {created}")))
                }
                _ => Err(LogError::unavailable(created)),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn a_login_in_a_url_may_hold_any_character() {
        assert_eq!(decoded("a%40b%3Ac%2fd"), "a@b:c/d");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%C3%BC"), "%zzü");
    }
}
