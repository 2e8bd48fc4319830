//! Keeping the stream whole: its beats, and everything anew when it was lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_events::Timestamp;
use countersign_log::{LogError, RevocationSubject, RevocationsState, Start};
use countersign_verifier::feed::{Beat, FEED_VERSION, Message, Record};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::pending::{Next, Pending};
use crate::teller::{Reading, Telling, chunks};

/// How often all is looked at, and how often somebody beats.
const EVERY: Duration = Duration::from_secs(1);

/// For how long a beat of others counts.
const BEAT_COUNTS: Duration = Duration::from_millis(1_400);

/// The most records that a genesis can have: as many as a set of revocations
/// holds.
const GENESIS_RECORDS_MAX: usize = 4 * 1024 * 1024;

/// What every shard revokes that can concern a token which is still valid, and
/// up to where that is known.
type Everything = Vec<(Vec<Record>, u64)>;

/// The keeper of one service.
pub(crate) struct Keeper {
    pub(crate) shared: Arc<Telling>,
    pub(crate) pending: Vec<Arc<Pending>>,
    pub(crate) applied: Vec<watch::Receiver<u64>>,
    pub(crate) ends_at_start: Vec<u64>,
}

#[derive(Default)]
struct Repair {
    /// Whether the stream has been read again.
    was_reread: bool,
    /// What is being read from the log.
    everything: Option<JoinHandle<Result<Everything, LogError>>>,
}

impl Drop for Repair {
    fn drop(&mut self) {
        if let Some(reading) = &self.everything {
            reading.abort();
        }
    }
}

