//! Where the log stood at a moment, and what it held by then.

use countersign_events::{Subject, Timestamp};
use futures_util::future::try_join_all;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::read::BATCH;
use crate::{Log, LogError, RawMessage};

/// How many messages about one thing an answer is made of at most: they are
/// held in memory together.
pub const HISTORY_MAX: usize = 10_000;

impl Log {
    /// The last sequence of every shard, in their order, asked of its leader.
    pub async fn ends(&self) -> Result<Vec<u64>, LogError> {
        try_join_all((0..self.shards()).map(|shard| self.last_sequence(shard))).await
    }

    /// The last sequence of a shard that was stored at `at` or before, to the
    /// millisecond; 0 if there is none.
    ///
    /// The time at which the stream stored a message counts, not that at which
    /// it was decided: only the former goes the way of the sequences. It is
    /// found by halving, asked of the leader: a replica may lack what was
    /// stored last, and the server's own search by time stops at a block whose
    /// last messages were forgotten.
    pub async fn sequence_at(&self, shard: u8, at: Timestamp) -> Result<u64, LogError> {
        let state = self.shard_state(shard).await?;
        let filter = format!("{}.evt.{shard}.>", self.prefix());
        // The first message that is later is at `low` or after it, and not
        // after `high`.
        let mut low = state.first_seq.max(1);
        let mut high = state.last_seq.saturating_add(1).max(low);
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.next_from_leader(shard, &filter, middle).await?;
            match found {
                Some(found) if found.seq < high && stored_at(&found.time)? <= at => {
                    low = found.seq + 1;
                }
                _ => high = middle,
            }
        }
        Ok(low - 1)
    }

    /// All messages of a subject up to the sequence `last`, oldest first, if
    /// they are not more than `max`: see [`HISTORY_MAX`].
    ///
    /// What a replica may lack is asked of the leader, so nothing that was
    /// stored before this call began is missing.
    ///
    /// # Errors
    ///
    /// [`LogError::TooLong`] as soon as there is one message too many.
    pub async fn history_until(
        &self,
        subject: Subject,
        last: u64,
        max: usize,
    ) -> Result<Vec<RawMessage>, LogError> {
        let one_too_many = max.saturating_add(1);
        let all = self.page_until(subject, 1, last, one_too_many).await?;
        if all.len() > max {
            return Err(LogError::TooLong { subject, max });
        }
        Ok(all)
    }

    /// The first messages of a subject from the sequence `from` up to `last`,
    /// oldest first, `limit` at most.
    ///
    /// What a replica may lack is asked of the leader: fewer than `limit` say
    /// that there are no more of those that were stored before this call began.
    pub async fn page_until(
        &self,
        subject: Subject,
        from: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<RawMessage>, LogError> {
        let filter = subject.with_prefix(self.prefix());
        let mut all: Vec<RawMessage> = Vec::new();
        let mut next = from.max(1);
        while next <= last && all.len() < limit {
            let count = BATCH.min(limit - all.len());
            let (batch, more) = self.read_batch(subject.shard, &filter, next, count).await?;
            for message in batch {
                if message.position.sequence > last {
                    return Ok(all);
                }
                next = message.position.sequence + 1;
                all.push(message);
            }
            if !more {
                break;
            }
        }
        while next <= last && all.len() < limit {
            let found = self
                .next_from_leader(subject.shard, &filter, next)
                .await?
                .filter(|found| found.seq <= last);
            let Some(found) = found else { break };
            next = found.seq + 1;
            all.push(self.opened(subject.shard, found)?);
        }
        Ok(all)
    }
}

fn stored_at(text: &str) -> Result<Timestamp, LogError> {
    let at = OffsetDateTime::parse(text, &Rfc3339);
    let at = at.map_err(|_| LogError::Unfit("a stored message has no readable time".into()))?;
    Ok(at.into())
}
