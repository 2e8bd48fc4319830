//! The two clocks, which the core does not read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Where the monotonic time starts, so that what is known of a moment before
/// the start has a time too.
const BEFORE: Duration = Duration::from_hours(24);

/// Monotonic time as durations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Duration {
        BEFORE + self.0.elapsed()
    }
}

/// The time that tokens are checked with, in Unix seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge: the core is given the time"
)]
pub(crate) fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
