//! The key set of the moment, which rotation replaces.

use crate::KeySet;
use std::sync::{Arc, PoisonError, RwLock};

/// Holds the current [`KeySet`] and swaps it whole.
///
/// A check takes the set as it is at its start; it holds no lock while it
/// works, so a swap waits for nobody.
#[derive(Debug, Default)]
pub struct KeyRing(RwLock<Arc<KeySet>>);

impl KeyRing {
    /// A ring that starts with `keys`.
    pub fn new(keys: KeySet) -> Self {
        Self(RwLock::new(Arc::new(keys)))
    }

    /// The current set.
    pub fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the current set; checks that start later use `keys`.
    pub fn replace(&self, keys: KeySet) {
        let keys = Arc::new(keys);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }
}
