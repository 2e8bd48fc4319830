//! The stream as this service knows it: one tail, whoever asks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_log::{
    Log, LogError, RevocationSubject, RevocationTail, RevocationsState, StoredRevocation, Tailed,
};
use countersign_verifier::feed::{Beat, EventId, Message, Record, StreamId};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::chain::Chain;
use crate::ring::{Ring, Stretch};

/// How many messages are taken from the tail at once.
const BATCH: usize = 1_000;

/// For how long somebody else's genesis is waited for.
const GENESIS_MAX: Duration = Duration::from_secs(10);

/// What the stream has told, kept up to date by one task.
pub(crate) struct Told {
    shards: u8,
    window: Duration,
    state: Mutex<State>,
    /// The sequence that was read last; sent with every change.
    changed: watch::Sender<u64>,
    /// Reads the stream again from its first message.
    again: Notify,
}

struct State {
    /// Which stream this is; none before it is known.
    stream: Option<StreamId>,
    chain: Chain,
    ring: Ring,
    /// What was published from here and did not come back yet, by shard: where
    /// it stands and how far it tells.
    published: Vec<(u64, u64)>,
    /// Where subjects were found to stand, against what was read.
    found: Vec<Option<u64>>,
    found_beat: Option<u64>,
    is_read: bool,
    since: Option<u64>,
    last_beat: Option<Instant>,
    claimed: Option<Instant>,
}

impl State {
    fn new(shards: u8) -> Self {
        Self {
            stream: None,
            chain: Chain::new(shards),
            ring: Ring::default(),
            published: vec![(0, 0); shards.into()],
            found: vec![None; shards.into()],
            found_beat: None,
            is_read: false,
            since: None,
            last_beat: None,
            claimed: None,
        }
    }
}

/// Where a subject stands and what the next message on it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The subject's last sequence.
    pub(crate) at: u64,
    /// How far the shard has been told.
    pub(crate) known: u64,
}

