//! What the stream has told so far, and whether anything is missing in it.

use std::time::Duration;

use countersign_verifier::feed::{Beat, FEED_VERSION, Message};

/// The stream as it was read, message by message.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    /// How far each shard has been told.
    known: Vec<Option<u64>>,
    /// The same, by what came since `claim` alone.
    fresh: Vec<u64>,
    /// The sequence of the last message that was read.
    last: u64,
    /// The sequence of the last message on each shard's subject.
    shard_at: Vec<u64>,
    /// The sequence of the last beat.
    beat_at: u64,
    /// Where a genesis began that is not complete yet.
    claim: Option<u64>,
    /// Where the last complete genesis began.
    genesis: Option<u64>,
    /// Where something was missing or made no sense.
    broken_at: Option<u64>,
}

impl Chain {
    pub(crate) fn new(shards: u8) -> Self {
        let shards = usize::from(shards);
        Self {
            known: vec![None; shards],
            fresh: vec![0; shards],
            last: 0,
            shard_at: vec![0; shards],
            beat_at: 0,
            claim: None,
            genesis: None,
            broken_at: None,
        }
    }

    /// Takes in what a shard revokes.
    pub(crate) fn message(&mut self, seq: u64, message: &Message) {
        let index = usize::from(message.shard);
        let fits = message.v == FEED_VERSION && message.from <= message.to;
        let Some(known) = self.known.get_mut(index).filter(|_| fits) else {
            return self.strange(seq);
        };
        self.last = seq;
        self.shard_at[index] = seq;
        let begins = message.shard == 0 && message.from == 0 && *known != Some(0);
        let is_gap = known.is_some_and(|known| message.from > known);
        *known = Some(known.unwrap_or_default().max(message.to));
        if begins {
            self.claim = Some(seq);
            self.fresh.fill(0);
        }
        self.fresh[index] = self.fresh[index].max(message.to);
        if is_gap {
            self.broken(seq);
        }
    }

    /// Takes in how far all shards have been told.
    pub(crate) fn beat(&mut self, seq: u64, beat: &Beat) {
        if beat.v != FEED_VERSION || beat.cursor.len() != self.known.len() {
            return self.strange(seq);
        }
        self.last = seq;
        self.beat_at = seq;
        if beat.genesis {
            if let Some(claim) = self.claim.take() {
                self.genesis = Some(claim);
                self.broken_at = None;
                for (known, fresh) in self.known.iter_mut().zip(&self.fresh) {
                    *known = Some(*fresh);
                }
            }
        } else {
            self.claim = None;
        }
        for (known, told) in self.known.iter_mut().zip(&beat.cursor) {
            *known = Some(known.unwrap_or_default().max(*told));
        }
    }

    /// Takes note of something that is neither.
    pub(crate) fn strange(&mut self, seq: u64) {
        self.last = seq;
        self.broken(seq);
    }

    /// Trusts nothing of what was read so far.
    pub(crate) fn distrust(&mut self) {
        self.broken(self.last);
    }

    fn broken(&mut self, seq: u64) {
        self.broken_at = Some(seq);
        self.genesis = None;
    }

    /// The sequence of the last message that was read.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// How far a shard has been told; none before anything was said of it.
    pub(crate) fn known(&self, shard: u8) -> Option<u64> {
        self.known.get(usize::from(shard)).copied().flatten()
    }

    /// How far all shards have been told, if that is known of all.
    pub(crate) fn cursor(&self) -> Option<Vec<u64>> {
        self.known.iter().copied().collect()
    }

    /// Whether every shard has been told at least that far.
    pub(crate) fn covers(&self, ends: &[u64]) -> bool {
        self.known
            .iter()
            .zip(ends)
            .all(|(known, end)| known.unwrap_or_default() >= *end)
    }

    /// Where a shard's subject stands.
    pub(crate) fn shard_at(&self, shard: u8) -> u64 {
        self.shard_at
            .get(usize::from(shard))
            .copied()
            .unwrap_or_default()
    }

    /// Where the subject of beats stands.
    pub(crate) fn beat_at(&self) -> u64 {
        self.beat_at
    }

    /// Whether a genesis has begun that is not complete.
    pub(crate) fn is_claimed(&self) -> bool {
        self.claim.is_some()
    }

