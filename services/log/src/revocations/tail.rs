//! Following the stream of revocations.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::stream::ConsumerErrorKind;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;

use super::{RevocationSubject, StoredRevocation};
use crate::{Log, LogError};

/// What came from a [`RevocationTail`].
#[derive(Debug, PartialEq, Eq)]
pub enum Tailed {
    /// The stream is not the one that was read so far, or lost messages that
    /// were not read yet. It is read again from its first message, and what
    /// was read before counts for nothing.
    Anew,
    /// Messages without a gap between them, or to the ones before.
    Messages {
        /// Which stream they are of: when it was made, in nanoseconds
        /// since 1970.
        created: u64,
        /// The messages, in order.
        messages: Vec<StoredRevocation>,
        /// Whether the server had nothing more.
        caught_up: bool,
    },
}

/// All messages of the stream of revocations, without end. Reconnects and
/// resumes by itself.
///
/// Unlike the log of record, the stream may be purged, deleted or restored
/// from an older copy: that is noticed, and told by [`Tailed::Anew`].
pub struct RevocationTail {
    log: Log,
    /// The sequence of the last message handed out.
    last: Option<u64>,
    /// Which stream that was read from.
    created: Option<u64>,
    connects: watch::Receiver<u64>,
    current: Option<Current>,
}

struct Current {
    messages: pull::Stream,
    created: u64,
    /// The consumer's own count of deliveries, to notice what was lost on the
    /// way.
    delivered: u64,
    /// Whether messages waited that were not handed out yet.
    behind: bool,
    /// Whether nothing waited, which nobody was told yet.
    nothing_new: bool,
}

const FETCH: usize = 1_000;
const HEARTBEAT: Duration = Duration::from_millis(500);
const EXPIRES: Duration = Duration::from_secs(30);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);
const OVERDUE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);

impl RevocationTail {
    pub(super) fn new(log: Log) -> Self {
        let connects = log.connects();
        Self {
            log,
            last: None,
            created: None,
            connects,
            current: None,
        }
    }

    /// Waits for messages, `max` at most, or for the news that there are none
    /// yet.
    ///
    /// Errors only on what does not heal by itself. Cancel-safe: what was not
    /// returned is read again.
    pub async fn next_batch(&mut self, max: usize) -> Result<Tailed, LogError> {
        loop {
            if self.current.is_none() {
                match self.attach().await {
                    Ok(true) => {}
                    Ok(false) => return Ok(Tailed::Anew),
                    Err(error) if error.is_transient() => {
                        tracing::debug!(%error, "a tail of revocations waits");
                        let _ = tokio::time::timeout(PAUSE, self.connects.changed()).await;
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            }
            let Some(now) = self.current.as_mut() else {
                continue;
            };
            let created = now.created;
            if std::mem::take(&mut now.nothing_new) {
                return Ok(Tailed::Messages {
                    created,
                    messages: Vec::new(),
                    caught_up: true,
                });
            }
            let (messages, caught_up) = self.read(max).await?;
            let (Some(first), Some(last)) = (messages.first(), messages.last()) else {
                // The consumer was lost on the way.
                self.current = None;
                continue;
            };
            let follows = self.last.is_none_or(|last| first.seq == last + 1);
            let is_whole = messages.windows(2).all(|two| two[0].seq + 1 == two[1].seq);
            if !follows {
                self.anew();
                return Ok(Tailed::Anew);
            }
            if !is_whole {
                // Those before the gap are handed out; the gap is met again.
                let end = messages
                    .windows(2)
                    .position(|two| two[0].seq + 1 != two[1].seq);
                let mut messages = messages;
                messages.truncate(end.unwrap_or_default() + 1);
                self.last = messages.last().map(|last| last.seq);
                self.current = None;
                return Ok(Tailed::Messages {
                    created,
                    messages,
                    caught_up: false,
                });
            }
            self.last = Some(last.seq);
            return Ok(Tailed::Messages {
                created,
                messages,
                caught_up,
            });
        }
    }

    /// Reads the stream again from its first message on.
    pub fn restart(&mut self) {
        self.anew();
    }

    fn anew(&mut self) {
        self.last = None;
        self.created = None;
        self.current = None;
    }

    /// Makes a consumer; says no if it has to begin anew.
    async fn attach(&mut self) -> Result<bool, LogError> {
        self.connects.mark_unchanged();
        let Some(state) = self.log.revocations_state().await? else {
            self.log.ensure_revocations().await?;
            return Err(LogError::Unavailable(
                "the stream of revocations was missing".into(),
            ));
        };
        let is_another = self.created.is_some_and(|created| created != state.created);
        let is_shorter = self.last.is_some_and(|last| state.last_seq < last);
        let is_cut = self.last.is_some_and(|last| state.first_seq > last + 1);
        if is_another || is_shorter || is_cut {
            tracing::warn!("the stream of revocations is not the one that was read");
            self.anew();
            return Ok(false);
        }
        self.created = Some(state.created);
        let config = pull::Config {
            description: Some("countersign revocations".into()),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: self.last.unwrap_or_default() + 1,
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
            .create_consumer_on_stream(config, self.log.revocations_stream())
            .await
            .map_err(|error| match error.kind() {
                ConsumerErrorKind::JetStream(inner) => LogError::Unavailable(inner.to_string()),
                _ => LogError::unavailable(error),
            })?;
        // What was made just now may be on a stream that has just been made.
        let now = self.log.revocations_state().await?;
        if now.is_none_or(|now| now.created != state.created) {
            return Err(LogError::Unavailable(
                "the stream of revocations was made anew".into(),
            ));
        }
        let behind = consumer.cached_info().num_pending > 0;
        let messages = consumer
            .stream()
            .max_messages_per_batch(FETCH)
            .expires(EXPIRES)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(LogError::unavailable)?;
        self.current = Some(Current {
            messages,
            created: state.created,
            delivered: 0,
            behind,
            nothing_new: !behind,
        });
        Ok(true)
    }

    /// Nothing if the consumer must be made anew.
    async fn read(&mut self, max: usize) -> Result<(Vec<StoredRevocation>, bool), LogError> {
        let (mut batch, mut caught_up) = (Vec::new(), false);
        let Some(current) = self.current.as_mut() else {
            return Ok((batch, caught_up));
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
        while let Some(Ok(message)) = next {
            let Ok(info) = message.info() else {
                break;
            };
            if info.consumer_sequence != current.delivered + 1 {
                tracing::debug!("a tail of revocations lost a message on the way");
                break;
            }
            current.delivered = info.consumer_sequence;
            caught_up = info.pending == 0;
            current.behind = info.pending > 0;
            batch.push(StoredRevocation {
                seq: info.stream_sequence,
                subject: RevocationSubject::parse(self.log.prefix(), &message.subject),
                payload: message.message.payload.clone(),
            });
            if batch.len() >= max {
                break;
            }
            next = current.messages.next().now_or_never().flatten();
        }
        Ok((batch, caught_up))
    }
}
