//! Telling the stream what one shard revokes.
//!
//! Every service does this, and each message is stored under the sequence its
//! writer had seen: so one of them wins and the others find everything told
//! already. Who won writes at once the next time; who lost stands by for a
//! moment first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_log::{Log, LogError, Pace, Published, RevocationSubject, Start, Tail, Traffic};
use countersign_verifier::feed::{FEED_VERSION, MAX_RECORDS, Message, Record};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::pending::{Next, Pending, end_of};
use crate::record::records_of;
use crate::told::{Place, Told};

/// How long who stands by waits for others to tell.
const STAND_BY: Duration = Duration::from_millis(250);

/// How long is waited after something did not work.
const PAUSE: Duration = Duration::from_millis(200);

/// How far apart messages are where very much is revoked: one is as dear for
/// one record as for many.
const APART: Duration = Duration::from_millis(20);

/// How many messages of the log are read at once.
const BATCH: usize = 2_000;

/// What all tellers of a service share.
pub(crate) struct Telling {
    pub(crate) log: Log,
    pub(crate) told: Arc<Told>,
    /// How long a token may live on after it was revoked.
    pub(crate) window: Duration,
    /// Whether this service was the last to win.
    pub(crate) leads: AtomicBool,
    /// Whether it is telling everything anew.
    pub(crate) repairs: AtomicBool,
}

