//! Is the log still the one that was anchored?

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_events::{Position, Timestamp};
use countersign_log::{Log, LogError, RANGE_MAX};
use countersign_views::ViewError;
use countersign_views::checkpoint::{self, Anchor};
use sqlx::PgConnection;

use crate::anchor::{self, CheckpointFile};

/// How many kept anchors of a shard are looked at, at most: one every thousand
/// messages.
const KEPT_MAX: u32 = 256;

/// How far back the chain is followed at start: to the last kept anchor and
/// some more.
const WALK_MAX: u64 = 2 * anchor::KEEP_EVERY;

/// No message is forgotten sooner: sessions are kept for a day after their end
/// at the least.
const FORGOTTEN_AFTER_MIN: Duration = Duration::from_hours(24);

/// What was seen of the log before, newest first for each shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anchors(BTreeMap<u8, Vec<Anchor>>);

impl Anchors {
    /// From Postgres: the newest anchors, and for each shard some of the older
    /// ones in case the newest messages have been forgotten. A database that
    /// has seen nothing of the log has nothing to hold against it.
    pub async fn load(connection: &mut PgConnection) -> Result<Self, ViewError> {
        let mut anchors = Self::default();
        for newest in checkpoint::anchors(&mut *connection).await? {
            let shard = newest.position.shard;
            anchors.add(newest);
            for kept in checkpoint::kept_anchors(&mut *connection, shard, KEPT_MAX).await? {
                anchors.add(kept);
            }
        }
        Ok(anchors)
    }

    /// From Postgres, of one shard only.
    pub(crate) async fn load_shard(
        connection: &mut PgConnection,
        shard: u8,
    ) -> Result<Self, ViewError> {
        let mut anchors = Self::default();
        for newest in checkpoint::anchors(&mut *connection).await? {
            if newest.position.shard == shard {
                anchors.add(newest);
            }
        }
        for kept in checkpoint::kept_anchors(&mut *connection, shard, KEPT_MAX).await? {
            anchors.add(kept);
        }
        Ok(anchors)
    }

    /// Takes in one more.
    pub(crate) fn add(&mut self, anchor: Anchor) {
        let shard = self.0.entry(anchor.position.shard).or_default();
        if !shard.contains(&anchor) {
            let index =
                shard.partition_point(|known| known.position.sequence > anchor.position.sequence);
            shard.insert(index, anchor);
        }
    }

    /// What either of the two has seen.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for anchor in other.0.into_values().flatten() {
            self.add(anchor);
        }
        self
    }

    /// How far the shards were seen, in shard order.
    pub fn positions(&self) -> Vec<Position> {
        let newest = self.0.values().filter_map(|anchors| anchors.first());
        newest.map(|anchor| anchor.position).collect()
    }
}

impl From<CheckpointFile> for Anchors {
    fn from(file: CheckpointFile) -> Self {
        let mut anchors = Self::default();
        for anchor in file.anchors {
            anchors.add(anchor);
        }
        anchors
    }
}

/// The log is not what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It ends before a message that was read from it.
    #[error("shard {} ends at {end}, but {} was read from it", seen.shard, seen)]
    Shorter {
        /// The last sequence of the shard now.
        end: u64,
        /// What was read from it.
        seen: Position,
    },
    /// It has other messages than those that were read from it.
    #[error("shard {} differs from its anchor after {} and not later than at {}",
        at.shard, after, at)]
    Differs {
        /// The last position, among those anchored, that is what it was; zero
        /// when none is.
        after: u64,
        /// The first position, among those anchored, that is not.
        at: Position,
    },
    /// Messages are missing that cannot have been forgotten yet.
    #[error("shard {} lacks messages after {} and not later than at {}", at.shard, after, at)]
    Missing {
        /// The last position before the hole.
        after: u64,
        /// The last that may be missing, or the first that is there again.
        at: Position,
    },
}

impl Damage {
    /// The first position that may be bad.
    pub fn first_bad(&self) -> Position {
        match *self {
            Self::Shorter { end, seen } => Position {
                shard: seen.shard,
                sequence: end + 1,
            },
            Self::Differs { after, at } | Self::Missing { after, at } => Position {
                shard: at.shard,
                sequence: after + 1,
            },
        }
    }
}

/// Why the log was not found to be good.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It is not good.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// It cannot be told. To be treated like damage, but not for ever.
    #[error(transparent)]
    Unknown(#[from] LogError),
}

/// Compares the log with what was seen of it: no shard is shorter, and the
/// newest anchored message of each that is still there has the same bytes.
///
/// To be done before the first append: a damaged stream gives sequences a
/// second time, and whoever has seen them once would take the new messages for
/// the old. A log without anchors is good.
///
/// Then the chain is followed from the last kept anchor to the newest. `now`
/// tells what may have been forgotten by its time to live.
pub async fn check(log: &Log, anchors: &Anchors, now: Timestamp) -> Result<(), CheckError> {
    let shards = anchors.0.iter().map(|(shard, anchors)| async move {
        compare(log, *shard, anchors).await?;
        walk(log, anchors, now).await
    });
    futures_util::future::try_join_all(shards).await?;
    Ok(())
}

/// The same without following the chain, for those who have done so.
pub(crate) async fn check_ends(log: &Log, anchors: &Anchors) -> Result<(), CheckError> {
    let shards = anchors
        .0
        .iter()
        .map(|(shard, anchors)| compare(log, *shard, anchors));
    futures_util::future::try_join_all(shards).await?;
    Ok(())
}

