//! The log as verification needs it: who may no longer come in.
//!
//! A [`Feed`] follows every shard, keeps a [`RevocationSet`] and tells its
//! listener of every message, so that caches drop what is outdated. It needs
//! no Postgres. A service is ready only when its feed has applied everything
//! that was in the log when it started and can still concern a token.
//!
//! What it finds it also tells the stream of revocations, which verifiers
//! outside read: a `Teller` a shard, one `Keeper`, and [`Receipts`] of what
//! they have applied. The stream is derived. When it is lost it is made again
//! from the log, and nobody takes it for complete before.

mod chain;
mod follower;
mod freshness;
mod keeper;
mod load;
mod pending;
mod receipts;
mod record;
mod reports;
mod revocation;
mod ring;
mod teller;
mod told;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use countersign_events::{Cursor, Timestamp};
use countersign_log::{Log, LogError, RawMessage, random};
use countersign_verifier::RevocationSet;
use countersign_verifier::feed::{EventId, Report, ReportAnswer};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use follower::Follower;
use freshness::Freshness;
use keeper::Keeper;
use load::load;
use pending::Pending;
use reports::Reports;
use teller::{Teller, Telling};
use told::Told;

pub use receipts::{Applied, Receipt, Receipts, Standing, VERIFIERS_MAX};
pub use revocation::{Revocation, revocations_in};
pub use ring::Stretch;

/// How a feed is set up.
#[derive(Debug, Clone)]
pub struct FeedConfig {
    /// The longest life of an access token: what happened earlier concerns no
    /// token that is still valid.
    pub token_lifetime: Duration,
    /// How far the clocks of services and of NATS may be apart.
    pub clock_skew: Duration,
    /// What this service calls itself among the verifiers.
    pub name: String,
    /// From how much staleness on this service trusts itself no more.
    pub max_staleness: Duration,
}

impl FeedConfig {
    fn window(&self) -> Duration {
        self.token_lifetime + self.clock_skew
    }
}

/// How often a long wait is spoken of.
const ANNOUNCE: Duration = Duration::from_secs(5);

/// For how long who asks about the stream waits for a service that has just
/// started.
const FIRST_PROOF: Duration = Duration::from_secs(5);

/// Hears every message of the log as it is read.
pub type Listener = Arc<dyn Fn(&RawMessage) + Send + Sync>;