impl Telling {
    /// Publishes one message and takes note of what came of it; says whether
    /// it is stored.
    pub(crate) async fn publish(
        &self,
        subject: RevocationSubject,
        at: u64,
        to: u64,
        payload: Vec<u8>,
    ) -> Result<Option<u64>, LogError> {
        let published = self.log.publish_revocations(subject, at, payload.into());
        match published.await {
            Ok(Published::At(seq)) => {
                if let RevocationSubject::Shard(shard) = subject {
                    self.told.published(shard, seq, to);
                }
                self.leads.store(true, Ordering::Relaxed);
                Ok(Some(seq))
            }
            // Of a publication whose outcome is unknown the subject tells.
            Ok(Published::Conflict) | Err(LogError::Unknown) => {
                self.leads.store(false, Ordering::Relaxed);
                let now = self.log.revocations_at(subject).await?;
                self.told.found(subject, now);
                if now > self.told.last() {
                    self.told.reach(now, STAND_BY).await;
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether somebody tells everything anew, and nothing else should be
    /// told meanwhile.
    pub(crate) fn is_held(&self) -> bool {
        self.repairs.load(Ordering::Relaxed) || self.told.is_claimed()
    }
}

/// One shard's.
pub(crate) struct Teller {
    pub(crate) shared: Arc<Telling>,
    pub(crate) shard: u8,
    pub(crate) pending: Arc<Pending>,
}

impl Teller {
    /// Tells without end.
    pub(crate) async fn run(self) {
        let told = &self.shared.told;
        let mut changed = told.watch();
        let mut may_write = false;
        let mut pace = Pace::new(Instant::now());
        let mut apart = interval(APART);
        apart.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let place = told.place(self.shard);
            let next = place.map(|place| self.pending.next(place.known));
            let (Some(place), Some(next)) = (place, next) else {
                may_write = false;
                let _ = changed.changed().await;
                continue;
            };
            if let Next::Nothing { .. } = next {
                may_write = false;
                tokio::select! {
                    () = self.pending.more.notified() => {}
                    _ = changed.changed() => {}
                }
                continue;
            }
            if self.shared.is_held() || !told.is_read() {
                let _ = tokio::time::timeout(STAND_BY, changed.changed()).await;
                continue;
            }
            if !may_write && !self.shared.leads.load(Ordering::Relaxed) {
                may_write = true;
                let told_by_others = changed.wait_for(|_| {
                    let now = told.place(self.shard).map_or(0, |now| now.known);
                    now > place.known
                });
                if tokio::time::timeout(STAND_BY, told_by_others).await.is_ok() {
                    may_write = false;
                }
                continue;
            }
            let outcome = match next {
                Next::Chunk { records, to } => {
                    pace.add(records.len(), Instant::now());
                    self.tell(place, place.known, to, records).await
                }
                Next::Reread { through } => self.reread(place, through).await,
                Next::Nothing { .. } => continue,
            };
            match outcome {
                Ok(is_told) => {
                    may_write = is_told;
                    if pace.traffic(Instant::now()) == Traffic::Crowded {
                        apart.tick().await;
                    }
                }
                Err(error) => {
                    tracing::debug!(shard = self.shard, %error, "a revocation waits to be told");
                    let _ = tokio::time::timeout(PAUSE, changed.changed()).await;
                }
            }
        }
    }

    async fn tell(
        &self,
        place: Place,
        from: u64,
        to: u64,
        records: Vec<Record>,
    ) -> Result<bool, LogError> {
        let message = Message {
            v: FEED_VERSION,
            shard: self.shard,
            from,
            to,
            records,
        };
        let payload = serde_json::to_vec(&message)?;
        let subject = RevocationSubject::Shard(self.shard);
        let seq = self.shared.publish(subject, place.at, to, payload).await?;
        Ok(seq.is_some())
    }

    /// Tells what the log says after what is known, through a sequence.
    async fn reread(&self, mut place: Place, through: u64) -> Result<bool, LogError> {
        tracing::info!(
            shard = self.shard,
            from = place.known,
            through,
            "revocations are read from the log again"
        );
        let start = Start::Sequence(place.known + 1);
        let mut reading = Reading::new(&self.shared, self.shard, start, through);
        while let Some((records, to)) = reading.next().await? {
            for (chunk, to) in chunks(&records, to) {
                if !self.tell(place, place.known, to, chunk).await? {
                    return Ok(false);
                }
                match self.shared.told.place(self.shard) {
                    Some(now) => place = now,
                    None => return Ok(false),
                }
            }
        }
        Ok(true)
    }
}

/// Records cut into messages, each with the sequence up to which it is
/// complete; one without records if there are none.
pub(crate) fn chunks(records: &[Record], to: u64) -> Vec<(Vec<Record>, u64)> {
    let mut cut = Vec::new();
    let mut rest = records;
    loop {
        let (chunk, after) = rest.split_at(rest.len().min(MAX_RECORDS));
        cut.push((chunk.to_vec(), end_of(chunk, after.first(), to)));
        rest = after;
        if rest.is_empty() {
            return cut;
        }
    }
}

/// The records of a stretch of the log.
pub(crate) struct Reading {
    tail: Tail,
    window: Duration,
    through: u64,
    /// Whether everything has been handed out.
    is_done: bool,
    has_begun: bool,
}

impl Reading {
    pub(crate) fn new(shared: &Telling, shard: u8, start: Start, through: u64) -> Self {
        Self {
            tail: shared.log.tail(shard, start),
            window: shared.window,
            through,
            is_done: false,
            has_begun: false,
        }
    }

    /// The next records and the sequence up to which they are all.
    pub(crate) async fn next(&mut self) -> Result<Option<(Vec<Record>, u64)>, LogError> {
        if self.is_done {
            return Ok(None);
        }
        if !self.has_begun && self.tail.pending().await? == 0 {
            self.is_done = true;
            return Ok(Some((Vec::new(), self.through)));
        }
        self.has_begun = true;
        let batch = self.tail.next_batch(BATCH).await?;
        let mut records = Vec::new();
        let mut to = 0;
        for message in &batch {
            to = message.position.sequence;
            if to > self.through {
                break;
            }
            records.extend(records_of(message, self.window).0);
        }
        if to >= self.through || self.tail.is_drained() {
            self.is_done = true;
            to = self.through;
        }
        Ok(Some((records, to)))
    }
}
