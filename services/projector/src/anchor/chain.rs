//! A chain being extended over what is read from one shard.

use std::collections::VecDeque;

use countersign_log::RawMessage;
use countersign_views::checkpoint::{Anchor, Checkpoint};

use super::{Hash, KEEP_EVERY, leaf, link};
use crate::check::Damage;

/// Links messages as they are read, and compares with what was anchored when
/// they were read before.
///
/// Messages that carry a time to live go away, and with them the means to
/// compute a head from the beginning. So the chain goes on from each anchored
/// head as it comes by, and a head is only held against an anchor when nothing
/// was missing since the one before.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    /// The last message and the head with it.
    end: Checkpoint,
    /// The leaf of that message; none until one was read.
    leaf: Option<Hash>,
    /// The anchors to keep for good, of the messages read so far.
    kept: Vec<Anchor>,
    /// Anchors that lie ahead, in order.
    known: VecDeque<Anchor>,
    /// The last sequence that agreed with its anchor, or where it began.
    agreed: u64,
    /// Whether nothing was missing since then.
    whole: bool,
    /// The first anchor that did not agree.
    damage: Option<Damage>,
}

impl Chain {
    /// A chain that goes on from `end`.
    pub(crate) fn new(end: Checkpoint) -> Self {
        Self {
            end,
            leaf: None,
            kept: Vec::new(),
            known: VecDeque::new(),
            agreed: end.position.sequence,
            whole: true,
            damage: None,
        }
    }

    /// Takes in anchors to compare with; those behind the end are ignored.
    pub(crate) fn expect(&mut self, anchors: impl IntoIterator<Item = Anchor>) {
        let ahead = anchors
            .into_iter()
            .filter(|anchor| anchor.position.sequence > self.end.position.sequence);
        let mut known: Vec<Anchor> = self.known.drain(..).chain(ahead).collect();
        known.sort_by_key(|anchor| anchor.position.sequence);
        known.dedup();
        self.known = known.into();
    }

    /// Links a message. The last of a batch must be `last`, because only then
    /// its leaf is hashed.
    pub(crate) fn push(&mut self, prefix: &str, message: &RawMessage, last: bool) {
        let subject = message.subject.with_prefix(prefix);
        let position = message.position;
        let previous = self.end.position.sequence;
        self.pass(position.sequence - 1);
        if position.sequence != self.end.position.sequence + 1 {
            self.whole = false;
        }
        self.end = Checkpoint {
            position,
            head: link(&self.end.head, position, &subject, &message.payload),
        };
        let keep = position.sequence / KEEP_EVERY > previous / KEEP_EVERY;
        let expected = self
            .known
            .front()
            .is_some_and(|known| known.position == position);
        if keep || last || expected {
            let leaf = leaf(position, &subject, &message.payload);
            self.leaf = Some(leaf);
            while let Some(known) = self.known.front().copied() {
                if known.position != position {
                    break;
                }
                self.known.pop_front();
                self.compare(known, leaf);
            }
            if keep {
                self.kept.push(Anchor {
                    position,
                    head: self.end.head,
                    leaf,
                });
            }
        }
    }

    fn compare(&mut self, known: Anchor, leaf: Hash) {
        let same = known.leaf == leaf && (known.head == self.end.head || !self.whole);
        if !same {
            self.damage.get_or_insert(Damage::Differs {
                after: self.agreed,
                at: known.position,
            });
        }
        self.end.head = known.head;
        self.agreed = known.position.sequence;
        self.whole = true;
    }

    /// Goes on from the anchors up to `sequence`, whose messages are gone.
    pub(crate) fn pass(&mut self, sequence: u64) {
        while let Some(known) = self.known.front().copied() {
            if known.position.sequence > sequence {
                return;
            }
            self.known.pop_front();
            self.end = Checkpoint {
                position: known.position,
                head: known.head,
            };
            self.leaf = Some(known.leaf);
            self.agreed = known.position.sequence;
            self.whole = true;
        }
    }

    pub(crate) fn end(&self) -> Checkpoint {
        self.end
    }

    pub(crate) fn kept(&self) -> &[Anchor] {
        &self.kept
    }

    pub(crate) fn damage(&self) -> Option<Damage> {
        self.damage
    }

    /// The anchor of the last message, if one was pushed as `last`.
    pub(crate) fn anchor(&self) -> Option<Anchor> {
        self.leaf.map(|leaf| Anchor {
            position: self.end.position,
            head: self.end.head,
            leaf,
        })
    }
}

#[cfg(test)]
mod tests;
