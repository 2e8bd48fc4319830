//! How long to wait before the next try.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Waits that double up to a cap, each somewhere between its half and its
/// whole, so that a thousand verifiers do not come back together.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    cap: Duration,
    tries: u32,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, cap: Duration) -> Self {
        Self {
            first,
            cap,
            tries: 0,
        }
    }

    /// The wait after so many tries.
    pub(crate) fn after(first: Duration, cap: Duration, tries: usize) -> Duration {
        let tries = u32::try_from(tries).unwrap_or(u32::MAX);
        Self { first, cap, tries }.next()
    }

    /// The next try is the first again.
    pub(crate) const fn reset(&mut self) {
        self.tries = 0;
    }

    /// How long to wait this time.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = self
            .first
            .saturating_mul(1 << self.tries.min(16))
            .min(self.cap);
        self.tries = self.tries.saturating_add(1);
        // Every new state of the standard hasher has other keys.
        let random = RandomState::new().hash_one(self.tries) % 1024;
        let part = u32::try_from(random).unwrap_or_default();
        whole / 2 + (whole / 2 * part) / 1024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_differ_and_stay_below_the_cap() {
        let (first, cap) = (Duration::from_millis(100), Duration::from_secs(5));
        let mut one = Backoff::new(first, cap);
        let mut whole = first;
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..40 {
            let wait = one.next();
            assert!(whole / 2 <= wait && wait <= whole, "{wait:?} of {whole:?}");
            whole = (whole * 2).min(cap);
            seen.insert(wait);
        }
        assert!(seen.len() > 10, "jittered");
        one.reset();
        assert!(one.next() <= first);
    }
}
