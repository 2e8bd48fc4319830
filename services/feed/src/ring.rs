//! The newest messages of the stream, for those who read it over HTTP.

use std::collections::VecDeque;

use countersign_log::StoredRevocation;

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
    /// of the stream: who asks for what is after it has read another stream.
    pub(crate) fn after(&self, after: u64, end: u64, max: usize) -> Stretch {
        let first = self.messages.front().map_or(end + 1, |oldest| oldest.seq);
        let (from, gap) = if after > end {
            (first, Some((1, first.saturating_sub(1))))
        } else if after + 1 < first {
            (first, Some((after + 1, first - 1)))
        } else {
            (after + 1, None)
        };
        let skip = usize::try_from(from - first.min(from)).unwrap_or(usize::MAX);
        let messages = self.messages.iter().skip(skip).take(max).cloned().collect();
        Stretch { messages, gap }
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
        let mut ring = Ring::default();
        assert_eq!(ring.after(0, 0, 9).gap, None);
        assert_eq!(ring.after(0, 7, 9).gap, Some((1, 7)), "purged");
        for seq in 5..=9 {
            ring.push(message(seq));
        }
        assert_eq!(seqs(&ring.after(4, 9, 2)), [5, 6]);
        assert_eq!(seqs(&ring.after(6, 9, 9)), [7, 8, 9]);
        let nothing = ring.after(9, 9, 9);
        assert_eq!((seqs(&nothing), nothing.gap), (vec![], None));
        let old = ring.after(2, 9, 1);
        assert_eq!((seqs(&old), old.gap), (vec![5], Some((3, 4))));
        let other = ring.after(50, 9, 1);
        assert_eq!((seqs(&other), other.gap), (vec![5], Some((1, 4))));
        ring.forget_before(8);
        assert_eq!(seqs(&ring.after(7, 9, 9)), [8, 9]);
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
