//! Acting on messages, each once, shared between all instances.
//!
//! A [`Tail`](crate::Tail) shows every message to everybody who follows; a
//! [`Reactor`] is one of several hands of one durable consumer: each message
//! goes to one of them, stays theirs until they say what became of it, and
//! comes again if they do not. That is "at least once"; who must not act twice
//! asks for a [`Claim`] first.

mod claim;

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::stream::ConsumerErrorKind;
use async_nats::jetstream::{AckKind, ErrorCode, Message};
use countersign_events::{Noun, Position, Subject};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::watch;

use crate::{Log, LogError, RawMessage};

pub use claim::{Claim, Claims, Held};

/// How a durable consumer is made. One that exists is taken as it is.
#[derive(Debug, Clone)]
pub struct ReactorConfig {
    /// Its name: who uses the same one shares the work.
    pub name: &'static str,
    /// The noun whose messages it is about.
    pub noun: Noun,
    /// How long a message stays somebody's without a word from them.
    pub ack_wait: Duration,
    /// How many messages may be under way or waiting to come again. When so
    /// many are, no new one is delivered.
    pub max_waiting: u16,
    /// What it is given first.
    pub begin: Begin,
}

/// Where a durable consumer begins that was not there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// With the oldest message there is: for work that is known to be done when
    /// it is looked at, so that a consumer that was lost, as restored streams
    /// lose theirs, loses no work.
    AtTheFirst,
    /// With what is appended after it was made: for what must not happen twice.
    WithWhatIsNew,
}

/// One hand of a durable consumer of one shard.
///
/// Once the consumer is there, the server remembers how far it is. Reconnects
/// and resumes by itself.
pub struct Reactor {
    log: Log,
    shard: u8,
    config: ReactorConfig,
    connects: watch::Receiver<u64>,
    current: Option<pull::Stream>,
    /// The last sequence this hand was given, in case the consumer has to be
    /// made anew.
    last: Option<u64>,
}

/// A message, until it is said what became of it. One that is dropped comes
/// again.
pub struct Delivery {
    /// The message.
    pub message: RawMessage,
    /// How often it was delivered, this time included.
    pub tries: u64,
    inner: Message,
}

/// Only one is on its way to a hand that may be busy: the others are for other
/// hands.
const FETCH: usize = 1;
const HEARTBEAT: Duration = Duration::from_secs(2);
const EXPIRES: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(200);

impl Log {
    /// Makes the consumer of a shard if there is none, and joins in.
    pub async fn reactor(&self, config: ReactorConfig, shard: u8) -> Result<Reactor, LogError> {
        let reactor = Reactor {
            log: self.clone(),
            shard,
            config,
            connects: self.connects(),
            current: None,
            last: None,
        };
        reactor.consumer().await?;
        Ok(reactor)
    }

    /// How many messages of a shard wait for this consumer: those that were
    /// not delivered yet, and those that were and are not settled.
    pub async fn reactor_backlog(&self, name: &str, shard: u8) -> Result<u64, LogError> {
        let found: Result<Consumer<pull::Config>, _> = self
            .context()
            .get_consumer_from_stream(name, self.stream_name(shard))
            .await;
        let consumer = found.map_err(LogError::unavailable)?;
        let info = consumer.cached_info();
        Ok(info.num_pending + u64::try_from(info.num_ack_pending).unwrap_or_default())
    }
}

impl Reactor {
    /// Waits for a message.
    ///
    /// Errors only on what does not heal by itself. Cancel-safe: a message
    /// that was not returned comes again.
    pub async fn next(&mut self) -> Result<Delivery, LogError> {
        loop {
            if self.current.is_none() {
                self.attach().await?;
            }
            if let Some(delivery) = self.read().await? {
                self.last = self.last.max(Some(delivery.message.position.sequence));
                return Ok(delivery);
            }
            self.current = None;
        }
    }

    /// Leaves, and gives back what was on its way here.
    pub async fn leave(mut self) {
        let Some(mut messages) = self.current.take() else {
            return;
        };
        while let Some(Some(Ok(message))) = messages.next().now_or_never() {
            let _ = message.ack_with(AckKind::Nak(None)).await;
        }
    }

