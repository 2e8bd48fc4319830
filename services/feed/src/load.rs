//! Where a starting service begins.

use std::sync::Arc;
use std::time::Duration;

use countersign_events::Timestamp;
use countersign_log::{Log, LogError, RevocationTail, Start};
use countersign_verifier::RevocationSet;

use crate::ANNOUNCE;
use crate::record::apply;
use crate::told::{self, Told};

/// What is known at the start.
pub(crate) struct Loaded {
    /// The stream, read to its end.
    pub(crate) told: Arc<Told>,
    /// Reads it further.
    pub(crate) tail: RevocationTail,
    /// Where every shard ended.
    pub(crate) ends: Vec<u64>,
    /// Where every shard is to be followed from.
    pub(crate) from: Vec<Start>,
}

/// Reads the stream of revocations. Only if it is complete, and tells of
/// nothing beyond the end of the log, are the shards followed from where it
/// ends. Else they are read from `window` before `now`, and what the stream
/// told counts beside it: more revocations than there are cannot hurt.
pub(crate) async fn load(
    log: &Log,
    window: Duration,
    revocations: &RevocationSet,
    now: Timestamp,
) -> Result<Loaded, LogError> {
    let told = Arc::new(Told::new(log.shards(), window));
    let mut tail = told::open(log).await?;
    {
        let mut reading = std::pin::pin!(told.read(&mut tail, |record| {
            apply(record, revocations).map_err(|full| LogError::Unfit(full.to_string()))
        }));
        loop {
            if let Ok(read) = tokio::time::timeout(ANNOUNCE, &mut reading).await {
                break read?;
            }
            tracing::warn!("waiting for the stream of revocations");
        }
    }
    let bounds = log.revocations_state().await?;
    let ends = log.ends().await?;
    let is_covered = bounds.is_some_and(|bounds| told.cover(&bounds).is_some());
    let cursor = told.cursor().filter(|_| is_covered);
    let server_now = bounds.map_or(now, |bounds| Timestamp::from(bounds.server_time));
    let from = match cursor {
        Some(cursor) if cursor.iter().zip(&ends).all(|(told, end)| told <= end) => {
            tracing::info!(
                prefix = log.prefix(),
                "begins where the stream of revocations ends"
            );
            let next = cursor.iter().map(|told| Start::Sequence(told + 1));
            next.collect()
        }
        beyond => {
            if beyond.is_some() {
                tracing::error!("the stream of revocations tells of what is not in the log");
                told.distrust();
            }
            let millis = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
            let now = now.as_millis().min(server_now.as_millis());
            let oldest = Timestamp::from_millis(now.saturating_sub(millis));
            vec![Start::Time(oldest); ends.len()]
        }
    };
    Ok(Loaded {
        told,
        tail,
        ends,
        from,
    })
}
