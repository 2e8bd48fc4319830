//! The running projector: one task a shard and a few that look around.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign_events::Timestamp;
use countersign_log::Log;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::anchor::Signer;
use crate::status::{Board, Status};
use crate::{chores, monitor, rebuild, shard};

/// Tells the time. Pruning asks, and the comparison of the log with its
/// anchors; nothing that is projected does.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Where to write the signed checkpoint file, and with what key.
pub struct CheckpointFileOptions {
    /// The file. Best on another disk than the log's.
    pub path: PathBuf,
    /// Signs it.
    pub signer: Signer,
}

/// How a projector behaves.
pub struct Options {
    /// Tells the time.
    pub clock: Clock,
    /// The most messages in one transaction.
    pub batch_messages_max: usize,
    /// How long a failed shard waits before it tries again by itself.
    pub retry_after: Duration,
    /// How often sessions past their time are deleted.
    pub prune_every: Duration,
    /// The signed checkpoint file, if one is wanted.
    pub checkpoint_file: Option<CheckpointFileOptions>,
}

impl Options {
    /// The defaults: 2,000 messages, 30 seconds, 10 minutes, no file.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            batch_messages_max: 2_000,
            retry_after: Duration::from_secs(30),
            prune_every: Duration::from_mins(10),
            checkpoint_file: None,
        }
    }
}

/// What all tasks share.
pub(crate) struct Shared {
    /// What it calls itself.
    pub name: String,
    pub log: Log,
    pub postgres: PgConnectOptions,
    pub clock: Clock,
    pub batch_messages_max: usize,
    pub retry_after: Duration,
    pub prune_every: Duration,
    pub board: Board,
    /// Wakes the monitor before its time.
    pub look_now: Notify,
    /// Says that a rebuild is wanted.
    pub rebuild: Notify,
    /// Wakes failed shards before their time, by shard.
    pub retry: Vec<Notify>,
    pub stop: CancellationToken,
}

/// A projector at work. Dropping it stops it without waiting.
pub struct Projector {
    shared: Arc<Shared>,
    shards: Vec<JoinHandle<()>>,
    around: Vec<JoinHandle<()>>,
    /// Stops what must outlive the shards.
    stop_around: CancellationToken,
}

/// The longest [`Projector::stop`] waits for batches under way.
const STOP_MAX: Duration = Duration::from_secs(10);

impl Projector {
    /// Starts projecting. Needs neither Postgres nor NATS to be there yet:
    /// what is missing is waited for, and [`Projector::status`] says so.
    ///
    /// Must be called within a Tokio runtime.
    pub fn start(log: Log, postgres: PgConnectOptions, options: Options) -> Self {
        let shards = log.shards();
        let stop = CancellationToken::new();
        let stop_around = CancellationToken::new();
        let shared = Arc::new(Shared {
            name: crate::name("project"),
            log,
            postgres,
            clock: options.clock,
            batch_messages_max: options.batch_messages_max.max(1),
            retry_after: options.retry_after,
            prune_every: options.prune_every.max(Duration::from_secs(1)),
            board: Board::new(shards),
            look_now: Notify::new(),
            rebuild: Notify::new(),
            retry: (0..shards).map(|_| Notify::new()).collect(),
            stop: stop.clone(),
        });
        let (views, view) = watch::channel(monitor::View::default());
        let (anchors, newest) = watch::channel(Vec::new());
        let tasks = (0..shards)
            .map(|index| tokio::spawn(shard::run(index, Arc::clone(&shared), view.clone())))
            .collect();
        let mut around = vec![
            tokio::spawn(monitor::run(
                Arc::clone(&shared),
                views,
                options.checkpoint_file.is_some().then_some(anchors),
                stop_around.clone(),
            )),
            tokio::spawn(chores::measure(Arc::clone(&shared))),
            tokio::spawn(chores::prune(Arc::clone(&shared))),
            tokio::spawn(rebuild::serve(Arc::clone(&shared))),
        ];
        if let Some(file) = options.checkpoint_file {
            let prefix = shared.log.prefix().to_owned();
            around.push(tokio::spawn(chores::write_file(prefix, file, newest)));
        }
        Self {
            shared,
            shards: tasks,
            around,
            stop_around,
        }
    }

    /// What it is doing.
    pub fn status(&self) -> Status {
        self.shared.board.snapshot()
    }

    /// Tries the event that a shard stopped at again, now. Only for shards of
    /// this instance; [`countersign_views::failure::request_retry`] reaches
    /// whichever instance has it.
    pub fn repair(&self, shard: u8) {
        if let Some(retry) = self.shared.retry.get(usize::from(shard)) {
            retry.notify_one();
        }
    }

    /// Finishes the batches under way, gives the shards back and writes the
    /// checkpoint file a last time.
    pub async fn stop(mut self) {
        self.shared.stop.cancel();
        let shards = std::mem::take(&mut self.shards);
        let around = std::mem::take(&mut self.around);
        finish(shards).await;
        self.stop_around.cancel();
        finish(around).await;
    }
}

async fn finish(tasks: Vec<JoinHandle<()>>) {
    let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
    let all = futures_util::future::join_all(tasks);
    if tokio::time::timeout(STOP_MAX, all).await.is_err() {
        tracing::warn!("the projector did not stop in time and is cut off");
        for abort in aborts {
            abort.abort();
        }
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.stop_around.cancel();
    }
}
