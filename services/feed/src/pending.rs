//! What one shard has to tell and has not told yet.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_verifier::feed::{MAX_RECORDS, Record};
use tokio::sync::Notify;

use crate::record::sequence;

/// The most records a shard keeps waiting.
const WAITING_MAX: usize = 16_384;

/// Between the follower, which never waits, and the teller: bounded. What does
/// not fit is dropped, and read from the log again when its turn comes.
pub(crate) struct Pending {
    waiting: Mutex<Waiting>,
    pub(crate) more: Notify,
}

#[derive(Default)]
struct Waiting {
    records: VecDeque<Record>,
    /// What is not here because it was before the beginning, or was dropped:
    /// everything up to this sequence. None before the beginning.
    base: Option<u64>,
    /// How far the follower has come.
    to: u64,
}

/// What is to be told next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: everything up to this sequence is known already, or revokes
    /// nothing.
    Nothing {
        /// The sequence.
        to: u64,
    },
    /// What is here does not begin where it should: the log has to be read
    /// again, through this sequence.
    Reread {
        /// The last sequence to read.
        through: u64,
    },
    /// These, which are everything up to that sequence.
    Chunk {
        /// At most [`MAX_RECORDS`].
        records: Vec<Record>,
        /// The sequence.
        to: u64,
    },
}

impl Pending {
    pub(crate) fn new() -> Self {
        Self {
            waiting: Mutex::default(),
            more: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says where the follower begins: after `base`. Only the first call
    /// counts.
    pub(crate) fn begin(&self, base: u64) {
        let mut waiting = self.lock();
        if waiting.base.is_none() {
            waiting.base = Some(base);
            waiting.to = waiting.to.max(base);
        }
        drop(waiting);
        self.more.notify_one();
    }

    /// Takes everything the follower has found up to `to`.
    pub(crate) fn push(&self, records: Vec<Record>, to: u64) {
        let mut waiting = self.lock();
        waiting.to = waiting.to.max(to);
        if waiting.records.len() + records.len() > WAITING_MAX {
            waiting.records = VecDeque::new();
            waiting.base = Some(to);
        } else {
            waiting.records.extend(records);
        }
        let is_news = !waiting.records.is_empty() || waiting.base == Some(to);
        drop(waiting);
        if is_news {
            self.more.notify_one();
        }
    }

    /// What comes after `known`, which everybody has been told.
    pub(crate) fn next(&self, known: u64) -> Next {
        let mut waiting = self.lock();
        match waiting.base {
            // Not begun: nothing is claimed.
            None => return Next::Nothing { to: known },
            Some(base) if known < base => return Next::Reread { through: base },
            Some(_) => {}
        }
        while let Some(told) = waiting.records.front().map(sequence)
            && told <= known
        {
            waiting.records.pop_front();
            // Should the stream turn out to be older than that, it is read
            // again.
            waiting.base = Some(told);
        }
        if waiting.records.is_empty() {
            return Next::Nothing {
                to: waiting.to.max(known),
            };
        }
        let records: Vec<Record> = waiting.records.iter().take(MAX_RECORDS).cloned().collect();
        let to = end_of(&records, waiting.records.get(MAX_RECORDS), waiting.to);
        Next::Chunk { records, to }
    }
}

/// Up to where a chunk is complete: `to` if nothing comes after it, else its
/// own last sequence, or the one before if that is not complete.
pub(crate) fn end_of(chunk: &[Record], after: Option<&Record>, to: u64) -> u64 {
    let last = chunk.last().map_or(0, sequence);
    match after.map(sequence) {
        None => to.max(last),
        Some(after) if after == last => last.saturating_sub(1),
        Some(_) => last,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(at: u64) -> Record {
        Record::Key {
            at,
            key: "k".into(),
        }
    }

    fn records(from: u64, to: u64) -> Vec<Record> {
        (from..=to).map(record).collect()
    }

    #[test]
    fn what_others_have_told_is_not_told_again() {
        let pending = Pending::new();
        assert_eq!(pending.next(7), Next::Nothing { to: 7 });
        pending.begin(7);
        assert_eq!(pending.next(7), Next::Nothing { to: 7 });
        pending.push(vec![record(9), record(12)], 14);
        let both = Next::Chunk {
            records: vec![record(9), record(12)],
            to: 14,
        };
        assert_eq!(pending.next(7), both);
        assert_eq!(pending.next(8), both, "not before it is known");
        let one = Next::Chunk {
            records: vec![record(12)],
            to: 14,
        };
        assert_eq!(pending.next(9), one);
        assert_eq!(pending.next(20), Next::Nothing { to: 20 });
        assert_eq!(pending.next(12), Next::Nothing { to: 14 });
        let reread = Next::Reread { through: 12 };
        assert_eq!(pending.next(8), reread, "the stream is an older one");
    }

    #[test]
    fn a_chunk_ends_before_a_message_it_does_not_hold_whole() {
        let pending = Pending::new();
        pending.begin(0);
        let many = u64::try_from(MAX_RECORDS).expect("small");
        pending.push(records(1, many), many);
        pending.push(vec![record(many), record(many + 1)], many + 9);
        let Next::Chunk { records, to } = pending.next(0) else {
            panic!("a chunk");
        };
        assert_eq!((records.len(), to), (MAX_RECORDS, many - 1));
        let Next::Chunk { records, to } = pending.next(to) else {
            panic!("a chunk");
        };
        assert_eq!((records.len(), to), (3, many + 9));
    }

    #[test]
    fn what_does_not_fit_is_read_again() {
        let pending = Pending::new();
        pending.begin(0);
        let most = u64::try_from(WAITING_MAX).expect("small");
        pending.push(records(1, most), most);
        pending.push(vec![record(most + 1)], most + 5);
        let reread = Next::Reread { through: most + 5 };
        assert_eq!(pending.next(3), reread);
        assert_eq!(pending.next(most + 5), Next::Nothing { to: most + 5 });
        pending.push(vec![record(most + 6)], most + 6);
        assert_eq!(pending.next(3), reread);
        assert!(matches!(pending.next(most + 5), Next::Chunk { .. }));
    }
}
