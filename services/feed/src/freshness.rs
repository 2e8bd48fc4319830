//! Knowing one's own staleness.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_log::Log;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, MissedTickBehavior};

/// When nothing was known to be missing, in milliseconds since the start;
/// asked by every request.
#[derive(Debug, Clone)]
pub(crate) struct Freshness {
    start: Instant,
    proven: Arc<AtomicU64>,
}

const NEVER: u64 = u64::MAX;

impl Freshness {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            proven: Arc::new(AtomicU64::new(NEVER)),
        }
    }

    pub(crate) fn staleness(&self) -> Option<Duration> {
        match self.proven.load(Ordering::Relaxed) {
            NEVER => None,
            millis => Some(
                self.start
                    .elapsed()
                    .saturating_sub(Duration::from_millis(millis)),
            ),
        }
    }

    pub(crate) fn prove(&self, moment: Instant) {
        let millis = moment.saturating_duration_since(self.start).as_millis();
        self.proven
            .store(u64::try_from(millis).unwrap_or(0), Ordering::Relaxed);
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
