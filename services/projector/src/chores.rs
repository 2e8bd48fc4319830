//! What is done beside projecting, in no hurry.

use std::sync::Arc;
use std::time::Duration;

use countersign_events::Timestamp;
use countersign_views::checkpoint::Anchor;
use countersign_views::{ViewError, pool};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, timeout};

use crate::anchor::{CheckpointFile, CheckpointFileError};
use crate::projector::{CheckpointFileOptions, Shared};

/// How often the end of the log is asked for, rates are measured, and the
/// checkpoint file may be written.
const EVERY: Duration = Duration::from_secs(1);

/// Asks where the log ends, and takes the rates.
pub(crate) async fn measure(shared: Arc<Shared>) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        shared.board.log_connected(shared.log.is_connected());
        let ends = (0..shared.log.shards()).map(|shard| {
            let shared = &shared;
            async move {
                if let Ok(end) = shared.log.last_sequence(shard).await {
                    shared.board.log_end(shard, end);
                }
            }
        });
        futures_util::future::join_all(ends).await;
        shared.board.measure(last.elapsed().as_secs_f64());
        last = Instant::now();
    }
}

/// Deletes sessions past their time, now and then.
pub(crate) async fn prune(shared: Arc<Shared>) {
    let every = shared.prune_every;
    let mut tick = interval_at(Instant::now() + every, every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if shared.board.snapshot().generation.is_none() {
            continue;
        }
        let pruned = tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            pruned = prune_now(&shared, (shared.clock)()) => pruned,
        };
        match pruned {
            Ok(0) => {}
            Ok(sessions) => tracing::info!(sessions, "forgot sessions"),
            Err(error) => tracing::warn!(%error, "forgetting sessions failed"),
        }
    }
}

async fn prune_now(shared: &Shared, now: Timestamp) -> Result<u64, ViewError> {
    let mut connection = pool::control_options(shared.postgres.clone())
        .connect()
        .await?;
    let pruned = countersign_views::prune(&mut connection, now).await?;
    let _ = timeout(EVERY, connection.close()).await;
    Ok(pruned)
}

/// Writes the checkpoint file whenever there are newer anchors, at most once a
/// second, and a last time when there will be no more.
pub(crate) async fn write_file(
    prefix: String,
    options: CheckpointFileOptions,
    mut newest: watch::Receiver<Vec<Anchor>>,
) {
    let options = Arc::new(options);
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut written = match read(&options, &prefix).await {
        Ok(found) => found.unwrap_or(CheckpointFile {
            prefix,
            anchors: Vec::new(),
        }),
        // What cannot be believed must not be overwritten: it is evidence.
        Err(error) => {
            tracing::error!(%error, "the checkpoint file is left alone");
            return;
        }
    };
    loop {
        let more = newest.changed().await.is_ok();
        let anchors = newest.borrow_and_update().clone();
        if written.advance(&anchors)
            && let Err(error) = write(&options, written.clone()).await
        {
            tracing::warn!(%error, "the checkpoint file was not written");
        }
        if !more {
            return;
        }
        tick.tick().await;
    }
}

async fn read(
    options: &Arc<CheckpointFileOptions>,
    prefix: &str,
) -> Result<Option<CheckpointFile>, CheckpointFileError> {
    let (options, prefix) = (Arc::clone(options), prefix.to_owned());
    blocking(move || CheckpointFile::read(&options.path, &prefix, &options.signer.public_key()))
        .await
}

async fn write(
    options: &Arc<CheckpointFileOptions>,
    file: CheckpointFile,
) -> Result<(), CheckpointFileError> {
    let options = Arc::clone(options);
    blocking(move || file.write(&options.path, &options.signer)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CheckpointFileError> + Send + 'static,
) -> Result<T, CheckpointFileError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(std::io::Error::other(error).into()),
    }
}
