//! Observations: noted beside the log of record, and found again by account.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use countersign_events::{AccountId, Signal};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use crate::{Log, LogError, config};

/// The most signals that are read at once.
pub const SIGNALS_MAX: usize = 200;

/// How many more than are wanted may be read, so that fewer questions are
/// asked before.
const READ_MAX: u64 = 1_000;

/// How often it is asked where to begin, at most: each time halves what is
/// left of the stream.
const PROBES_MAX: usize = 40;

/// How long reading may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// When a consumer is forgotten that could not be taken away.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(5);

impl Log {
    /// Notes an observation, under its kind and, if it is about one, under its
    /// account. Nothing waits for it, and nothing fails if it is lost.
    pub async fn signal(&self, signal: &Signal) {
        if !self.is_connected() {
            return;
        }
        let mut subject = format!("{}.sig.{}", self.prefix(), signal.kind.as_str());
        if let Some(account) = signal.account {
            subject = format!("{subject}.{account}");
        }
        if let Ok(payload) = serde_json::to_vec(signal) {
            let sent = self.client().publish(subject, payload.into()).await;
            if let Err(error) = sent {
                tracing::debug!(%error, "a signal was lost");
            }
        }
    }

    /// The last `limit` observations about an account ([`SIGNALS_MAX`] at
    /// most), oldest first, of those that are still kept. It reads about as
    /// much as it answers, however many there are about others, or about this
    /// account. Signals of a kind that this program does not know are left
    /// out.
    pub async fn signals_of(
        &self,
        account: AccountId,
        limit: usize,
    ) -> Result<Vec<Signal>, LogError> {
        let limit = limit.clamp(1, SIGNALS_MAX);
        let read = timeout_at(Instant::now() + PATIENCE, self.last_signals(account, limit));
        let mut signals = read
            .await
            .map_err(|_| LogError::Unavailable("signals were not read in time".into()))??;
        let superfluous = signals.len().saturating_sub(limit);
        signals.drain(..superfluous);
        Ok(signals)
    }

    /// At least `limit` of the last signals, if there are so many.
    async fn last_signals(
        &self,
        account: AccountId,
        limit: usize,
    ) -> Result<Vec<Signal>, LogError> {
        let wanted = u64::try_from(limit).unwrap_or(u64::MAX);
        let name = config::signals_name(self.prefix());
        let stream = self.context().get_stream(&name);
        let stream = stream.await.map_err(LogError::unavailable)?;
        let state = &stream.cached_info().state;
        // From `low` on there are enough, if there are; from `high` on, none.
        let (mut low, mut high) = (state.first_sequence.max(1), state.last_sequence + 1);
        let mut found = self.signals_from(account, low).await?;
        let mut probes = 0;
        while found.count > wanted + READ_MAX && high - low > 1 && probes < PROBES_MAX {
            probes += 1;
            let middle = low + (high - low) / 2;
            let later = self.signals_from(account, middle).await?;
            if later.count >= wanted {
                low = middle;
                let before = std::mem::replace(&mut found, later);
                self.take_away(&before.consumer).await;
            } else {
                high = middle;
                self.take_away(&later.consumer).await;
            }
        }
        let signals = found.read().await;
        self.take_away(&found.consumer).await;
        signals
    }

    async fn signals_from(&self, account: AccountId, from: u64) -> Result<Found, LogError> {
        let config = pull::Config {
            description: Some("countersign signals of an account".into()),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: from,
            },
            filter_subject: format!("{}.sig.*.{account}", self.prefix()),
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer: Consumer<pull::Config> = self
            .context()
            .create_consumer_on_stream(config, config::signals_name(self.prefix()))
            .await
            .map_err(LogError::unavailable)?;
        let count = consumer.cached_info().num_pending;
        Ok(Found { consumer, count })
    }
}

/// Signals that wait to be read.
struct Found {
    consumer: Consumer<pull::Config>,
    count: u64,
}

impl Found {
    async fn read(&self) -> Result<Vec<Signal>, LogError> {
        let mut signals = Vec::new();
        let mut left = usize::try_from(self.count).unwrap_or(usize::MAX);
        while left > 0 {
            let batch = self.consumer.fetch().max_messages(left.min(500));
            let mut batch = batch.messages().await.map_err(LogError::unavailable)?;
            let mut read = 0;
            while let Some(message) = batch.next().await {
                let message = message
                    .map_err(|error| LogError::Unavailable(format!("reading signals: {error}")))?;
                read += 1;
                // Those of a newer program are not understood, and no harm.
                signals.extend(serde_json::from_slice::<Signal>(&message.payload).ok());
            }
            // Some may have been forgotten meanwhile.
            if read == 0 {
                break;
            }
            left = left.saturating_sub(read);
        }
        Ok(signals)
    }
}
