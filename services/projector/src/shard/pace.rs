//! How much happens in a shard.

use std::time::Duration;

use tokio::time::Instant;

/// Over how long messages are counted.
const WINDOW: Duration = Duration::from_millis(200);

/// So many messages in a window are many: a hundred a second. One who writes
/// and reads in turn never comes to that, and waits for nothing.
const MANY: usize = 20;

/// Whether so much happens that waiting for more is worth it.
pub(super) struct Pace {
    began: Instant,
    messages: usize,
    was_many: bool,
}

impl Pace {
    /// Nothing has happened yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            messages: 0,
            was_many: false,
        }
    }

    /// Messages were projected.
    pub(super) fn add(&mut self, messages: usize, now: Instant) {
        self.turn(now);
        self.messages += messages;
    }

    /// Whether much happens, now or in the window before.
    pub(super) fn is_busy(&mut self, now: Instant) -> bool {
        self.turn(now);
        self.was_many || self.messages >= MANY
    }

    fn turn(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.began);
        if elapsed < WINDOW {
            return;
        }
        // A window in which nothing was asked was a quiet one.
        self.was_many = elapsed < 2 * WINDOW && self.messages >= MANY;
        self.messages = 0;
        self.began = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_in_a_window_are_busy_until_one_is_quiet() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.add(MANY - 1, start);
        assert!(!pace.is_busy(start));
        pace.add(1, start);
        assert!(pace.is_busy(start));
        assert!(pace.is_busy(start + WINDOW), "the window before was");
        assert!(!pace.is_busy(start + 2 * WINDOW));
        pace.add(10 * MANY, start + 2 * WINDOW);
        assert!(pace.is_busy(start + 2 * WINDOW));
        assert!(!pace.is_busy(start + 4 * WINDOW), "two windows went by");
    }
}
