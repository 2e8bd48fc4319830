//! Following a family of counters.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::stream::ConsumerErrorKind;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;

use super::{Counter, Counters};
use crate::{Log, LogError};

/// What came from a [`CounterTail`].
#[derive(Debug, Default)]
pub struct CounterBatch {
    /// New values, in order. A counter may be in it more than once.
    pub counters: Vec<Counter>,
    /// Whether the server had nothing more.
    pub caught_up: bool,
}

/// All values of a family of counters, without end. Reconnects and resumes by
/// itself.
///
/// Unlike the log of record, a family may lose its end, be restored from an
/// older copy or even be emptied: then it is read from the start again.
pub struct CounterTail {
    log: Log,
    of: Counters,
    /// The sequence of the last value handed out.
    last: u64,
    connects: watch::Receiver<u64>,
    current: Option<Current>,
}

struct Current {
    messages: pull::Stream,
    /// The consumer's own count of deliveries, to notice what was lost on the
    /// way.
    delivered: u64,
    /// Whether values waited that were not handed out yet.
    behind: bool,
    /// Whether nothing waited, which nobody was told yet.
    nothing_new: bool,
}

const FETCH: usize = 1_000;
const HEARTBEAT: Duration = Duration::from_secs(1);
const EXPIRES: Duration = Duration::from_secs(30);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);
const OVERDUE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);

impl CounterTail {
    pub(super) fn new(log: Log, of: Counters) -> Self {
        let connects = log.connects();
        Self {
            log,
            of,
            last: 0,
            connects,
            current: None,
        }
    }

    /// Waits for new values, or for the news that there are none, and returns
    /// at most `max`.
    ///
    /// Errors only on what does not heal by itself. Cancel-safe: what was not
    /// returned is read again.
    pub async fn next_batch(&mut self, max: usize) -> Result<CounterBatch, LogError> {
        loop {
            while self.current.is_none() {
                match self.attach().await {
                    Ok(current) => self.current = Some(current),
                    Err(error) if error.is_transient() => {
                        tracing::debug!(%error, "a tail of counters waits");
                        let _ = tokio::time::timeout(PAUSE, self.connects.changed()).await;
                    }
                    Err(error) => return Err(error),
                }
            }
            let now = self.current.as_mut();
            if now.is_some_and(|now| std::mem::take(&mut now.nothing_new)) {
                return Ok(CounterBatch {
                    counters: Vec::new(),
                    caught_up: true,
                });
            }
            let batch = self.read(max).await?;
            let Some(last) = batch.counters.last() else {
                // The consumer was lost on the way.
                self.current = None;
                continue;
            };
            self.last = last.sequence;
            return Ok(batch);
        }
    }

    async fn attach(&mut self) -> Result<Current, LogError> {
        self.connects.mark_unchanged();
        let name = self.of.stream(self.log.prefix());
        if self.last > 0 {
            let stream = self.log.context().get_stream(&name);
            let stream = stream.await.map_err(LogError::unavailable)?;
            let end = stream.cached_info().state.last_sequence;
            if end < self.last {
                tracing::warn!(stream = name, end, "counters were lost");
                self.last = 0;
            }
        }
        let config = pull::Config {
            description: Some("countersign counters".into()),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: self.last + 1,
            },
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer: Consumer<pull::Config> = self
            .log
            .context()
            .create_consumer_on_stream(config, &name)
            .await
            .map_err(|error| match error.kind() {
                ConsumerErrorKind::JetStream(inner)
                    if inner.error_code() == async_nats::jetstream::ErrorCode::STREAM_NOT_FOUND =>
                {
                    LogError::Unfit(format!("the stream {name} is gone"))
                }
                _ => LogError::unavailable(error),
            })?;
        let behind = consumer.cached_info().num_pending > 0;
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
            behind,
            nothing_new: !behind,
        })
    }

    /// Empty if the consumer must be made anew.
    async fn read(&mut self, max: usize) -> Result<CounterBatch, LogError> {
        let mut batch = CounterBatch::default();
        let Some(current) = self.current.as_mut() else {
            return Ok(batch);
        };
        // What waited may have expired meanwhile, and then nothing comes.
        let patience = if current.behind {
            OVERDUE
        } else {
            Duration::MAX
        };
        let mut next = tokio::select! {
            biased;
            next = tokio::time::timeout(patience, current.messages.next()) => next.ok().flatten(),
            changed = self.connects.changed() => {
                if changed.is_err() {
                    return Err(LogError::Unfit("the connection to NATS was closed".into()));
                }
                None
            }
        };
        let subjects = self.of.subjects(self.log.prefix());
        while let Some(Ok(message)) = next {
            let Ok(info) = message.info() else {
                break;
            };
            if info.consumer_sequence != current.delivered + 1 {
                tracing::debug!("a tail of counters lost a message on the way");
                break;
            }
            current.delivered = info.consumer_sequence;
            batch.caught_up = info.pending == 0;
            current.behind = info.pending > 0;
            let sequence = info.stream_sequence;
            let key = message.subject.strip_prefix(&subjects).unwrap_or_default();
            batch.counters.push(Counter {
                key: key.to_owned(),
                sequence,
                payload: message.message.payload,
            });
            if batch.counters.len() >= max {
                break;
            }
            next = current.messages.next().now_or_never().flatten();
        }
        Ok(batch)
    }
}
