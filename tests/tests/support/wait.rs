//! Waiting for something, never for time.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const EVERY: Duration = Duration::from_millis(2);

/// Asks until the answer is yes, or fails after `deadline`. Returns how long
/// it took.
pub(crate) async fn eventually<F, Fut>(deadline: Duration, mut condition: F) -> Duration
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let began = Instant::now();
    let asking = async {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if condition().await {
                return;
            }
        }
    };
    timeout(deadline, asking)
        .await
        .unwrap_or_else(|_| panic!("it did not come true within {deadline:?}"));
    began.elapsed()
}

/// The outcome of what must not take for ever.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("it came in time")
}
