//! Knowing one's own staleness.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_log::Log;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, MissedTickBehavior};

/// When nothing was known to be missing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Freshness(Arc<Mutex<Option<Instant>>>);

impl Freshness {
    pub(crate) fn staleness(&self) -> Option<Duration> {
        let proven = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        proven.map(|moment| moment.elapsed())
    }

    fn prove(&self, moment: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(moment);
    }
}

const EVERY: Duration = Duration::from_secs(1);

/// Asks the leader of every shard where it ends, once a second, and waits
/// until that is applied. A consumer that silently stopped delivering is
/// noticed by this and by nothing else.
pub(crate) async fn watch(log: Log, applied: Vec<Receiver<u64>>, freshness: Freshness) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asked = ticks.tick().await;
        let ends = (0u8..).zip(applied.clone()).map(|(shard, mut applied)| {
            let log = &log;
            async move {
                let end = log.last_sequence(shard).await.ok()?;
                applied.wait_for(|sequence| *sequence >= end).await.ok()?;
                Some(())
            }
        });
        let all = futures_util::future::join_all(ends);
        if let Ok(proofs) = tokio::time::timeout(EVERY, all).await
            && proofs.iter().all(Option::is_some)
        {
            freshness.prove(asked);
        }
    }
}