impl Keeper {
    /// Keeps without end.
    pub(crate) async fn run(self) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // It has just been read for the first time.
        let mut repair = Repair {
            was_reread: true,
            everything: None,
        };
        for (shard, end) in self.applied.iter().zip(&self.ends_at_start) {
            // One that stopped is told of elsewhere.
            let _ = shard.clone().wait_for(|applied| applied >= end).await;
        }
        loop {
            ticks.tick().await;
            if let Err(error) = self.look(&mut repair).await {
                tracing::debug!(%error, "the stream of revocations is not kept at the moment");
            }
        }
    }

    async fn look(&self, repair: &mut Repair) -> Result<(), LogError> {
        let (log, told) = (&self.shared.log, &self.shared.told);
        let Some(bounds) = log.revocations_state().await? else {
            tracing::warn!("the stream of revocations was gone and is made again");
            return log.ensure_revocations().await;
        };
        if told.cover(&bounds).is_some() {
            *repair = Repair::default();
            self.shared.repairs.store(false, Ordering::Relaxed);
            return self.beat().await;
        }
        if !told.is_read() || told.is_claimed() {
            return Ok(());
        }
        if !repair.was_reread {
            repair.was_reread = true;
            told.read_again();
            return Ok(());
        }
        self.repair(repair, &bounds).await
    }

    /// Says how far all shards have been told, unless others have just said
    /// so.
    async fn beat(&self) -> Result<(), LogError> {
        let told = &self.shared.told;
        let told_by_others = told.beat_age().is_some_and(|age| age < BEAT_COUNTS);
        if told_by_others && !self.shared.leads.load(Ordering::Relaxed) || self.shared.is_held() {
            return Ok(());
        }
        let mut cursor = Vec::new();
        for (shard, pending) in (0u8..).zip(&self.pending) {
            let Some(place) = told.place(shard) else {
                return Ok(());
            };
            cursor.push(match pending.next(place.known) {
                Next::Nothing { to } => to,
                Next::Chunk { .. } | Next::Reread { .. } => place.known,
            });
        }
        self.say(cursor, false, told.beat_at()).await.map(drop)
    }

    async fn say(&self, cursor: Vec<u64>, genesis: bool, at: u64) -> Result<Option<u64>, LogError> {
        let beat = Beat {
            v: FEED_VERSION,
            cursor,
            genesis,
        };
        let payload = serde_json::to_vec(&beat)?;
        let subject = RevocationSubject::Beat;
        self.shared.publish(subject, at, 0, payload).await
    }

    /// Reads from the log what the stream should say, and then says it.
    async fn repair(&self, repair: &mut Repair, bounds: &RevocationsState) -> Result<(), LogError> {
        let followed = self.applied.iter().zip(&self.ends_at_start);
        if followed.clone().any(|(shard, end)| *shard.borrow() < *end) {
            return Ok(());
        }
        let Some(reading) = repair.everything.take() else {
            tracing::info!("the stream of revocations is made anew from the log");
            // Held before it is seen where the shards end: what is told after
            // that and before the genesis would stand before it.
            self.shared.repairs.store(true, Ordering::Relaxed);
            let ends = followed.map(|(shard, _)| *shard.borrow()).collect();
            let now = Timestamp::from(bounds.server_time).as_millis();
            let window = i64::try_from(self.shared.window.as_millis()).unwrap_or(i64::MAX);
            let from = Timestamp::from_millis(now.saturating_sub(window));
            let reading = everything(Arc::clone(&self.shared), from, ends);
            repair.everything = Some(tokio::spawn(reading));
            return self.finish(repair).await;
        };
        repair.everything = Some(reading);
        self.finish(repair).await
    }

    /// Goes on when everything was read, or at the next look.
    async fn finish(&self, repair: &mut Repair) -> Result<(), LogError> {
        let Some(mut reading) = repair.everything.take() else {
            return Ok(());
        };
        let Ok(read) = tokio::time::timeout(EVERY, &mut reading).await else {
            repair.everything = Some(reading);
            return Ok(());
        };
        let said = match read.map_err(|error| LogError::Unfit(error.to_string())) {
            Ok(Ok(everything)) => self.genesis(everything).await,
            Ok(Err(error)) | Err(error) => Err(error),
        };
        self.shared.repairs.store(false, Ordering::Relaxed);
        let told = &self.shared.told;
        if let Some(seq) = said? {
            told.reach(seq, EVERY).await;
            if let Some(bounds) = self.shared.log.revocations_state().await? {
                told.cover(&bounds);
            }
        }
        Ok(())
    }

    /// Says everything: shard 0 first, whose first message is how others see
    /// that it has begun, and the beat last. Somebody else's message in
    /// between ends it, and it is tried again at the next look.
    async fn genesis(&self, everything: Everything) -> Result<Option<u64>, LogError> {
        let (log, told) = (&self.shared.log, &self.shared.told);
        let mut places = Vec::new();
        for (shard, _) in (0u8..).zip(&everything) {
            places.push(log.revocations_at(RevocationSubject::Shard(shard)).await?);
        }
        let beat_at = log.revocations_at(RevocationSubject::Beat).await?;
        let seen = places.iter().copied().max().unwrap_or(0).max(beat_at);
        told.reach(seen, EVERY).await;
        let bounds = log.revocations_state().await?;
        // Somebody else may have done it meanwhile.
        let is_covered = bounds.is_some_and(|bounds| told.cover(&bounds).is_some());
        if is_covered || told.is_claimed() || told.last() < seen {
            return Ok(None);
        }
        // Somebody has told of something later than what was read, in front of
        // where this would begin.
        for (shard, (_, to)) in (0u8..).zip(&everything) {
            let known = told.place(shard).map_or(0, |place| place.known);
            // What is beyond the log's end was told of another log.
            if known > *to && known <= log.last_sequence(shard).await? {
                return Ok(None);
            }
        }
        let cursor = everything.iter().map(|(_, to)| *to).collect();
        for ((shard, (records, to)), mut at) in (0u8..).zip(everything).zip(places) {
            if shard > 0 && records.is_empty() {
                continue;
            }
            let mut from = 0;
            for (chunk, to) in chunks(&records, to) {
                let message = Message {
                    v: FEED_VERSION,
                    shard,
                    from,
                    to,
                    records: chunk,
                };
                let payload = serde_json::to_vec(&message)?;
                let subject = RevocationSubject::Shard(shard);
                match self.shared.publish(subject, at, to, payload).await? {
                    Some(seq) => at = seq,
                    None => return Ok(None),
                }
                from = to;
            }
        }
        self.say(cursor, true, beat_at).await
    }
}

/// Reads what the log says since `from`, up to `ends`.
async fn everything(
    shared: Arc<Telling>,
    from: Timestamp,
    ends: Vec<u64>,
) -> Result<Everything, LogError> {
    let mut all = Vec::new();
    let mut count = 0;
    for (shard, end) in (0u8..).zip(ends) {
        let mut records = Vec::new();
        let mut reading = Reading::new(&shared, shard, Start::Time(from), end);
        while let Some((found, _)) = reading.next().await? {
            count += found.len();
            if count > GENESIS_RECORDS_MAX {
                return Err(LogError::Unfit(
                    "there are more revocations than a verifier could hold".into(),
                ));
            }
            records.extend(found);
        }
        all.push((records, end));
    }
    Ok(all)
}
