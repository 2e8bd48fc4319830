//! The two clocks, which the core does not read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Where the monotonic time starts, so that what is known of a moment before
/// the start has a time too.
const BEFORE: Duration = Duration::from_hours(24);

/// Monotonic time as durations.
///
/// The clock of a machine that is suspended stands still, and what was proven
/// before would seem young afterwards. So the time is also held against the
/// one of the calendar: where that has gone ahead of it, the difference is
/// added, for good. Whoever sets the calendar forward makes everything old at
/// once, and the next proof young again; setting it back changes nothing.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    calendar: Duration,
    /// By how much the calendar was ahead at most, in milliseconds.
    ahead: AtomicU64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            calendar: calendar(),
            ahead: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.at(self.start.elapsed(), calendar())
    }

    fn at(&self, elapsed: Duration, calendar: Duration) -> Duration {
        let by_calendar = calendar.saturating_sub(self.calendar);
        let ahead = by_calendar.saturating_sub(elapsed).as_millis();
        let ahead = u64::try_from(ahead).unwrap_or(u64::MAX);
        let most = self.ahead.fetch_max(ahead, Ordering::Relaxed).max(ahead);
        BEFORE + elapsed + Duration::from_millis(most)
    }
}

/// The time of the calendar, which tokens are checked with.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge: the core is given the time"
)]
fn calendar() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}

/// The same in whole seconds.
pub(crate) fn unix_now() -> u64 {
    calendar().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_slept_makes_everything_old_and_time_never_goes_back() {
        let clock = Clock {
            start: Instant::now(),
            calendar: Duration::from_secs(1_000),
            ahead: AtomicU64::new(0),
        };
        let at = |elapsed: u64, calendar: u64| {
            clock.at(Duration::from_secs(elapsed), Duration::from_secs(calendar))
        };
        let before = at(5, 1_005);
        assert_eq!(before, BEFORE + Duration::from_secs(5));
        // Ten minutes of sleep, of which one clock has counted none.
        assert_eq!(at(6, 1_606), before + Duration::from_secs(601));
        // The calendar is set back: nothing grows young by that.
        assert_eq!(at(7, 900), before + Duration::from_secs(602));
    }
}
