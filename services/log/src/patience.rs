//! Starting beside a server that is slow or not there yet.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::LogError;

/// An error of which it is known whether it passes by itself.
pub trait Transient: std::fmt::Display {
    /// Whether asking again later can help.
    fn passes(&self) -> bool;
}

impl Transient for LogError {
    fn passes(&self) -> bool {
        self.is_transient()
    }
}

const AGAIN: Duration = Duration::from_millis(500);

/// Asks again for as long as the log is only unavailable. For starting up:
/// nobody waits for the answer but the service itself.
pub async fn patiently<T, E: Transient>(
    what: &str,
    ask: impl AsyncFn() -> Result<T, E>,
) -> Result<T, E> {
    let mut ticks = tokio::time::interval(AGAIN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match ask().await {
            Err(error) if error.passes() => tracing::warn!(%error, what, "asking again"),
            outcome => return outcome,
        }
    }
}