/// What follows the log for one service, and tells the stream of revocations.
pub struct Feed {
    applied: Vec<watch::Receiver<u64>>,
    ends_at_start: Vec<u64>,
    failure: watch::Receiver<Option<String>>,
    freshness: Freshness,
    started: Instant,
    not_understood: Arc<AtomicU64>,
    told: Arc<Told>,
    reports: Arc<Reports>,
    kids: watch::Sender<Vec<String>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Feed {
    /// Starts following: from where the stream of revocations ends, if that is
    /// complete, else from the oldest message that can concern a token valid
    /// at `now`.
    pub async fn start(
        log: &Log,
        config: &FeedConfig,
        revocations: Arc<RevocationSet>,
        listener: Listener,
        now: Timestamp,
    ) -> Result<Self, LogError> {
        let window = config.window();
        let (freshness, started) = (Freshness::new(), Instant::now());
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let spawn = |task: Pin<Box<dyn Future<Output = ()> + Send>>| {
            tasks.spawn(stop.clone().run_until_cancelled_owned(task));
        };
        let loaded = load(log, window, &revocations, now).await?;
        let told = loaded.told;
        let (failed, failure) = watch::channel(None);
        let failed = Arc::new(failed);
        let not_understood = Arc::new(AtomicU64::new(0));
        let telling = Arc::new(Telling {
            log: log.clone(),
            told: Arc::clone(&told),
            window,
            leads: AtomicBool::new(false),
            repairs: AtomicBool::new(false),
        });
        let (revoked, _) = watch::channel(());
        let (mut applied, mut waiting) = (Vec::new(), Vec::new());
        for (shard, (end, from)) in (0u8..).zip(loaded.ends.iter().zip(loaded.from)) {
            let (sender, receiver) = watch::channel(0);
            applied.push(receiver);
            let pending = Arc::new(Pending::new());
            waiting.push(Arc::clone(&pending));
            let follower = Follower {
                log: log.clone(),
                shard,
                from,
                end_at_start: *end,
                window,
                revocations: Arc::clone(&revocations),
                listener: Arc::clone(&listener),
                applied: sender,
                revoked: revoked.clone(),
                pending: Arc::clone(&pending),
                not_understood: Arc::clone(&not_understood),
            };
            let failed = Arc::clone(&failed);
            spawn(Box::pin(async move {
                let error = follower.run().await;
                tracing::error!(shard, %error, "the revocation feed stopped");
                failed.send_replace(Some(error.to_string()));
            }));
            let shared = Arc::clone(&telling);
            let teller = Teller {
                shared,
                shard,
                pending,
            };
            spawn(Box::pin(teller.run()));
        }
        let keeper = Keeper {
            shared: telling,
            pending: waiting,
            applied: applied.clone(),
            ends_at_start: loaded.ends.clone(),
        };
        spawn(Box::pin(keeper.run()));
        let following = Arc::clone(&told).follow(loaded.tail);
        spawn(Box::pin(async move {
            let error = following.await;
            tracing::error!(%error, "the stream of revocations is followed no more");
        }));
        let (ends, ends_seen) = watch::channel(None);
        spawn(Box::pin(freshness::watch(
            log.clone(),
            applied.clone(),
            freshness.clone(),
            Arc::clone(&told),
            ends,
        )));
        let (proofs, proof) = watch::channel(None);
        spawn(Box::pin(freshness::prove(
            Arc::clone(&told),
            ends_seen,
            proofs,
        )));
        let (kids, kids_held) = watch::channel(Vec::new());
        let reports = Arc::new(Reports {
            log: log.clone(),
            told: Arc::clone(&told),
            receipts: Arc::default(),
            proof,
            applied: applied.clone(),
            revoked,
            freshness: freshness.clone(),
            kids: kids_held,
            id: uuid::Builder::from_random_bytes(random()?).into_uuid(),
            name: config.name.clone(),
            max_staleness: config.max_staleness,
        });
        spawn(Box::pin(Arc::clone(&reports).hear()));
        spawn(Box::pin(Arc::clone(&reports).overhear()));
        spawn(Box::pin(Arc::clone(&reports).report_self()));
        tasks.close();
        Ok(Self {
            applied,
            ends_at_start: loaded.ends,
            failure,
            freshness,
            started,
            not_understood,
            told,
            reports,
            kids,
            stop,
            tasks,
        })
    }

    /// Waits until everything that was in the log at the start is applied, or
    /// until the log is known to be damaged: then what cannot be delivered is
    /// not waited for.
    pub async fn caught_up(&self, log: &Log) -> Result<(), LogError> {
        let damaged = log.gate().damaged();
        let waiting = async {
            let all = self.all_caught_up();
            let mut all = std::pin::pin!(all);
            loop {
                if let Ok(outcome) = tokio::time::timeout(ANNOUNCE, &mut all).await {
                    return outcome;
                }
                tracing::warn!(
                    applied = %self.position(),
                    awaited = %Cursor::new(self.ends_at_start.clone()),
                    "waiting for revocations"
                );
            }
        };
        tokio::select! {
            outcome = waiting => outcome?,
            () = damaged => {}
        }
        self.freshness.prove(self.started);
        Ok(())
    }

    async fn all_caught_up(&self) -> Result<(), LogError> {
        let mut failure = self.failure.clone();
        for (shard, end) in self.applied.iter().zip(&self.ends_at_start) {
            let mut shard = shard.clone();
            tokio::select! {
                reached = shard.wait_for(|applied| applied >= end) => {
                    reached.map_err(|_| LogError::Unfit("the feed has stopped".into()))?;
                }
                failed = failure.wait_for(Option::is_some) => {
                    let error = failed.ok().and_then(|error| error.clone());
                    return Err(LogError::Unfit(error.unwrap_or_default()));
                }
            }
        }
        Ok(())
    }

    /// What has been applied, shard by shard.
    pub fn position(&self) -> Cursor {
        Cursor::new(self.applied.iter().map(|shard| *shard.borrow()).collect())
    }

    /// Whether revocations may be missing here: for longer than
    /// [`FeedConfig::max_staleness`] nothing has proven that none are. A
    /// service that is blind must not let anybody in.
    ///
    /// It does not matter why. A service that is cut off from NATS cannot know
    /// whether others are, too.
    pub fn is_blind(&self) -> bool {
        let most = self.reports.max_staleness;
        self.staleness().is_none_or(|staleness| staleness > most)
    }

    /// How long ago it was last proven that nothing in the log was missing
    /// here; none before the first proof.
    pub fn staleness(&self) -> Option<Duration> {
        self.freshness.staleness()
    }

    /// How many messages could not be read and were taken for revocations:
    /// some other instance runs a newer program.
    pub fn not_understood(&self) -> u64 {
        self.not_understood.load(Ordering::Relaxed)
    }

    /// Why the feed stopped, if it did. It does not start again by itself.
    pub fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    /// Who reports, and what they have applied.
    pub fn receipts(&self) -> &Receipts {
        &self.reports.receipts
    }

    /// Says which keys this service verifies with, for its own reports.
    pub fn holds_keys(&self, kids: Vec<String>) {
        self.kids.send_if_modified(|held| {
            let is_news = *held != kids;
            *held = kids;
            is_news
        });
    }

    /// Takes in what a verifier reported over HTTP, and answers it; with
    /// nothing if the stream has never been proven complete here.
    pub async fn report(&self, report: Report, client: &str) -> Option<ReportAnswer> {
        self.reports.take(report, client).await;
        self.reports.answer_within(FIRST_PROOF).await
    }

    /// What the stream told after a message, `max` messages at most, as far
    /// as it is in memory; nothing while it is being read again. After none,
    /// or one of another stream, everything is a gap.
    pub fn told_after(&self, after: Option<EventId>, max: usize) -> Option<Stretch> {
        self.told.after(after, max)
    }

    /// The sequence of the stream that was read last; changes whenever there
    /// is more.
    pub fn told(&self) -> watch::Receiver<u64> {
        self.told.watch()
    }

    /// From which message on the stream tells everything that can concern a
    /// token which is still valid; nothing if it does not, also after a wait
    /// of some seconds, in which a service that has just started makes it do
    /// so.
    pub async fn told_since(&self) -> Option<EventId> {
        let mut changed = self.told.watch();
        let covered = changed.wait_for(|_| self.told.since().is_some());
        let _ = tokio::time::timeout(FIRST_PROOF, covered).await;
        self.told.since()
    }

    /// Stops following.
    pub async fn stop(&self) {
        self.reports.leave().await;
        self.stop.cancel();
        self.tasks.wait().await;
    }
}
