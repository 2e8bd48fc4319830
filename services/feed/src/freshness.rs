//! Knowing one's own staleness.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_log::Log;
use countersign_verifier::feed::EventId;
use tokio::sync::watch::{self, Receiver};
use tokio::time::{Instant, MissedTickBehavior};

use crate::told::Told;

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

/// For how long the stream may take to tell what the log held.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// What the stream was proven to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    /// A message of the stream.
    pub(crate) id: EventId,
    /// Where the log ended, all of which the stream tells up to `id`.
    pub(crate) cursor: Vec<u64>,
    /// When that was.
    pub(crate) asked: Instant,
    /// From where on the stream is complete.
    pub(crate) since: u64,
}

/// Where the log ended at a moment.
pub(crate) type Ends = Option<(Instant, Vec<u64>)>;

/// Asks the leader of every shard where it ends, once a second, and waits
/// until that is applied. A consumer that silently stopped delivering is
/// noticed by this and by nothing else.
pub(crate) async fn watch(
    log: Log,
    applied: Vec<Receiver<u64>>,
    freshness: Freshness,
    told: Arc<Told>,
    ends: watch::Sender<Ends>,
) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asked = ticks.tick().await;
        // Before the question, so that no honest answer can be behind it.
        let told_before = told.cursor();
        let asking = (0u8..).zip(applied.clone()).map(|(shard, mut applied)| {
            let log = &log;
            async move {
                let end = log.last_sequence(shard).await.ok()?;
                applied.wait_for(|sequence| *sequence >= end).await.ok()?;
                Some(end)
            }
        });
        let all = futures_util::future::join_all(asking);
        let Ok(proofs) = tokio::time::timeout(EVERY, all).await else {
            continue;
        };
        let Some(found) = proofs.into_iter().collect::<Option<Vec<u64>>>() else {
            continue;
        };
        freshness.prove(asked);
        let is_beyond = told_before.is_some_and(|told| told.iter().zip(&found).any(|(a, b)| a > b));
        if is_beyond {
            tracing::error!("the stream of revocations tells of what is not in the log");
            told.distrust();
        }
        ends.send_replace(Some((asked, found)));
    }
}

/// Notes when the stream tells all that was in the log.
pub(crate) async fn prove(
    told: Arc<Told>,
    mut ends: Receiver<Ends>,
    proof: watch::Sender<Option<Proof>>,
) {
    let mut changed = told.watch();
    while ends.changed().await.is_ok() {
        let Some((asked, cursor)) = ends.borrow_and_update().clone() else {
            continue;
        };
        let proven = changed.wait_for(|_| told.proves(&cursor).is_some());
        if !matches!(tokio::time::timeout(TOLD_WITHIN, proven).await, Ok(Ok(_))) {
            continue;
        }
        if let Some((id, since)) = told.proves(&cursor) {
            proof.send_replace(Some(Proof {
                id,
                cursor,
                asked,
                since,
            }));
        }
    }
}
