//! Every open connection, so that somebody can ask them to leave.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::conn::Watch;

/// Every open connection.
#[derive(Debug, Default)]
pub(super) struct Registry {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    watches: HashMap<u64, Arc<Watch>>,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists a connection for as long as the returned value lives.
    pub(super) fn join(self: &Arc<Self>, watch: Arc<Watch>) -> Member {
        let mut open = self.lock();
        let id = open.next;
        open.next += 1;
        open.watches.insert(id, watch);
        Member {
            registry: Arc::clone(self),
            id,
        }
    }

    /// Asks the connections that have been idle longest to close, at most
    /// `count`; returns how many.
    pub(super) fn evict(&self, idle_for: Duration, count: usize) -> usize {
        let open = self.lock();
        let mut idle: Vec<_> = open
            .watches
            .values()
            .filter_map(|watch| Some((watch.evictable(idle_for)?, watch)))
            .collect();
        idle.sort_unstable_by_key(|(order, _)| *order);
        idle.truncate(count);
        for (_, watch) in &idle {
            watch.close();
        }
        idle.len()
    }

    /// Asks every connection to close when it has answered.
    pub(super) fn close_all(&self) {
        for watch in self.lock().watches.values() {
            watch.close();
        }
    }

    /// Hangs up every connection; returns how many there were.
    pub(super) fn cut_all(&self) -> usize {
        let open = self.lock();
        for watch in open.watches.values() {
            watch.cut();
        }
        open.watches.len()
    }
}

/// A connection's place in the [`Registry`].
#[derive(Debug)]
pub(super) struct Member {
    registry: Arc<Registry>,
    id: u64,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.registry.lock().watches.remove(&self.id);
    }
}
