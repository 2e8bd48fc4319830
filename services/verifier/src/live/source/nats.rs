//! The feed over NATS: an ordered consumer, made anew whenever it is lost.

use super::{Ended, LOOK, SILENCE};
use crate::feed::{Beat, EventId, Message, Report, ReportAnswer, StreamId, subject};
use crate::live::config::{ConfigError, NatsCredentials};
use crate::live::follower::Advice;
use crate::live::http::Trouble;
use crate::live::shared::Shared;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::stream;
use async_nats::{Client, ConnectOptions, ServerAddr};
use futures_util::StreamExt;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

const FETCH: usize = 1_000;
const HEARTBEAT: Duration = Duration::from_secs(1);
const EXPIRES: Duration = Duration::from_secs(30);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);
const DEADLINE: Duration = Duration::from_secs(2);

/// A connection, opened by whoever needs it first.
pub(crate) struct Nats {
    addresses: Vec<ServerAddr>,
    credentials: NatsCredentials,
    prefix: String,
    client: OnceCell<Client>,
}

impl Nats {
    pub(super) fn new(
        url: &SecretString,
        prefix: String,
        credentials: NatsCredentials,
    ) -> Result<Self, ConfigError> {
        let urls = url.expose_secret().split(',');
        let addresses: Result<Vec<ServerAddr>, _> = urls.map(|one| one.trim().parse()).collect();
        Ok(Self {
            addresses: addresses.map_err(|_| ConfigError::Url("the URL of NATS"))?,
            credentials,
            prefix,
            client: OnceCell::new(),
        })
    }

    pub(super) async fn report(&self, report: &Report) -> Result<ReportAnswer, Trouble> {
        let payload = serde_json::to_vec(report).map_err(|_| Trouble::Malformed)?;
        let client = self.client().await?;
        let answer = client.request(subject::report(&self.prefix), payload.into());
        let answer = answer.await.map_err(|_| Trouble::Timeout)?;
        serde_json::from_slice(&answer.payload).map_err(|_| Trouble::Malformed)
    }

    pub(super) async fn read(&self, shared: &Shared, from_start: bool) -> Ended {
        match self.read_on(shared, from_start).await {
            Ok(ended) => ended,
            Err(trouble) => Ended::Resume(Some(trouble)),
        }
    }

    async fn read_on(&self, shared: &Shared, from_start: bool) -> Result<Ended, Trouble> {
        let (stream, mut messages) = self.attach(shared, from_start).await?;
        let mut delivered = 0;
        let mut heard_at = Instant::now();
        loop {
            let next = timeout(LOOK, messages.next()).await;
            match shared.advice() {
                Advice::GoOn => {}
                Advice::Reconnect => return Ok(Ended::Resume(None)),
                Advice::Reload => return Ok(Ended::Restart),
            }
            let message = match next {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(_)) | None) => return Ok(Ended::Resume(Some(Trouble::Connection))),
                Err(_) if heard_at.elapsed() > SILENCE => return Err(Trouble::Timeout),
                Err(_) => continue,
            };
            heard_at = Instant::now();
            let info = message.info().map_err(|_| Trouble::Malformed)?;
            if info.consumer_sequence != delivered + 1 {
                // Lost on the way, not in the stream: read it again.
                return Ok(Ended::Resume(Some(Trouble::Connection)));
            }
            delivered = info.consumer_sequence;
            let seq = info.stream_sequence;
            self.take(shared, EventId { stream, seq }, &message);
        }
    }

    fn take(&self, shared: &Shared, id: EventId, message: &async_nats::Message) {
        if message.subject.as_str() == subject::beat(&self.prefix) {
            match serde_json::from_slice::<Beat>(&message.payload) {
                Ok(beat) => shared.beat(id, &beat),
                Err(_) => shared.unreadable(id),
            }
            return;
        }
        match serde_json::from_slice::<Message>(&message.payload) {
            Ok(told) if message.subject.as_str() == subject::shard(&self.prefix, told.shard) => {
                shared.message(id, &told);
            }
            _ => shared.unreadable(id),
        }
    }

    /// Makes a consumer that goes on after the last message, or starts again
    /// where that is not possible.
    async fn attach(
        &self,
        shared: &Shared,
        from_start: bool,
    ) -> Result<(StreamId, pull::Stream), Trouble> {
        let client = self.client().await?;
        let context = ContextBuilder::new()
            .timeout(DEADLINE)
            .build(client.clone());
        let stream = context.get_stream(subject::stream(&self.prefix)).await;
        let stream = stream.map_err(|_| Trouble::NoStream)?;
        let info = stream.cached_info();
        let id = stream_id(info)?;
        let (first, end) = (info.state.first_sequence, info.state.last_sequence);
        let goes_on = |last: &EventId| {
            !from_start && last.stream == id && first <= last.seq + 1 && last.seq <= end
        };
        let deliver_policy = if let Some(last) = shared.last().filter(goes_on) {
            DeliverPolicy::ByStartSequence {
                start_sequence: last.seq + 1,
            }
        } else {
            shared.begin();
            DeliverPolicy::All
        };
        let config = pull::Config {
            description: Some("countersign verifier".into()),
            deliver_policy,
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer: Consumer<pull::Config> = stream
            .create_consumer(config)
            .await
            .map_err(|_| Trouble::Connection)?;
        // What was made just now may be on a stream that has just been made.
        let now = stream.get_info().await.map_err(|_| Trouble::NoStream)?;
        if stream_id(&now)? != id {
            return Err(Trouble::NoStream);
        }
        let messages = consumer
            .stream()
            .max_messages_per_batch(FETCH)
            .expires(EXPIRES)
            .heartbeat(HEARTBEAT)
            .messages();
        let messages = messages.await.map_err(|_| Trouble::Connection)?;
        Ok((id, messages))
    }

    async fn client(&self) -> Result<&Client, Trouble> {
        self.client
            .get_or_try_init(|| self.connect())
            .await
            .inspect_err(|trouble| tracing::warn!(%trouble, "NATS is not connected"))
    }

    async fn connect(&self) -> Result<Client, Trouble> {
        let options = ConnectOptions::new()
            .name("countersign verifier")
            .connection_timeout(DEADLINE)
            .ping_interval(DEADLINE)
            .request_timeout(Some(DEADLINE))
            .retry_on_initial_connect()
            .max_reconnects(None)
            .reconnect_delay_callback(|attempt| {
                let cap = Duration::from_secs(2);
                super::Backoff::after(Duration::from_millis(50), cap, attempt)
            });
        // The client does not take the login from the URL by itself.
        let login = self.addresses.iter().find_map(|address| {
            let user = address.username()?;
            Some((user, address.password().unwrap_or_default()))
        });
        let options = match (&self.credentials, login) {
            (NatsCredentials::File(path), _) => options
                .credentials_file(path)
                .await
                .map_err(|_| Trouble::Malformed)?,
            (NatsCredentials::Token(token), _) => options.token(token.expose_secret().to_owned()),
            (NatsCredentials::Url, Some((user, password))) => {
                options.user_and_password(decoded(user), decoded(password))
            }
            (NatsCredentials::Url, None) => options,
        };
        let connected = options.connect(self.addresses.clone()).await;
        connected.map_err(|_| Trouble::Connection)
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Nats")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// When the stream was made: another one has other numbers.
fn stream_id(info: &stream::Info) -> Result<StreamId, Trouble> {
    let nanos = u64::try_from(info.created.unix_timestamp_nanos());
    nanos.map(StreamId).map_err(|_| Trouble::Malformed)
}

/// Undoes the percent-encoding of a URL's login (RFC 3986 section 2.1).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let escaped = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
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
