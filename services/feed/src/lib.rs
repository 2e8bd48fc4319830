//! The log as verification needs it: who may no longer come in.
//!
//! A [`Feed`] follows every shard, keeps a [`RevocationSet`] and tells its
//! listener of every message, so that caches drop what is outdated. It needs
//! no Postgres. A service is ready only when its feed has applied everything
//! that was in the log when it started and can still concern a token.

mod follower;
mod freshness;
mod revocation;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_events::{Cursor, Timestamp};
use countersign_log::{Log, LogError, RawMessage};
use countersign_verifier::RevocationSet;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use follower::Follower;
use freshness::Freshness;

pub use revocation::{Revocation, revocations_in};

/// How a feed is set up.
#[derive(Debug, Clone)]
pub struct FeedConfig {
    /// The longest life of an access token: what happened earlier concerns no
    /// token that is still valid.
    pub token_lifetime: Duration,
    /// How far the clocks of services and of NATS may be apart.
    pub clock_skew: Duration,
}

/// How often a long wait is spoken of.
const ANNOUNCE: Duration = Duration::from_secs(5);

/// Hears every message of the log as it is read.
pub type Listener = Arc<dyn Fn(&RawMessage) + Send + Sync>;

/// What follows the log for one service.
pub struct Feed {
    applied: Vec<watch::Receiver<u64>>,
    ends_at_start: Vec<u64>,
    failure: watch::Receiver<Option<String>>,
    freshness: Freshness,
    started: Instant,
    not_understood: Arc<AtomicU64>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Feed {
    /// Starts following, from the oldest message that can concern a token
    /// valid at `now`.
    pub async fn start(
        log: &Log,
        config: &FeedConfig,
        revocations: Arc<RevocationSet>,
        listener: Listener,
        now: Timestamp,
    ) -> Result<Self, LogError> {
        let window = config.token_lifetime + config.clock_skew;
        let window_millis = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        let from = Timestamp::from_millis(now.as_millis().saturating_sub(window_millis));
        let freshness = Freshness::new();
        let started = Instant::now();
        let ends = (0..log.shards()).map(|shard| log.last_sequence(shard));
        let ends_at_start = futures_util::future::try_join_all(ends).await?;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let (failed, failure) = watch::channel(None);
        let failed = Arc::new(failed);
        let not_understood = Arc::new(AtomicU64::new(0));
        let mut applied = Vec::new();
        for (shard, end) in (0u8..).zip(&ends_at_start) {
            let (sender, receiver) = watch::channel(0);
            applied.push(receiver);
            let follower = Follower {
                log: log.clone(),
                shard,
                from,
                end_at_start: *end,
                window,
                revocations: Arc::clone(&revocations),
                listener: Arc::clone(&listener),
                applied: sender,
                not_understood: Arc::clone(&not_understood),
            };
            let failed = Arc::clone(&failed);
            tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
                let error = follower.run().await;
                tracing::error!(shard, %error, "the revocation feed stopped");
                failed.send_replace(Some(error.to_string()));
            }));
        }
        tasks.spawn(stop.clone().run_until_cancelled_owned(freshness::watch(
            log.clone(),
            applied.clone(),
            freshness.clone(),
        )));
        tasks.close();
        Ok(Self {
            applied,
            ends_at_start,
            failure,
            freshness,
            started,
            not_understood,
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

    /// Whether revocations may be missing here that NATS could have told of:
    /// the feed has stopped or fallen behind for longer than `most` although
    /// NATS is connected. A service that is blind must not let anybody in.
    ///
    /// While NATS is away nobody can revoke anything through it either, and
    /// what is known stays known.
    pub fn is_blind(&self, log: &Log, most: Duration) -> bool {
        let stale = self.staleness().is_none_or(|staleness| staleness > most);
        stale && log.is_connected()
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

    /// Stops following.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}