    async fn attach(&mut self) -> Result<(), LogError> {
        loop {
            self.connects.mark_unchanged();
            match self.pull().await {
                Ok(messages) => {
                    self.current = Some(messages);
                    return Ok(());
                }
                Err(error) if error.is_transient() => {
                    tracing::debug!(shard = self.shard, %error, "a reactor waits");
                    let _ = tokio::time::timeout(PAUSE, self.connects.changed()).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn pull(&self) -> Result<pull::Stream, LogError> {
        self.consumer()
            .await?
            .stream()
            .max_messages_per_batch(FETCH)
            .expires(EXPIRES)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(LogError::unavailable)
    }

    /// The consumer, made if it is not there.
    async fn consumer(&self) -> Result<Consumer<pull::Config>, LogError> {
        let stream = self.log.stream_name(self.shard);
        let context = self.log.context();
        let name = self.config.name;
        match context.get_consumer_from_stream(name, &stream).await {
            Ok(found) => return Ok(found),
            Err(error) => match error.kind() {
                ConsumerErrorKind::JetStream(inner)
                    if inner.error_code() == ErrorCode::CONSUMER_NOT_FOUND => {}
                _ => return Err(LogError::unavailable(error)),
            },
        }
        let made = context.create_consumer_on_stream(self.wanted(), &stream);
        match made.await {
            Ok(made) => Ok(made),
            Err(error) => match error.kind() {
                ConsumerErrorKind::JetStream(inner)
                    if inner.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    Err(LogError::Unfit(format!(
                        "the stream of shard {} is gone",
                        self.shard
                    )))
                }
                // Another instance may have been quicker: asked again, it is
                // found.
                _ => Err(LogError::unavailable(error)),
            },
        }
    }

    fn wanted(&self) -> pull::Config {
        let deliver_policy = match (self.last, self.config.begin) {
            (None, Begin::WithWhatIsNew) => DeliverPolicy::New,
            (_, Begin::AtTheFirst) => DeliverPolicy::All,
            (Some(last), Begin::WithWhatIsNew) => DeliverPolicy::ByStartSequence {
                start_sequence: last + 1,
            },
        };
        let prefix = self.log.prefix();
        pull::Config {
            durable_name: Some(self.config.name.to_owned()),
            description: Some("countersign reactor".into()),
            deliver_policy,
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.config.ack_wait,
            filter_subject: format!("{prefix}.evt.{}.{}.*", self.shard, self.config.noun),
            max_ack_pending: self.config.max_waiting.into(),
            ..pull::Config::default()
        }
    }

    /// None if the consumer must be attached to anew.
    async fn read(&mut self) -> Result<Option<Delivery>, LogError> {
        let Some(messages) = self.current.as_mut() else {
            return Ok(None);
        };
        let next = tokio::select! {
            biased;
            next = messages.next() => next,
            changed = self.connects.changed() => {
                if changed.is_err() {
                    return Err(LogError::Unfit("the connection to NATS was closed".into()));
                }
                None
            }
        };
        let inner = match next {
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                tracing::debug!(shard = self.shard, %error, "a reactor lost its consumer");
                return Ok(None);
            }
            None => return Ok(None),
        };
        let Ok(info) = inner.info() else {
            return Ok(None);
        };
        let (sequence, delivered) = (info.stream_sequence, info.delivered);
        let subject = Subject::parse(self.log.prefix(), &inner.subject).map_err(|_| {
            LogError::Unfit(format!(
                "a foreign subject in shard {} at {sequence}",
                self.shard
            ))
        })?;
        let position = Position {
            shard: self.shard,
            sequence,
        };
        Ok(Some(Delivery {
            message: RawMessage {
                position,
                subject,
                payload: inner.payload.clone(),
            },
            tries: u64::try_from(delivered).unwrap_or(1),
            inner,
        }))
    }
}

impl Delivery {
    /// It is dealt with.
    pub async fn done(self) {
        self.say(AckKind::Ack).await;
    }

    /// It is to come again after a while, to whoever is free then.
    pub async fn later(self, after: Duration) {
        self.say(AckKind::Nak(Some(after))).await;
    }

    /// It shall not come again although it was not dealt with.
    pub async fn give_up(self) {
        self.say(AckKind::Term).await;
    }

    /// It is being worked on: nobody else shall get it yet.
    pub async fn still_busy(&self) {
        self.say(AckKind::Progress).await;
    }

    /// What is not heard leads to another delivery, which is what this whole
    /// arrangement is prepared for.
    async fn say(&self, kind: AckKind) {
        if let Err(error) = self.inner.ack_with(kind).await {
            tracing::debug!(position = %self.message.position, %error, "an answer was lost");
        }
    }
}
