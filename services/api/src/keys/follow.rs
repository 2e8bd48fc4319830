//! Following the ring.

use std::sync::Weak;
use std::time::Duration;

use countersign_log::Log;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::Keys;
use crate::clock::Clock;
use crate::config::ApiConfig;

/// After how long a reading that failed is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// Reads the ring whenever the feed has brought a message about it, for as
/// long as somebody holds the keys.
pub(crate) async fn follow(
    keys: Weak<Keys>,
    log: Log,
    config: ApiConfig,
    clock: Clock,
    mut told: watch::Receiver<u64>,
) {
    // What is read is remembered only on a log that is as it should be.
    log.gate().decided().await;
    // Something may have been told before anybody listened.
    told.mark_changed();
    let mut ticks = tokio::time::interval(AGAIN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while told.changed().await.is_ok() {
        loop {
            ticks.tick().await;
            let Some(keys) = keys.upgrade() else { return };
            let sequence = *told.borrow_and_update();
            if keys.has_read(sequence) {
                break;
            }
            match keys.read(&log, &config, clock.now()).await {
                Ok(()) if keys.has_read(sequence) => {
                    keys.wake();
                    break;
                }
                // A damaged log stays as it is.
                Ok(()) if log.gate().check().is_err() => break,
                Ok(()) => tracing::warn!(sequence, "the signing keys are behind what was told"),
                Err(error) => tracing::warn!(%error, sequence, "the signing keys are not read yet"),
            }
        }
    }
}