    /// From which sequence on the stream tells everything that can concern a
    /// token which is still valid, if it does: from its last genesis on; or
    /// from its first message on, if that is older than `window`.
    pub(crate) fn since(
        &self,
        first_seq: u64,
        first_age: Option<Duration>,
        window: Duration,
    ) -> Option<u64> {
        if self.broken_at.is_some_and(|broken| broken >= first_seq) || self.cursor().is_none() {
            return None;
        }
        let genesis = self.genesis.filter(|genesis| *genesis >= first_seq);
        let is_old = first_age.is_some_and(|age| age >= window);
        genesis.or_else(|| is_old.then_some(first_seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_mins(35);
    const YOUNG: Option<Duration> = Some(Duration::from_secs(1));
    const OLD: Option<Duration> = Some(WINDOW);

    fn message(shard: u8, from: u64, to: u64) -> Message {
        Message {
            v: FEED_VERSION,
            shard,
            from,
            to,
            records: Vec::new(),
        }
    }

    fn beat(cursor: [u64; 2], genesis: bool) -> Beat {
        Beat {
            v: FEED_VERSION,
            cursor: cursor.to_vec(),
            genesis,
        }
    }

    /// A genesis at 1 to 3, and a message.
    fn healthy() -> Chain {
        let mut chain = Chain::new(2);
        chain.message(1, &message(0, 0, 4));
        chain.message(2, &message(1, 0, 6));
        chain.beat(3, &beat([5, 6], true));
        chain.message(4, &message(0, 5, 8));
        chain
    }

    #[test]
    fn a_genesis_covers_from_its_first_message_on() {
        let chain = healthy();
        assert_eq!(chain.since(1, YOUNG, WINDOW), Some(1));
        assert_eq!(chain.since(2, YOUNG, WINDOW), None, "its beginning is gone");
        assert_eq!(chain.since(2, OLD, WINDOW), Some(2));
        assert_eq!(chain.cursor(), Some(vec![8, 6]));
        assert!(chain.covers(&[8, 6]) && !chain.covers(&[8, 7]));
    }

    #[test]
    fn without_genesis_or_age_nothing_is_covered() {
        let mut chain = Chain::new(2);
        assert_eq!(chain.since(1, None, WINDOW), None);
        chain.message(7, &message(0, 40, 44));
        assert_eq!(chain.since(7, OLD, WINDOW), None, "nothing of shard 1");
        chain.beat(8, &beat([44, 9], false));
        assert_eq!(chain.since(7, YOUNG, WINDOW), None);
        assert_eq!(chain.since(7, OLD, WINDOW), Some(7));
        // A beat that calls itself a genesis and is none.
        chain.beat(9, &beat([44, 9], true));
        assert_eq!(chain.since(7, YOUNG, WINDOW), None);
    }

    #[test]
    fn a_gap_is_noticed_until_a_genesis_tells_everything_again() {
        let mut chain = healthy();
        chain.message(5, &message(1, 7, 9));
        assert_eq!(chain.since(1, OLD, WINDOW), None);
        assert_eq!(chain.since(6, OLD, WINDOW), Some(6), "it has aged out");
        chain.message(6, &message(0, 0, 3));
        assert!(chain.is_claimed());
        assert_eq!(chain.since(1, OLD, WINDOW), None, "not complete");
        chain.beat(7, &beat([4, 5], true));
        assert_eq!(chain.since(1, YOUNG, WINDOW), Some(6));
        assert_eq!(chain.cursor(), Some(vec![4, 5]), "as the genesis says");
    }

    #[test]
    fn what_makes_no_sense_breaks_the_chain() {
        let spoilt: [fn(&mut Chain); 5] = [
            |chain| chain.strange(5),
            |chain| chain.message(5, &message(2, 0, 1)),
            |chain| chain.message(5, &message(0, 9, 8)),
            |chain| {
                chain.beat(
                    5,
                    &Beat {
                        v: 2,
                        ..beat([9, 9], false)
                    },
                );
            },
            |chain| {
                chain.beat(
                    5,
                    &Beat {
                        cursor: vec![9],
                        ..beat([0, 0], false)
                    },
                );
            },
        ];
        for spoil in spoilt {
            let mut chain = healthy();
            spoil(&mut chain);
            assert_eq!(chain.since(1, OLD, WINDOW), None);
        }
    }

    #[test]
    fn a_beat_of_somebody_else_ends_a_genesis_that_is_not_complete() {
        let mut chain = healthy();
        chain.message(5, &message(0, 0, 3));
        chain.beat(6, &beat([8, 6], false));
        chain.beat(7, &beat([9, 9], true));
        assert_eq!(chain.since(1, YOUNG, WINDOW), Some(1), "the one before");
        assert_eq!(chain.since(2, YOUNG, WINDOW), None);
    }

    #[test]
    fn the_first_message_of_an_empty_shard_is_no_genesis() {
        let mut chain = Chain::new(1);
        chain.message(1, &message(0, 0, 0));
        let beat = |cursor, genesis| Beat {
            v: FEED_VERSION,
            cursor: vec![cursor],
            genesis,
        };
        chain.beat(2, &beat(0, true));
        chain.message(3, &message(0, 0, 3));
        assert!(!chain.is_claimed());
        assert_eq!(chain.since(1, YOUNG, WINDOW), Some(1));
    }
}
