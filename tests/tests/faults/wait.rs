//! Waiting for conditions, and the chance that a run can repeat.

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_millis(20);

/// Asks until the answer is good, and fails with the last bad one when it took
/// longer than `patience`. Returns the answer and how long it took.
pub(super) async fn until<T>(
    what: &str,
    patience: Duration,
    mut ask: impl AsyncFnMut() -> Result<T, String>,
) -> (T, Duration) {
    let started = Instant::now();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match ask().await {
            Ok(answer) => return (answer, started.elapsed()),
            Err(last) => assert!(
                started.elapsed() < patience,
                "{what}: not within {patience:?}; last: {last}"
            ),
        }
    }
}

/// A word for whoever reads the output of a failed or a long run.
#[expect(
    clippy::print_stderr,
    reason = "the test harness shows it with a failure"
)]
pub(super) fn note(text: &str) {
    eprintln!("faults: {text}");
}

/// Numbers that follow from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    /// From `COUNTERSIGN_SEED`, or by chance; printed, so that a run can be
    /// repeated.
    pub(super) fn new(label: &str) -> Self {
        let given = std::env::var("COUNTERSIGN_SEED").ok();
        let seed = given.and_then(|text| text.parse().ok()).unwrap_or_else(|| {
            let bytes = countersign_log::random::<8>().expect("randomness");
            u64::from_le_bytes(bytes)
        });
        note(&format!("{label}: COUNTERSIGN_SEED={seed}"));
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `bound` - 1.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// Another source that follows from this one.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1);
            items.swap(last, usize::try_from(other).expect("an index"));
        }
    }
}