async fn compare(log: &Log, shard: u8, anchors: &[Anchor]) -> Result<(), CheckError> {
    let Some(newest) = anchors.first() else {
        return Ok(());
    };
    // A shard that the log does not have has ended before it began.
    let end = if shard < log.shards() {
        log.last_sequence(shard).await?
    } else {
        0
    };
    if end < newest.position.sequence {
        return Err(Damage::Shorter {
            end,
            seen: newest.position,
        }
        .into());
    }
    let mut bad: Option<Position> = None;
    for anchor in anchors {
        let Some(message) = log.message(anchor.position).await? else {
            continue; // forgotten in its time
        };
        if anchor::leaf_of(log.prefix(), &message) != anchor.leaf {
            bad = Some(anchor.position);
            continue;
        }
        return match bad {
            None => Ok(()),
            Some(at) => Err(Damage::Differs {
                after: anchor.position.sequence,
                at,
            }
            .into()),
        };
    }
    bad.map_or(Ok(()), |at| Err(Damage::Differs { after: 0, at }.into()))
}

/// Follows the chain from the last kept anchor, or from the beginning of a
/// short shard, to the newest: a bit that flipped in between, or a block that
/// the server cannot read and passes over, is found here and nowhere else at
/// start. `replay --verify` follows it from the beginning.
async fn walk(log: &Log, anchors: &[Anchor], now: Timestamp) -> Result<(), CheckError> {
    let Some(newest) = anchors.first() else {
        return Ok(());
    };
    let end = newest.position;
    let older = anchors
        .iter()
        .find(|anchor| anchor.position.sequence < end.sequence);
    let (from, mut head) = match older {
        Some(anchor) => (anchor.position.sequence, anchor.head),
        None => (0, anchor::GENESIS),
    };
    if end.sequence - from > WALK_MAX {
        return Ok(());
    }
    let mut before = from;
    let mut gap = false;
    let mut decided = None;
    while before < end.sequence {
        let until = (before + RANGE_MAX).min(end.sequence);
        for message in log.range(end.shard, before + 1, until + 1).await? {
            let position = message.position;
            if position.sequence != before + 1 {
                may_be_forgotten(log, before, position, decided, now).await?;
                gap = true;
            }
            let subject = message.subject.with_prefix(log.prefix());
            head = anchor::link(&head, position, &subject, &message.payload);
            before = position.sequence;
            decided = Some(message.envelope()?.header().occurred_at);
        }
        if before < until {
            let at = Position {
                sequence: until,
                ..end
            };
            may_be_forgotten(log, before, at, decided, now).await?;
            gap = true;
            before = until;
        }
    }
    if !gap && head != newest.head {
        return Err(Damage::Differs {
            after: from,
            at: end,
        }
        .into());
    }
    Ok(())
}

/// A message may be missing when its time to live is over, which is a day
/// after it was stored at the least. The message before the gap was `decided`
/// earlier than the missing one: when even that is not long ago, the gap is
/// damage. What comes after a gap proves nothing, for a shard may have been
/// silent for months.
pub(crate) async fn may_be_forgotten(
    log: &Log,
    after: u64,
    at: Position,
    decided: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), CheckError> {
    let in_shard = |sequence| Position { sequence, ..at };
    let decided = match decided {
        Some(decided) => decided,
        // Nothing is known of what was before the beginning, or is gone too.
        None if after == 0 => return Ok(()),
        None => match log.message(in_shard(after)).await? {
            None => return Ok(()),
            Some(message) => message.envelope()?.header().occurred_at,
        },
    };
    if now.distance(decided) >= FORGOTTEN_AFTER_MIN {
        return Ok(());
    }
    // Other reads are answered by any replica: only the leader's word counts.
    match log.message(in_shard(after + 1)).await? {
        None => Err(Damage::Missing { after, at }.into()),
        Some(_) => Err(LogError::Unavailable("a replica is behind its leader".into()).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor(shard: u8, sequence: u64, leaf: u8) -> Anchor {
        Anchor {
            position: Position { shard, sequence },
            head: [0; 32],
            leaf: [leaf; 32],
        }
    }

    fn anchors(list: &[Anchor]) -> Anchors {
        let mut anchors = Anchors::default();
        for anchor in list {
            anchors.add(*anchor);
        }
        anchors
    }

    #[test]
    fn the_newest_comes_first_whatever_the_source() {
        let rows = anchors(&[anchor(1, 2_500, 1), anchor(1, 1_000, 2), anchor(0, 7, 3)]);
        let file = anchors(&[anchor(1, 2_700, 4), anchor(0, 7, 3)]);
        let both = rows.and(file);
        let order: Vec<u64> = both.0[&1].iter().map(|a| a.position.sequence).collect();
        assert_eq!(order, [2_700, 2_500, 1_000]);
        assert_eq!(both.0[&0].len(), 1);
        let positions: Vec<String> = both.positions().iter().map(ToString::to_string).collect();
        assert_eq!(positions, ["0.7", "1.2700"]);
    }

    #[test]
    fn two_sources_that_disagree_are_both_held_against_the_log() {
        let both = anchors(&[anchor(0, 7, 1)]).and(anchors(&[anchor(0, 7, 2)]));
        assert_eq!(both.0[&0].len(), 2);
    }

    #[test]
    fn damage_names_the_first_bad_position() {
        let seen = Position {
            shard: 3,
            sequence: 3_000,
        };
        let shorter = Damage::Shorter { end: 1_500, seen };
        assert_eq!(shorter.first_bad().to_string(), "3.1501");
        let differs = Damage::Differs {
            after: 1_000,
            at: seen,
        };
        assert_eq!(differs.first_bad().to_string(), "3.1001");
        assert!(differs.to_string().contains("3.3000"), "{differs}");
    }
}
