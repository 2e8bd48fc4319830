//! Tries that were admitted without being written down and have not ended: they
//! may all turn out wrong.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::key::Key;

/// How many there are of each key. It holds no more entries than requests are
/// being answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<HashMap<Key, u32>>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    all: InFlight,
    key: Key,
}

impl InFlight {
    pub(crate) fn count(&self, key: &Key) -> u32 {
        self.lock().get(key).copied().unwrap_or_default()
    }

    /// One more, if `room` says so of those there are.
    pub(crate) fn enter(&self, key: &Key, room: impl FnOnce(u32) -> bool) -> Option<Guard> {
        let mut all = self.lock();
        let count = all.get(key).copied().unwrap_or_default();
        if !room(count) {
            return None;
        }
        all.insert(key.clone(), count + 1);
        Some(Guard {
            all: self.clone(),
            key: key.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(count) = all.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_events::EmailId;
    use uuid::Uuid;

    use super::*;
    use crate::Target;

    #[test]
    fn who_leaves_makes_room_and_leaves_nothing_behind() {
        let all = InFlight::default();
        let key = Key::target(Target::Address(EmailId::from_uuid(Uuid::nil())));
        let two = |count| count < 2;
        let first = all.enter(&key, two).expect("room");
        let second = all.enter(&key, two).expect("room");
        assert!(all.enter(&key, two).is_none());
        drop(first);
        assert_eq!(all.count(&key), 1);
        let third = all.enter(&key, two).expect("room");
        drop((second, third));
        assert_eq!(all.count(&key), 0);
        assert!(all.lock().is_empty());
    }
}
