//! Following one shard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_events::Position;
use countersign_log::{GateState, Log, LogError, RawMessage, Start};
use countersign_verifier::RevocationSet;
use countersign_verifier::feed::Record;
use tokio::sync::watch;

use crate::Listener;
use crate::pending::Pending;
use crate::record::{apply, records_of};

const BATCH: usize = 2_000;

pub(crate) struct Follower {
    pub(crate) log: Log,
    pub(crate) shard: u8,
    pub(crate) from: Start,
    pub(crate) end_at_start: u64,
    pub(crate) window: Duration,
    pub(crate) revocations: Arc<RevocationSet>,
    pub(crate) listener: Listener,
    pub(crate) applied: watch::Sender<u64>,
    /// Sent when something revoked was applied.
    pub(crate) revoked: watch::Sender<()>,
    /// What is to be told to the stream.
    pub(crate) pending: Arc<Pending>,
    /// Messages of all shards that could not be read.
    pub(crate) not_understood: Arc<AtomicU64>,
}

impl Follower {
    /// Follows until something happens that does not heal.
    pub(crate) async fn run(self) -> LogError {
        match self.follow().await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn follow(&self) -> Result<std::convert::Infallible, LogError> {
        let mut tail = self.log.tail(self.shard, self.from);
        if tail.pending().await? == 0 {
            self.pending.begin(self.end_at_start);
            self.applied.send_replace(self.end_at_start);
        }
        let mut before = match self.from {
            Start::Sequence(first) => Some(first.saturating_sub(1)),
            Start::Time(_) => None,
        };
        loop {
            let batch = tail.next_batch(BATCH).await?;
            let mut records = Vec::new();
            for message in &batch {
                let sequence = message.position.sequence;
                if before.is_some_and(|before| before + 1 != sequence) {
                    self.missing(before.unwrap_or_default() + 1);
                }
                before = Some(sequence);
                self.apply(message, &mut records)?;
            }
            let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
                continue;
            };
            let mut applied = last.position.sequence;
            if tail.is_drained() && applied < self.end_at_start {
                self.missing(applied + 1);
                applied = self.end_at_start;
            }
            self.pending.begin(first.position.sequence - 1);
            let has_revoked = !records.is_empty();
            self.pending.push(records, applied);
            self.applied.send_replace(applied);
            if has_revoked {
                self.revoked.send_modify(|()| ());
            }
        }
    }

    /// What is read here is younger than an hour and cannot have been
    /// forgotten: the server has lost it, or cannot read it.
    fn missing(&self, sequence: u64) {
        let first_bad = Position {
            shard: self.shard,
            sequence,
        };
        let finding = format!("message {first_bad} is missing or cannot be read");
        tracing::error!(%first_bad, "the log is damaged; nothing will be appended");
        self.log
            .gate()
            .set(GateState::Damaged { first_bad, finding });
    }

    fn apply(&self, message: &RawMessage, records: &mut Vec<Record>) -> Result<(), LogError> {
        (self.listener)(message);
        let (found, error) = records_of(message, self.window);
        if let Some(error) = error
            && self.not_understood.fetch_add(1, Ordering::Relaxed) == 0
        {
            tracing::error!(%error, "what is not understood is taken for a revocation");
        }
        for record in &found {
            // Forgetting who is out would let them in: better to know nothing
            // new at all, and to say so.
            apply(record, &self.revocations).map_err(|full| LogError::Unfit(full.to_string()))?;
        }
        records.extend(found);
        Ok(())
    }
}
