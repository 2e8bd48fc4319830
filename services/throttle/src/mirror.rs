//! The counts of one family, in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_events::Timestamp;

use crate::record::Record;
use crate::rules::FORGIVEN_AFTER;

/// A copy of what the server has. It may be behind: whoever changes a count by
/// it finds out.
#[derive(Debug)]
pub(crate) struct Mirror {
    /// How many counts are kept, and whether they are forgotten after a day.
    most: Option<usize>,
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    counts: HashMap<Arc<str>, Entry>,
    /// The same by their place in the stream, oldest first.
    order: BTreeMap<u64, Arc<str>>,
    /// The place of the last one that came from the stream.
    arrived: u64,
    /// The time of the last change. Not the latest ever: a clock that was wrong
    /// once would make everything old.
    now: Timestamp,
}

/// A count and its place in the stream; 0: it has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) record: Record,
}

impl Mirror {
    pub(crate) fn new(most: Option<usize>) -> Self {
        Self {
            most,
            all: Mutex::default(),
        }
    }

    /// What is known of it; what is not known is clean.
    pub(crate) fn get(&self, key: &str) -> Entry {
        self.lock().counts.get(key).cloned().unwrap_or_default()
    }

    /// Takes over what was just written, unless the stream has told of it
    /// already, and perhaps of something newer.
    ///
    /// A clean one is kept until it [arrives](Mirror::arrived): an older value
    /// may be on its way and must not be taken for new.
    pub(crate) fn written(&self, key: &str, entry: Entry, now: Timestamp) {
        let mut all = self.lock();
        all.now = now;
        if entry.sequence > all.arrived && entry.sequence > all.sequence(key) {
            all.insert(key, entry);
        }
        self.shrink(&mut all);
    }

    /// Takes over what the leader says where `wrong` was thought to be the
    /// place, unless something newer has come meanwhile. The leader may be
    /// behind what was known: counts can be lost with their server.
    pub(crate) fn corrected(&self, key: &str, wrong: u64, entry: Entry) {
        let mut all = self.lock();
        let known = all.sequence(key);
        if known != wrong && known >= entry.sequence {
            return;
        }
        if entry.sequence == 0 {
            all.remove(key);
        } else {
            all.insert(key, entry);
        }
        self.shrink(&mut all);
    }

    /// Takes over what came from the stream, unless something newer is known.
    pub(crate) fn arrived(&self, key: &str, entry: Entry) {
        let mut all = self.lock();
        all.arrived = entry.sequence;
        if entry.sequence < all.sequence(key) {
            return;
        }
        if entry.record.is_clean() {
            all.remove(key);
        } else {
            all.insert(key, entry);
        }
        self.shrink(&mut all);
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().counts.len()
    }

    /// Forgets what the server has forgotten by now, too.
    fn shrink(&self, all: &mut All) {
        let Some(most) = self.most else { return };
        while let Some((_, key)) = all.order.first_key_value() {
            let key = Arc::clone(key);
            let last = all.counts.get(&key).map(|entry| entry.record.last());
            let old =
                last.is_none_or(|last| last < all.now && all.now.distance(last) > FORGIVEN_AFTER);
            if !old && all.counts.len() <= most {
                return;
            }
            all.remove(&key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    fn sequence(&self, key: &str) -> u64 {
        self.counts.get(key).map_or(0, |known| known.sequence)
    }

    fn insert(&mut self, key: &str, entry: Entry) {
        self.remove(key);
        let key: Arc<str> = key.into();
        self.order.insert(entry.sequence, Arc::clone(&key));
        self.counts.insert(key, entry);
    }

    fn remove(&mut self, key: &str) {
        if let Some(entry) = self.counts.remove(key) {
            self.order.remove(&entry.sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Count;

    fn entry(sequence: u64, consecutive: u32, millis: i64) -> Entry {
        let last = Timestamp::from_millis(millis);
        let run = consecutive;
        Entry {
            sequence,
            record: Record::Count(Count {
                consecutive,
                run,
                last,
            }),
        }
    }

    const NOW: Timestamp = Timestamp::from_millis(0);

    #[test]
    fn what_arrives_late_changes_nothing() {
        let mirror = Mirror::new(None);
        mirror.written("a", entry(7, 3, 0), NOW);
        mirror.arrived("a", entry(6, 2, 0));
        assert_eq!(mirror.get("a"), entry(7, 3, 0));
        mirror.arrived("a", entry(8, 4, 0));
        assert_eq!(mirror.get("a"), entry(8, 4, 0));
    }

    #[test]
    fn a_success_is_not_undone_by_a_failure_on_its_way() {
        let mirror = Mirror::new(None);
        mirror.written("a", entry(9, 0, 0), NOW);
        mirror.arrived("a", entry(8, 5, 0));
        assert!(mirror.get("a").record.is_clean());
        mirror.arrived("a", entry(9, 0, 0));
        assert_eq!(mirror.len(), 0, "clean is not worth the memory");
    }

    #[test]
    fn what_the_stream_told_first_is_newer() {
        let mirror = Mirror::new(None);
        mirror.arrived("a", entry(7, 3, 0));
        mirror.arrived("a", entry(8, 0, 0));
        mirror.written("a", entry(7, 3, 0), NOW);
        assert!(mirror.get("a").record.is_clean());
    }

    #[test]
    fn the_leader_is_believed_even_if_it_has_lost_something() {
        let mirror = Mirror::new(None);
        mirror.arrived("a", entry(90, 3, 0));
        mirror.corrected("a", 90, entry(2, 1, 0));
        assert_eq!(mirror.get("a"), entry(2, 1, 0));
        mirror.corrected("a", 2, Entry::default());
        assert_eq!(mirror.len(), 0);
        // But not if something came while it was asked.
        mirror.arrived("a", entry(95, 4, 0));
        mirror.corrected("a", 90, entry(92, 1, 0));
        assert_eq!(mirror.get("a"), entry(95, 4, 0));
    }

    #[test]
    fn a_flood_of_made_up_keys_pushes_out_the_oldest() {
        let mirror = Mirror::new(Some(100));
        for sequence in 1..=10_000 {
            mirror.arrived(&format!("network.{sequence}"), entry(sequence, 1, 0));
        }
        assert_eq!(mirror.len(), 100);
        assert_eq!(mirror.lock().order.len(), 100);
        assert!(mirror.get("network.9900").record.is_clean());
        assert!(!mirror.get("network.9901").record.is_clean());
    }

    #[test]
    fn a_day_later_it_is_forgotten_but_not_what_is_about_accounts() {
        let day = i64::try_from(FORGIVEN_AFTER.as_millis()).expect("fits");
        for (most, left) in [(Some(100), 1), (None, 3)] {
            let mirror = Mirror::new(most);
            mirror.written("a", entry(1, 1, 0), NOW);
            mirror.written("b", entry(2, 1, 0), NOW);
            let later = Timestamp::from_millis(day + 1);
            mirror.written("c", entry(3, 1, day + 1), later);
            assert_eq!(mirror.len(), left);
            assert_eq!(mirror.lock().order.len(), left);
            // The clock was wrong, and is right again.
            mirror.written("d", entry(4, 1, 0), NOW);
            assert_eq!(mirror.len(), left + 1);
        }
    }
}
