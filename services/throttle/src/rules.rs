//! The rules, without any memory of their own: what a count means for the next
//! try.

#[cfg(test)]
mod tests;

use std::time::Duration;

use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};

/// After so long without a failure the waits begin anew.
pub(crate) const FORGIVEN_AFTER: Duration = Duration::from_hours(24);

/// Failures of one thing by anybody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Count {
    /// Since the last success.
    pub(crate) consecutive: u32,
    /// Of those, since the waits began anew.
    pub(crate) run: u32,
    /// When the last one was.
    pub(crate) last: Timestamp,
}

/// How waits grow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    /// Failures before there are waits.
    pub(crate) free: u32,
    /// The longest wait.
    pub(crate) longest: Duration,
}

impl Schedule {
    /// The wait after so many failures: none, then 1, 2, 4 seconds and so on.
    pub(crate) fn wait(self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(self.free) else {
            return Duration::ZERO;
        };
        let seconds = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        Duration::from_secs(seconds).min(self.longest)
    }
}

/// Why there is no try now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Not yet.
    Wait(Duration),
    /// Never again, until the count is cleared.
    Exhausted,
}

impl Count {
    /// The count with a try written down as a failure before it is checked, so
    /// that no number of services together checks more than `most`.
    ///
    /// `schedule` is none for somebody whom the waits do not concern.
    pub(crate) fn reserved(
        self,
        most: u32,
        schedule: Option<Schedule>,
        unfinished: u32,
        now: Timestamp,
    ) -> Result<Self, Stop> {
        if self.consecutive >= most {
            return Err(Stop::Exhausted);
        }
        match schedule.and_then(|schedule| self.wait(schedule, unfinished, now)) {
            Some(wait) => Err(Stop::Wait(wait)),
            None => Ok(self.failed(now)),
        }
    }

    /// One more failure.
    pub(crate) fn failed(self, now: Timestamp) -> Self {
        Self {
            consecutive: self.consecutive.saturating_add(1),
            run: self.run_at(now).saturating_add(1),
            last: now,
        }
    }

    /// The failures that matter for waits.
    pub(crate) fn run_at(self, now: Timestamp) -> u32 {
        if now > self.last && now.distance(self.last) > FORGIVEN_AFTER {
            0
        } else {
            self.run
        }
    }

    /// How long it is until the next try, if it is not now. Tries whose end is
    /// not known count as failures of this moment.
    pub(crate) fn wait(
        self,
        schedule: Schedule,
        unfinished: u32,
        now: Timestamp,
    ) -> Option<Duration> {
        let failures = self.run_at(now).saturating_add(unfinished);
        let wait = schedule.wait(failures);
        let passed = match unfinished {
            0 => passed(self.last, now, schedule.longest),
            _ => Duration::ZERO,
        };
        wait.checked_sub(passed).filter(|left| !left.is_zero())
    }
}

/// The time since `then` by a clock that may have been set back, or by that of
/// another machine. While `then` is yet to come, no time has passed; but if it
/// is further away than any wait, the clock was wrong, and nobody is locked out
/// until it is right again. Nothing opens earlier than the clock was wrong by.
fn passed(then: Timestamp, now: Timestamp, longest: Duration) -> Duration {
    let distance = now.distance(then);
    if then <= now || distance > longest {
        distance
    } else {
        Duration::ZERO
    }
}

/// When something happened, no longer ago than a while: a sliding window.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Window(Vec<Timestamp>);

/// How often something may happen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// So often...
    pub(crate) most: u32,
    /// ...within so long.
    pub(crate) within: Duration,
}

impl Window {
    /// It happened. What cannot matter any more is forgotten.
    pub(crate) fn with(&self, limit: Limit, now: Timestamp) -> Self {
        let mut times: Vec<_> = self.recent(limit, now).chain([now]).collect();
        times.sort_unstable();
        let most = usize::try_from(limit.most).unwrap_or(usize::MAX);
        times.drain(..times.len().saturating_sub(most));
        Self(times)
    }

    /// How long it is until it may happen again, if it may not now.
    pub(crate) fn wait(&self, limit: Limit, now: Timestamp) -> Option<Duration> {
        let most = usize::try_from(limit.most).unwrap_or(usize::MAX);
        let mut recent: Vec<_> = self.recent(limit, now).collect();
        recent.sort_unstable();
        // When this one is forgotten there is room again.
        let first = *recent.get(recent.len().checked_sub(most)?)?;
        let passed = if first <= now {
            now.distance(first)
        } else {
            Duration::ZERO
        };
        limit
            .within
            .checked_sub(passed)
            .filter(|left| !left.is_zero())
    }

    fn recent(&self, limit: Limit, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let times = self.0.iter().copied();
        times.filter(move |then| now.distance(*then) < limit.within)
    }

    /// When it last happened.
    pub(crate) fn last(&self) -> Option<Timestamp> {
        self.0.last().copied()
    }
}

/// Whole seconds to wait, never none.
pub(crate) fn seconds(wait: Duration) -> u64 {
    let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    millis.div_ceil(1_000).max(1)
}
