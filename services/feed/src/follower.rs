//! Following one shard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_events::{Position, Timestamp};
use countersign_log::{GateState, Log, LogError, RawMessage, Start};
use countersign_verifier::RevocationSet;
use tokio::sync::watch;

use crate::Listener;
use crate::revocation::{Revocation, revocations_in, revoked_at_worst};

const BATCH: usize = 2_000;

pub(crate) struct Follower {
    pub(crate) log: Log,
    pub(crate) shard: u8,
    pub(crate) from: Timestamp,
    pub(crate) end_at_start: u64,
    pub(crate) window: Duration,
    pub(crate) revocations: Arc<RevocationSet>,
    pub(crate) listener: Listener,
    pub(crate) applied: watch::Sender<u64>,
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
        let mut tail = self.log.tail(self.shard, Start::Time(self.from));
        if tail.pending().await? == 0 {
            self.applied.send_replace(self.end_at_start);
        }
        let mut before = None;
        loop {
            let batch = tail.next_batch(BATCH).await?;
            for message in &batch {
                let sequence = message.position.sequence;
                if before.is_some_and(|before| before + 1 != sequence) {
                    self.missing(before.unwrap_or_default() + 1);
                }
                before = Some(sequence);
                self.apply(message)?;
            }
            let Some(last) = batch.last() else { continue };
            let mut applied = last.position.sequence;
            if tail.is_drained() && applied < self.end_at_start {
                self.missing(applied + 1);
                applied = self.end_at_start;
            }
            self.applied.send_replace(applied);
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

    fn apply(&self, message: &RawMessage) -> Result<(), LogError> {
        (self.listener)(message);
        let forget_at = |decided: Timestamp| {
            u64::try_from(decided.plus(self.window).as_seconds()).unwrap_or_default()
        };
        let revocations = &self.revocations;
        let found = revocations_in(message).unwrap_or_else(|error| {
            // Written by a newer program, perhaps. Whatever it says, nobody
            // gets in by it.
            if self.not_understood.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::error!(%error, "what is not understood is taken for a revocation");
            }
            revoked_at_worst(message)
        });
        for (decided, revocation) in found {
            let kept = match revocation {
                Revocation::Session(session) => {
                    revocations.revoke_session(session.uuid(), forget_at(decided))
                }
                Revocation::Account { account, min_epoch } => {
                    revocations.raise_epoch(account.uuid(), min_epoch, forget_at(decided))
                }
                Revocation::Grant(grant) => {
                    revocations.revoke_session(grant.uuid(), forget_at(decided))
                }
                Revocation::Client { client, min_epoch } => {
                    revocations.raise_epoch(client.uuid(), min_epoch, forget_at(decided))
                }
                Revocation::Key(kid) => revocations.revoke_key(&kid),
                Revocation::KeysChanged => Ok(()),
            };
            // Forgetting who is out would let them in: better to know nothing
            // new at all, and to say so.
            kept.map_err(|full| LogError::Unfit(full.to_string()))?;
        }
        Ok(())
    }
}