impl Told {
    pub(crate) fn new(shards: u8, window: Duration) -> Self {
        Self {
            shards,
            window,
            state: Mutex::new(State::new(shards)),
            changed: watch::Sender::new(0),
            again: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads on until the end that the stream has now; shows every record to
    /// `each`.
    pub(crate) async fn read(
        &self,
        tail: &mut RevocationTail,
        mut each: impl FnMut(&Record) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        while !self.lock().is_read {
            let tailed = tail.next_batch(BATCH).await?;
            self.take(tailed, &mut each)?;
        }
        Ok(())
    }

    /// Reads on without end.
    pub(crate) async fn follow(self: Arc<Self>, mut tail: RevocationTail) -> LogError {
        loop {
            let tailed = tokio::select! {
                tailed = tail.next_batch(BATCH) => tailed,
                () = self.again.notified() => {
                    tail.restart();
                    Ok(Tailed::Anew)
                }
            };
            let taken = tailed.and_then(|tailed| self.take(tailed, |_| Ok(())));
            if let Err(error) = taken {
                return error;
            }
        }
    }

    fn take(
        &self,
        tailed: Tailed,
        mut each: impl FnMut(&Record) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let mut state = self.lock();
        match tailed {
            Tailed::Anew => *state = State::new(self.shards),
            Tailed::Messages {
                created,
                messages,
                caught_up,
            } => {
                let stream = StreamId(created);
                if state.stream.is_some_and(|known| known != stream) {
                    *state = State::new(self.shards);
                }
                state.stream = Some(stream);
                for message in messages {
                    state.read(&message, &mut each)?;
                    state.ring.push(message);
                }
                state.is_read |= caught_up;
            }
        }
        let last = state.chain.last();
        drop(state);
        self.changed.send_replace(last);
        Ok(())
    }

    /// Has the stream read again from its first message on.
    pub(crate) fn read_again(&self) {
        self.lock().is_read = false;
        self.again.notify_one();
    }

    /// Hears of every change.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Looks at the bounds of the stream and says from where on it is
    /// complete; nothing if it is not, or was not read to its end.
    pub(crate) fn cover(&self, bounds: &RevocationsState) -> Option<u64> {
        let mut state = self.lock();
        state.ring.forget_before(bounds.first_seq);
        let is_this = state.stream == Some(StreamId(bounds.created));
        let is_same = is_this && state.is_read && bounds.last_seq >= state.chain.last();
        let since = state
            .chain
            .since(bounds.first_seq, bounds.first_age, self.window);
        let since = since.filter(|_| is_same);
        let is_news = std::mem::replace(&mut state.since, since) != since;
        drop(state);
        if is_news {
            self.changed.send_modify(|_| ());
        }
        since
    }

    /// From where on the stream is complete, as of the last look.
    pub(crate) fn since(&self) -> Option<EventId> {
        let state = self.lock();
        let (stream, seq) = state.stream.zip(state.since)?;
        Some(EventId { stream, seq })
    }

    /// Whether the stream was read to an end it had.
    pub(crate) fn is_read(&self) -> bool {
        self.lock().is_read
    }

    /// Trusts the stream no more: it is not of this log.
    pub(crate) fn distrust(&self) {
        let mut state = self.lock();
        state.chain.distrust();
        state.since = None;
    }

    /// How far each shard has been told.
    pub(crate) fn cursor(&self) -> Option<Vec<u64>> {
        self.lock().chain.cursor()
    }

    /// The message of the stream up to which it holds everything up to
    /// `ends`, and from which sequence on it is complete.
    pub(crate) fn proves(&self, ends: &[u64]) -> Option<(EventId, u64)> {
        let state = self.lock();
        let since = state.since.filter(|_| state.chain.covers(ends))?;
        let (stream, seq) = (state.stream?, state.chain.last());
        Some((EventId { stream, seq }, since))
    }

    /// The last sequence that was read.
    pub(crate) fn last(&self) -> u64 {
        self.lock().chain.last()
    }

    /// What comes after a message, `max` messages at most; nothing while the
    /// stream is being read again. After none, or one of another stream,
    /// everything is a gap.
    pub(crate) fn after(&self, after: Option<EventId>, max: usize) -> Option<Stretch> {
        let state = self.lock();
        let stream = state.stream.filter(|_| state.is_read)?;
        let seq = after.filter(|after| after.stream == stream);
        let seq = seq.map(|after| after.seq);
        Some(state.ring.after(stream, seq, state.chain.last(), max))
    }

    /// Where a shard stands; none before anything is known of it.
    pub(crate) fn place(&self, shard: u8) -> Option<Place> {
        let state = self.lock();
        let index = usize::from(shard);
        let known = state.chain.known(shard)?;
        let (at, to) = state.published.get(index).copied()?;
        let read = state.chain.shard_at(shard).max(at);
        Some(Place {
            at: state.found[index].unwrap_or(read),
            known: known.max(to),
        })
    }

    /// Where the beats stand.
    pub(crate) fn beat_at(&self) -> u64 {
        let state = self.lock();
        state.found_beat.unwrap_or(state.chain.beat_at())
    }

    /// Notes what was published from here.
    pub(crate) fn published(&self, shard: u8, at: u64, to: u64) {
        let mut state = self.lock();
        let index = usize::from(shard);
        state.published[index] = (at, to);
        state.found[index] = None;
    }

    /// Notes where a subject was found to stand.
    pub(crate) fn found(&self, subject: RevocationSubject, at: u64) {
        let mut state = self.lock();
        match subject {
            RevocationSubject::Shard(shard) => state.found[usize::from(shard)] = Some(at),
            RevocationSubject::Beat => state.found_beat = Some(at),
        }
    }

    /// Whether somebody is telling everything anew.
    pub(crate) fn is_claimed(&self) -> bool {
        let state = self.lock();
        state.chain.is_claimed()
            && state
                .claimed
                .is_some_and(|since| since.elapsed() < GENESIS_MAX)
    }

    /// How long ago the last beat was read.
    pub(crate) fn beat_age(&self) -> Option<Duration> {
        self.lock().last_beat.map(|beat| beat.elapsed())
    }

    /// Waits until the stream was read as far as `seq`, at most for `patience`.
    pub(crate) async fn reach(&self, seq: u64, patience: Duration) {
        let mut changed = self.watch();
        let reached = changed.wait_for(|last| *last >= seq);
        let _ = tokio::time::timeout(patience, reached).await;
    }
}

impl State {
    fn read(
        &mut self,
        message: &StoredRevocation,
        each: &mut impl FnMut(&Record) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let seq = message.seq;
        match message.subject {
            Some(RevocationSubject::Shard(shard)) => {
                let read = serde_json::from_slice::<Message>(&message.payload);
                match read.ok().filter(|message| message.shard == shard) {
                    Some(message) => {
                        for record in &message.records {
                            each(record)?;
                        }
                        self.chain.message(seq, &message);
                        if let Some(found) = self.found.get_mut(usize::from(shard)) {
                            *found = None;
                        }
                        if self.chain.is_claimed() {
                            // As long as it goes on, others wait for it.
                            self.claimed = Some(Instant::now());
                        }
                    }
                    None => self.strange(seq),
                }
            }
            Some(RevocationSubject::Beat) => {
                match serde_json::from_slice::<Beat>(&message.payload) {
                    Ok(beat) => {
                        self.chain.beat(seq, &beat);
                        self.found_beat = None;
                        self.last_beat = Some(Instant::now());
                        self.claimed = None;
                    }
                    Err(_) => self.strange(seq),
                }
            }
            None => self.strange(seq),
        }
        Ok(())
    }

    fn strange(&mut self, seq: u64) {
        tracing::error!(
            seq,
            "the stream of revocations holds what nobody here wrote"
        );
        self.chain.strange(seq);
    }
}

/// Opens the stream, which is made if it is missing.
pub(crate) async fn open(log: &Log) -> Result<RevocationTail, LogError> {
    log.ensure_revocations().await?;
    Ok(log.revocations())
}
