//! What the tasks of a live verifier share.

use super::clock::{Clock, unix_now};
use super::follower::{Advice, Follower, Sent, Step};
use super::keys::Keys;
use crate::feed::{Beat, EventId, FEED_VERSION, Message, Record, Report, ReportAnswer};
use crate::{Full, RevocationSet, Verifier};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How many kids a report names.
const MAX_KIDS: usize = 64;

/// A staleness that does not grow, if it was set.
#[cfg(feature = "test-kit")]
#[derive(Debug, Clone, Copy, Default)]
enum ByHand {
    #[default]
    Unset,
    Set(Option<Duration>),
}

/// What they share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) max_staleness: Duration,
    pub(crate) verifier: Verifier,
    pub(crate) keys: Keys,
    pub(crate) clock: Clock,
    follower: Mutex<Follower>,
    /// Records were applied: report.
    pub(crate) applied: Notify,
    /// Something was proven.
    pub(crate) proofs: watch::Sender<Option<Duration>>,
    /// Set by hand, in tests of services.
    #[cfg(feature = "test-kit")]
    by_hand: Mutex<ByHand>,
    is_full: AtomicBool,
}

impl Shared {
    pub(crate) fn new(
        name: String,
        max_staleness: Duration,
        verifier: Verifier,
        keys: Keys,
    ) -> Self {
        Self {
            id: Uuid::new_v4(),
            name,
            max_staleness,
            verifier,
            keys,
            clock: Clock::start(),
            follower: Mutex::default(),
            applied: Notify::new(),
            proofs: watch::Sender::new(None),
            #[cfg(feature = "test-kit")]
            by_hand: Mutex::default(),
            is_full: AtomicBool::new(false),
        }
    }

    /// The stream is read from its start.
    pub(crate) fn begin(&self) {
        let now = self.clock.now();
        self.follower().begin(now);
    }

    /// The last message that was applied.
    pub(crate) fn last(&self) -> Option<EventId> {
        self.follower().applied()
    }

    pub(crate) fn message(&self, id: EventId, message: &Message) {
        // First into the set, then to the follower: what it takes for known
        // is known.
        let applied = message.records.iter().try_for_each(|one| self.apply(one));
        if applied.is_err() {
            self.follower().distrust();
            self.proofs.send_replace(None);
            if !self.is_full.swap(true, Ordering::Relaxed) {
                let held = self.set().len();
                tracing::error!(held, "the revocation set is full: nothing is trusted");
            }
            return;
        }
        let step = self.follower().message(id, message, self.clock.now());
        self.look_at(step, id);
        if step != Step::Old && !message.records.is_empty() {
            self.applied.notify_one();
        }
    }

    pub(crate) fn beat(&self, id: EventId, beat: &Beat) {
        let step = self.follower().beat(id, beat, self.clock.now());
        self.look_at(step, id);
        if !self.follower().is_complete() {
            // The sooner it asks, the sooner it is.
            self.applied.notify_one();
        }
    }

    pub(crate) fn unreadable(&self, id: EventId) {
        let step = self.follower().unreadable(id, self.clock.now());
        self.look_at(step, id);
    }

    /// Whoever delivers the stream says that something was left out.
    pub(crate) fn gap(&self) {
        self.follower().gap();
        tracing::error!("the feed of revocations has a gap");
    }

    pub(crate) fn advice(&self) -> Advice {
        let now = self.clock.now();
        self.follower().advice(now)
    }

    /// A report, and when it was made.
    pub(crate) fn report(&self, leaving: bool) -> (Sent, Report) {
        let keys = self.keys.ring().current();
        let kids = keys.iter().map(|key| key.key_id().to_owned());
        let kids = kids.take(MAX_KIDS).collect();
        let follower = self.follower();
        let now = self.clock.now();
        let staleness = follower.proven_at().map(|at| now.saturating_sub(at));
        let report = Report {
            v: FEED_VERSION,
            id: self.id,
            name: self.name.clone(),
            seq: follower.applied().map(|id| id.seq),
            cursor: follower.position().map(<[u64]>::to_vec),
            kids,
            staleness_ms: staleness.map(millis),
            max_staleness_ms: millis(self.max_staleness),
            leaving,
        };
        (follower.sent(now), report)
    }

    pub(crate) fn answered(&self, sent: Sent, answer: ReportAnswer) {
        let now = self.clock.now();
        self.follower().answered(sent, answer, now);
        self.announce();
    }

    pub(crate) fn position(&self) -> Option<Vec<u64>> {
        self.follower().position().map(<[u64]>::to_vec)
    }

    /// The moment as of which everything revoked is known here.
    pub(crate) fn proven_at(&self) -> Option<Duration> {
        #[cfg(feature = "test-kit")]
        if let ByHand::Set(staleness) = *self.by_hand.lock().unwrap_or_else(PoisonError::into_inner)
        {
            return staleness.and_then(|age| self.clock.now().checked_sub(age));
        }
        self.follower().proven_at()
    }

    /// From now on it is so stale, whatever happens.
    #[cfg(feature = "test-kit")]
    pub(crate) fn set_staleness(&self, staleness: Option<Duration>) {
        let mut by_hand = self.by_hand.lock().unwrap_or_else(PoisonError::into_inner);
        *by_hand = ByHand::Set(staleness);
        drop(by_hand);
        self.proofs.send_modify(|_| {});
    }

    pub(crate) fn staleness(&self) -> Option<Duration> {
        let proven_at = self.proven_at()?;
        Some(self.clock.now().saturating_sub(proven_at))
    }

    /// Whether what was known at `proven_at` can still be trusted now.
    pub(crate) fn is_fresh(&self, proven_at: Option<Duration>) -> bool {
        proven_at.is_some_and(|at| self.clock.now().saturating_sub(at) <= self.max_staleness)
    }

    /// Forgets, second by second, what cannot matter any more.
    pub(crate) async fn prune(&self, stop: CancellationToken) {
        let mut seconds = tokio::time::interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(seconds.tick()).await.is_some() {
            if self.set().prune(unix_now()) > 0 {
                self.is_full.store(false, Ordering::Relaxed);
            }
        }
    }

    fn set(&self) -> &RevocationSet {
        self.verifier.revocations()
    }

    fn apply(&self, record: &Record) -> Result<(), Full> {
        match record {
            Record::Session { session, until, .. } => self.set().revoke_session(*session, *until),
            Record::Account {
                account,
                epoch,
                until,
                ..
            } => self.set().raise_epoch(*account, *epoch, *until),
            Record::Key { key, .. } => self.set().revoke_key(key),
            Record::Keys { .. } => {
                self.keys.changed();
                Ok(())
            }
        }
    }

    fn look_at(&self, step: Step, id: EventId) {
        if step == Step::Gap {
            tracing::error!(
                %id,
                "revocations are missing from the feed before this message"
            );
        }
        self.announce();
    }

    fn announce(&self) {
        let proven_at = self.follower().proven_at();
        self.proofs.send_if_modified(|known| {
            let is_new = *known != proven_at;
            *known = proven_at;
            is_new
        });
    }

    fn follower(&self) -> MutexGuard<'_, Follower> {
        self.follower.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
