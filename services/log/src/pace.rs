//! How much happens in a shard, and whether more is worth waiting for.

use std::time::Duration;

use tokio::time::Instant;

/// Over how long messages are counted.
const WINDOW: Duration = Duration::from_millis(200);

/// So many messages in a window are many: a hundred a second.
const MANY: usize = 20;

/// Twice as many are a crowd, such as an order to end all sessions makes.
const CROWD: usize = 2 * MANY;

/// How many messages came lately, for whoever handles them more cheaply
/// together.
#[derive(Debug)]
pub struct Pace {
    began: Instant,
    messages: usize,
    before: usize,
}

/// How much happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Traffic {
    /// Little: nothing should be waited for.
    Quiet,
    /// More than a hundred messages a second beside others.
    Busy,
    /// More than two hundred.
    Crowded,
}

impl Pace {
    /// Nothing has happened yet.
    pub fn new(now: Instant) -> Self {
        Self {
            began: now,
            messages: 0,
            before: 0,
        }
    }

    /// Messages were handled together. Only what came beside others counts:
    /// whoever writes and reads in turn, however fast, is not kept waiting.
    pub fn add(&mut self, together: usize, now: Instant) {
        self.turn(now);
        self.messages += together.saturating_sub(1);
    }

    /// How much happens, now or in the window before.
    pub fn traffic(&mut self, now: Instant) -> Traffic {
        self.turn(now);
        match self.before.max(self.messages) {
            CROWD.. => Traffic::Crowded,
            MANY.. => Traffic::Busy,
            _ => Traffic::Quiet,
        }
    }

    fn turn(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.began);
        if elapsed < WINDOW {
            return;
        }
        // A window in which nothing was asked was a quiet one.
        self.before = if elapsed < 2 * WINDOW {
            self.messages
        } else {
            0
        };
        self.messages = 0;
        self.began = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_in_a_window_count_until_one_is_quiet() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.add(MANY, start);
        assert_eq!(pace.traffic(start), Traffic::Quiet, "one too few");
        pace.add(2, start);
        assert_eq!(pace.traffic(start), Traffic::Busy);
        assert_eq!(pace.traffic(start + WINDOW), Traffic::Busy, "it was before");
        assert_eq!(pace.traffic(start + 2 * WINDOW), Traffic::Quiet);
        pace.add(CROWD + 1, start + 2 * WINDOW);
        assert_eq!(pace.traffic(start + 2 * WINDOW), Traffic::Crowded);
        assert_eq!(
            pace.traffic(start + 4 * WINDOW),
            Traffic::Quiet,
            "two windows went by"
        );
    }

    #[test]
    fn one_after_the_other_is_never_many() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for millis in 0..1_000 {
            let now = start + Duration::from_millis(millis);
            pace.add(1, now);
            assert_eq!(pace.traffic(now), Traffic::Quiet);
        }
    }
}
