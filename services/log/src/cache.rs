//! Folded aggregates kept in memory.

use std::sync::Arc;

use countersign_domain::Aggregate;
use countersign_events::EntityId;
use quick_cache::sync::Cache as Entries;
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use crate::Loaded;

/// Bounded; a stale entry can cost a retry and never a wrong answer.
pub(crate) struct Cache<A: Aggregate> {
    entries: Entries<Uuid, Arc<Loaded<A>>>,
    /// Commands on one entity queue up here instead of racing each other on
    /// the server. Two entities may share a stripe; that costs them a wait.
    stripes: Box<[Mutex<()>]>,
}

const STRIPES: usize = 4_096;

impl<A: Aggregate> Cache<A> {
    pub(crate) fn new(entries: usize) -> Self {
        Self {
            entries: Entries::new(entries),
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
        }
    }

    pub(crate) async fn lock(&self, id: A::Id) -> MutexGuard<'_, ()> {
        let bytes = id.uuid().into_bytes();
        // The middle of a UUIDv7 is random; its last byte is a placement.
        let index = usize::from(u16::from_be_bytes([bytes[12], bytes[13]]));
        self.stripes[index % STRIPES].lock().await
    }

    pub(crate) fn get(&self, id: A::Id) -> Option<Arc<Loaded<A>>> {
        self.entries.get(&id.uuid())
    }

    /// Keeps the newer of what is there and what is put.
    pub(crate) fn put(&self, id: A::Id, loaded: Arc<Loaded<A>>) {
        let newer = self
            .entries
            .peek(&id.uuid())
            .is_none_or(|held| held.sequence <= loaded.sequence);
        if newer {
            self.entries.insert(id.uuid(), loaded);
        }
    }

    /// Drops what is older than a message that was seen.
    pub(crate) fn outdated(&self, id: A::Id, sequence: u64) {
        let stale = self
            .entries
            .peek(&id.uuid())
            .is_some_and(|held| held.sequence < sequence);
        if stale {
            self.entries.remove(&id.uuid());
        }
    }
}
