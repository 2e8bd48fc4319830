//! Following a shard.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::stream::ConsumerErrorKind;
use countersign_events::{Position, Subject, Timestamp};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;

use crate::read::RawMessage;
use crate::{Log, LogError};

/// Where a tail begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the first message with this sequence or a later one.
    Sequence(u64),
    /// At the first message stored at this time or later, by the server's
    /// clock.
    Time(Timestamp),
}

/// All messages of one shard, in order, without end.
///
/// Reconnects and resumes by itself; a gap in what it was given, a lost
/// consumer or a new connection lead to a new consumer right after the last
/// message that was handed out.
pub struct Tail {
    log: Log,
    shard: u8,
    start: Start,
    /// The sequence of the last message handed out.
    last: Option<u64>,
    connects: watch::Receiver<u64>,
    current: Option<Current>,
    /// How many messages waited when the consumer was made.
    pending: u64,
    /// Whether nothing more waited when the last message was sent.
    drained: bool,
}

struct Current {
    messages: pull::Stream,
    /// The consumer's own count of deliveries, to notice what was lost on the
    /// way.
    delivered: u64,
}

const FETCH: usize = 1_000;
const HEARTBEAT: Duration = Duration::from_secs(1);
const EXPIRES: Duration = Duration::from_secs(30);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);

impl Log {
    /// Follows a shard from `start`.
    pub fn tail(&self, shard: u8, start: Start) -> Tail {
        Tail {
            log: self.clone(),
            shard,
            start,
            last: None,
            connects: self.connects(),
            current: None,
            pending: 0,
            drained: false,
        }
    }
}

impl Log {
    /// How many messages of a shard there are from a sequence on; those that
    /// were forgotten are not counted.
    pub async fn count_from(&self, shard: u8, from: u64) -> Result<u64, LogError> {
        let deliver = DeliverPolicy::ByStartSequence {
            start_sequence: from.max(1),
        };
        let consumer = self.consumer(shard, deliver).await?;
        let count = consumer.cached_info().num_pending;
        self.take_away(&consumer).await;
        Ok(count)
    }

    /// Deletes a consumer that has served: each that stays costs the server
    /// memory until it is forgotten.
    pub(crate) async fn take_away(&self, consumer: &Consumer<pull::Config>) {
        let info = consumer.cached_info();
        let taken = self
            .context()
            .delete_consumer_from_stream(&info.name, &info.stream_name);
        if let Err(error) = taken.await {
            tracing::debug!(%error, "a consumer is left to be forgotten");
        }
    }

    async fn consumer(
        &self,
        shard: u8,
        deliver_policy: DeliverPolicy,
    ) -> Result<Consumer<pull::Config>, LogError> {
        let config = pull::Config {
            description: Some("countersign tail".into()),
            deliver_policy,
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        self.context()
            .create_consumer_on_stream(config, self.stream_name(shard))
            .await
            .map_err(|error| match error.kind() {
                ConsumerErrorKind::JetStream(inner)
                    if inner.error_code() == async_nats::jetstream::ErrorCode::STREAM_NOT_FOUND =>
                {
                    LogError::Unfit(format!("the stream of shard {shard} is gone"))
                }
                _ => LogError::unavailable(error),
            })
    }
}

impl Tail {
    /// Waits for at least one message and returns what is there, `max` at
    /// most.
    ///
    /// Errors only on what does not heal by itself: the stream is gone, or
    /// ends before a message that was handed out already.
    ///
    /// Cancel-safe: a batch that was not returned is read again.
    pub async fn next_batch(&mut self, max: usize) -> Result<Vec<RawMessage>, LogError> {
        loop {
            self.attached().await?;
            let batch = self.read(max).await?;
            if batch.is_empty() {
                // The consumer was lost on the way.
                self.current = None;
                continue;
            }
            if let Some(last) = batch.last() {
                self.last = Some(last.position.sequence);
                self.log.saw(last.position);
            }
            return Ok(batch);
        }
    }

    /// How many messages were waiting when this tail was attached, which it is
    /// when this returns. Zero says that there was nothing between its start
    /// and the end of the shard.
    pub async fn pending(&mut self) -> Result<u64, LogError> {
        self.attached().await?;
        Ok(self.pending)
    }

    /// Whether, when the last message of the last batch was sent, the server
    /// had nothing more to send.
    pub fn is_drained(&self) -> bool {
        self.drained
    }

    async fn attached(&mut self) -> Result<(), LogError> {
        while self.current.is_none() {
            match self.attach().await {
                Ok(current) => self.current = Some(current),
                Err(error) if error.is_transient() => {
                    tracing::debug!(shard = self.shard, %error, "a tail waits");
                    self.pause().await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Until the connection changes, or a moment has passed.
    async fn pause(&mut self) {
        let _ = tokio::time::timeout(PAUSE, self.connects.changed()).await;
    }

    async fn attach(&mut self) -> Result<Current, LogError> {
        self.connects.mark_unchanged();
        let seen = match (self.last, self.start) {
            (Some(last), _) => last,
            (None, Start::Sequence(first)) => first.saturating_sub(1),
            (None, Start::Time(_)) => 0,
        };
        if seen > 0 {
            let end = self.log.last_sequence(self.shard).await?;
            if end < seen {
                return Err(LogError::Unfit(format!(
                    "shard {} ends at {end}, but {seen} was read from it",
                    self.shard
                )));
            }
        }
        let deliver_policy = match (self.last, self.start) {
            (Some(last), _) => DeliverPolicy::ByStartSequence {
                start_sequence: last + 1,
            },
            (None, Start::Sequence(sequence)) => DeliverPolicy::ByStartSequence {
                start_sequence: sequence.max(1),
            },
            (None, Start::Time(time)) => DeliverPolicy::ByStartTime {
                start_time: time.to_datetime(),
            },
        };
        let consumer = self.log.consumer(self.shard, deliver_policy).await?;
        self.pending = consumer.cached_info().num_pending;
        let messages = consumer
            .stream()
            .max_messages_per_batch(FETCH)
            .expires(EXPIRES)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(LogError::unavailable)?;
        Ok(Current {
            messages,
            delivered: 0,
        })
    }

    /// Empty if the consumer must be made anew.
    async fn read(&mut self, max: usize) -> Result<Vec<RawMessage>, LogError> {
        let Some(current) = self.current.as_mut() else {
            return Ok(Vec::new());
        };
        let first = tokio::select! {
            biased;
            next = current.messages.next() => next,
            changed = self.connects.changed() => {
                if changed.is_err() {
                    return Err(LogError::Unfit("the connection to NATS was closed".into()));
                }
                None
            }
        };
        let mut batch = Vec::new();
        let mut next = first;
        while let Some(Ok(message)) = next {
            let Ok(info) = message.info() else {
                break;
            };
            if info.consumer_sequence != current.delivered + 1 {
                tracing::debug!(shard = self.shard, "a tail lost a message on the way");
                break;
            }
            current.delivered = info.consumer_sequence;
            let sequence = info.stream_sequence;
            self.drained = info.pending == 0;
            let subject = Subject::parse(self.log.prefix(), &message.subject).map_err(|_| {
                LogError::Unfit(format!(
                    "a foreign subject in shard {} at {sequence}",
                    self.shard
                ))
            })?;
            batch.push(RawMessage {
                position: Position {
                    shard: self.shard,
                    sequence,
                },
                subject,
                payload: message.message.payload,
            });
            if batch.len() >= max {
                break;
            }
            next = current.messages.next().now_or_never().flatten();
        }
        Ok(batch)
    }
}
