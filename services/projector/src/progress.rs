//! How far a rebuild is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What a rebuild or verification is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reads the log into an empty generation.
    Filling,
    /// Creates the indexes.
    Indexing,
    /// Reads what was appended meanwhile.
    CatchingUp,
    /// Holds the projectors back and puts the new generation in place.
    Switching,
    /// Compares with what is served.
    Comparing,
}

impl Phase {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filling => "filling",
            Self::Indexing => "indexing",
            Self::CatchingUp => "catching up",
            Self::Switching => "switching",
            Self::Comparing => "comparing",
        }
    }
}

/// A report on the way, about twice a second.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// The generation that is filled.
    pub generation: i32,
    /// The last sequence that is filled, in shard order.
    pub positions: Vec<u64>,
    /// What it is at.
    pub phase: Phase,
    /// Events read so far.
    pub done: u64,
    /// Events to read, as far as known; grows while the log does.
    pub total: u64,
    /// Events a second, from the beginning.
    pub events_per_second: f64,
    /// How much longer it will read at this rate.
    pub eta: Option<Duration>,
}

/// What is filled, counted by the tasks that do it.
pub(crate) struct Done {
    events: AtomicU64,
    /// In shard order.
    reached: Vec<AtomicU64>,
}

impl Done {
    pub(crate) fn new(shards: u8) -> Self {
        Self {
            events: AtomicU64::new(0),
            reached: (0..shards).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// So many events more, and a shard up to `sequence`.
    pub(crate) fn add(&self, shard: u8, sequence: u64, events: usize) {
        let events = u64::try_from(events).unwrap_or_default();
        self.events.fetch_add(events, Ordering::Relaxed);
        if let Some(reached) = self.reached.get(usize::from(shard)) {
            reached.fetch_max(sequence, Ordering::Relaxed);
        }
    }

    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    pub(crate) fn positions(&self) -> Vec<u64> {
        let reached = self.reached.iter();
        reached.map(|one| one.load(Ordering::Relaxed)).collect()
    }
}

/// Receives [`Progress`]. Must return quickly.
pub type Report<'a> = &'a (dyn Fn(&Progress) + Send + Sync);

impl Progress {
    pub(crate) fn at(phase: Phase, done: u64, total: u64, elapsed: Duration) -> Self {
        let rate = rate(done, elapsed);
        let left = total.saturating_sub(done);
        #[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
        let eta = (rate > 0.0).then(|| Duration::from_secs_f64((left as f64 / rate).min(1e9)));
        Self {
            generation: 0,
            positions: Vec::new(),
            phase,
            done,
            total: total.max(done),
            events_per_second: rate,
            eta,
        }
    }
}

/// Events a second.
#[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
pub(crate) fn rate(events: u64, elapsed: Duration) -> f64 {
    events as f64 / elapsed.as_secs_f64().max(0.001)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_takes_as_long_as_what_is_done() {
        let half = Progress::at(Phase::Filling, 500, 1_000, Duration::from_secs(2));
        assert!((half.events_per_second - 250.0).abs() < 0.001);
        assert_eq!(half.eta, Some(Duration::from_secs(2)));
        let start = Progress::at(Phase::Filling, 0, 1_000, Duration::ZERO);
        assert_eq!(start.eta, None);
    }
}
