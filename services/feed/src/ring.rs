//! The newest messages of the stream, for those who read it over HTTP.

use std::collections::VecDeque;

use countersign_log::StoredRevocation;
use countersign_verifier::feed::StreamId;

/// The most messages, and the most bytes of them, that are kept.
const MESSAGES_MAX: usize = 65_536;
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// A bounded run of messages without a gap. The oldest make room, whoever
/// still wants to read them: nobody who reads slows who writes.
#[derive(Default)]
pub(crate) struct Ring {
    messages: VecDeque<StoredRevocation>,
    bytes: usize,
}

/// A part of the ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Which stream it is of.
    pub stream: StreamId,
    /// The last sequence of the stream.
    pub end: u64,
    /// Messages, oldest first, without a gap.
    pub messages: Vec<StoredRevocation>,
    /// The sequences that were asked for and are not here, the first and the
    /// last.
    pub gap: Option<(u64, u64)>,
}

impl Ring {
    pub(crate) fn push(&mut self, message: StoredRevocation) {
        self.bytes += message.payload.len();
        self.messages.push_back(message);
        while self.messages.len() > MESSAGES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.messages.pop_front() else {
                break;
            };
            self.bytes -= oldest.payload.len();
        }
    }

    /// Forgets what is before `first_seq`, which the stream has forgotten.
    pub(crate) fn forget_before(&mut self, first_seq: u64) {
        while self
            .messages
            .front()
            .is_some_and(|oldest| oldest.seq < first_seq)
        {
            if let Some(oldest) = self.messages.pop_front() {
                self.bytes -= oldest.payload.len();
            }
        }
    }

    /// What comes after a sequence, `max` at most. `end` is the last sequence
    /// of the stream: who asks for what is after it, or for none, has read
    /// another stream, and has to read all of this one.
    pub(crate) fn after(
        &self,
        stream: StreamId,
        after: Option<u64>,
        end: u64,
        max: usize,
    ) -> Stretch {
        let first = self.messages.front().map_or(end + 1, |oldest| oldest.seq);
        let (from, gap) = match after.filter(|after| *after <= end) {
            None if end == 0 => (1, None),
            None => (end + 1, Some((1, end))),
            Some(after) if after + 1 < first => (first, Some((after + 1, first - 1))),
            Some(after) => (after + 1, None),
        };
        let skip = usize::try_from(from - first.min(from)).unwrap_or(usize::MAX);
        let messages = self.messages.iter().skip(skip).take(max).cloned().collect();
        Stretch {
            stream,
            end,
            messages,
            gap,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(seq: u64) -> StoredRevocation {
        StoredRevocation {
            seq,
            subject: None,
            payload: vec![0; 1_000].into(),
        }
    }

    fn seqs(stretch: &Stretch) -> Vec<u64> {
        stretch.messages.iter().map(|message| message.seq).collect()
    }

    #[test]
    fn what_is_asked_for_comes_in_order_and_what_is_gone_is_named() {
        let after = |ring: &Ring, after, end, max| ring.after(StreamId(1), after, end, max);
        let mut ring = Ring::default();
        assert_eq!(after(&ring, Some(0), 0, 9).gap, None);
        assert_eq!(after(&ring, None, 0, 9).gap, None, "nothing is lost yet");
        assert_eq!(after(&ring, Some(0), 7, 9).gap, Some((1, 7)), "purged");
        for seq in 5..=9 {
            ring.push(message(seq));
        }
        assert_eq!(seqs(&after(&ring, Some(4), 9, 2)), [5, 6]);
        assert_eq!(seqs(&after(&ring, Some(6), 9, 9)), [7, 8, 9]);
        let nothing = after(&ring, Some(9), 9, 9);
        assert_eq!((seqs(&nothing), nothing.gap), (vec![], None));
        let old = after(&ring, Some(2), 9, 1);
        assert_eq!((seqs(&old), old.gap), (vec![5], Some((3, 4))));
        for other in [Some(50), None] {
            let other = after(&ring, other, 9, 1);
            assert_eq!((seqs(&other), other.gap), (vec![], Some((1, 9))));
        }
        ring.forget_before(8);
        assert_eq!(seqs(&after(&ring, Some(7), 9, 9)), [8, 9]);
    }

    #[test]
    fn it_is_bounded_in_messages_and_bytes() {
        let mut ring = Ring::default();
        for seq in 1..=u64::try_from(2 * MESSAGES_MAX).expect("small") {
            ring.push(message(seq));
        }
        assert!(ring.messages.len() <= MESSAGES_MAX && ring.bytes <= BYTES_MAX);
        let first = ring.messages.front().map(|oldest| oldest.seq);
        assert!(first > Some(MESSAGES_MAX as u64), "{first:?}");
    }
}
