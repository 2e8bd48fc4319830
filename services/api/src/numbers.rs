//! The numbers of the front page, counted once for all who ask.

use std::time::Duration;

use countersign_events::{Position, Timestamp};
use countersign_views::{Overview, ViewError, checkpoint, overview};
use sqlx::PgPool;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long an answer is kept at least.
const KEPT_MIN: Duration = Duration::from_secs(2);

/// How long at most.
const KEPT_MAX: Duration = Duration::from_secs(30);

/// How many times as long as it took to count an answer is kept: at most a
/// tenth of the time is spent on counting.
const KEPT_TIMES: u32 = 10;

/// The numbers at a moment.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    /// When they were true.
    pub(crate) at: Timestamp,
    /// What they hold at least, in shard order; a shard that was never
    /// projected is missing.
    pub(crate) positions: Vec<Position>,
    /// The numbers.
    pub(crate) numbers: Overview,
}

/// One answer for all callers. Whoever asks while it is being counted waits
/// for that; a failure is an answer, too, but not kept longer than any must.
#[derive(Default)]
pub(crate) struct Numbers(Mutex<Option<Kept>>);

struct Kept {
    until: Instant,
    answer: Result<Counted, ViewError>,
}

impl Numbers {
    /// The numbers as of some seconds ago at most, or `now`.
    pub(crate) async fn read(&self, pool: &PgPool, now: Timestamp) -> Result<Counted, ViewError> {
        let mut kept = self.0.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| Instant::now() < kept.until) {
            return kept.answer.clone();
        }
        let began = Instant::now();
        let answer = count(pool, now).await;
        let keep = kept_for(began.elapsed(), answer.is_ok());
        *kept = Some(Kept {
            until: Instant::now() + keep,
            answer: answer.clone(),
        });
        answer
    }
}

fn kept_for(took: Duration, is_good: bool) -> Duration {
    if is_good {
        (took * KEPT_TIMES).clamp(KEPT_MIN, KEPT_MAX)
    } else {
        KEPT_MIN
    }
}

async fn count(pool: &PgPool, now: Timestamp) -> Result<Counted, ViewError> {
    // Read before: what is counted holds at least this.
    let positions = checkpoint::positions(pool).await?;
    let numbers = overview(pool, now).await?;
    Ok(Counted {
        at: now,
        positions,
        numbers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_forgotten_soon_however_long_it_took() {
        let seconds = Duration::from_secs;
        assert_eq!(kept_for(seconds(0), true), KEPT_MIN);
        assert_eq!(kept_for(seconds(1), true), seconds(10));
        assert_eq!(kept_for(seconds(5), true), KEPT_MAX);
        assert_eq!(kept_for(seconds(5), false), KEPT_MIN);
    }
}
