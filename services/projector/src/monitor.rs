//! One task that looks at the control schema, so that the shards need not.

use std::sync::Arc;
use std::time::Duration;

use countersign_views::checkpoint::{self, Anchor};
use countersign_views::projector::{self, Owned, OwnerState};
use countersign_views::{ViewError, control, failure, generation, lock, pool, rebuild};
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::projector::Shared;

/// How often it looks. A shard whose owner was lost is taken over at most this
/// long after Postgres noticed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often the anchors are read for the checkpoint file.
const ANCHORS_EVERY: Duration = Duration::from_secs(1);

/// The longest a look may take.
const LOOK_MAX: Duration = Duration::from_secs(3);

/// The longest that connecting and migrating may take.
const PREPARE_MAX: Duration = Duration::from_mins(5);

/// How often the others are told what this instance does, unless it changes.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// What the shards need to know.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// The active generation, if this program can write it.
    pub generation: Option<i32>,
    /// Why there is none.
    pub problem: Option<String>,
    /// The shards that have an owner, as bits.
    owned: u64,
}

impl View {
    /// Whether somebody had this shard when Postgres was last asked.
    pub(crate) fn is_owned(&self, shard: u8) -> bool {
        self.owned & (1 << (shard % 64)) != 0
    }
}

/// Looks until stopped, and tells `views` each time, which is also the shards'
/// rhythm for trying again.
pub(crate) async fn run(
    shared: Arc<Shared>,
    views: watch::Sender<View>,
    anchors: Option<watch::Sender<Vec<Anchor>>>,
    stop: CancellationToken,
) {
    let mut connection = None;
    let mut anchors_read = Instant::now();
    let mut heart = Heart::default();
    let mut tick = interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let stopping = tokio::select! {
            biased;
            () = stop.cancelled() => true,
            _ = tick.tick() => false,
            () = shared.look_now.notified() => false,
        };
        let look = async {
            let mut open = match connection.take() {
                Some(open) => open,
                None if stopping => return Ok(None),
                None => connect(&shared).await?,
            };
            let looked = async {
                heart.beat(&shared, &mut open, stopping).await?;
                look(&shared, &mut open).await
            };
            let view = timeout(LOOK_MAX, looked)
                .await
                .map_err(|_| ViewError::unavailable("no answer in time"))??;
            if let Some(anchors) = &anchors
                && (stopping || anchors_read.elapsed() >= ANCHORS_EVERY)
            {
                anchors_read = Instant::now();
                let newest = timeout(LOOK_MAX, checkpoint::anchors(&mut open))
                    .await
                    .map_err(|_| ViewError::unavailable("no answer in time"))??;
                anchors.send_if_modified(|known| {
                    let changed = *known != newest;
                    *known = newest;
                    changed
                });
            }
            Ok(Some((view, open)))
        };
        match look.await {
            Ok(Some((view, open))) => {
                connection = Some(open);
                shared.board.postgres(view.generation, None);
                heart.can_write = view.generation.is_some();
                views.send_replace(view);
            }
            Ok(None) => {}
            Err(error) => {
                note(&shared, &error);
                heart.can_write = false;
                views.send_replace(View {
                    problem: Some(error.to_string()),
                    ..View::default()
                });
            }
        }
        if stopping {
            if let Some(open) = connection.take() {
                let _ = timeout(LOOK_MAX, open.close()).await;
            }
            return;
        }
    }
}

/// Tells the others what this instance does.
#[derive(Default)]
struct Heart {
    last: Option<(Instant, Vec<Owned>)>,
    /// Whether a generation was active that this program can write, when last
    /// looked. Where there is none, it waits for no shard that could be its
    /// own: somebody else may be projecting.
    can_write: bool,
}

impl Heart {
    /// Beats if it is time to, or if something has changed; stopping, it takes
    /// back everything.
    async fn beat(
        &mut self,
        shared: &Shared,
        connection: &mut PgConnection,
        stopping: bool,
    ) -> Result<(), ViewError> {
        if stopping {
            return projector::leave(connection, &shared.name).await;
        }
        let mut owned = shared.board.owned();
        owned.retain(|one| self.can_write || one.state != OwnerState::Waiting);
        let states = |owned: &[Owned]| -> Vec<_> {
            owned.iter().map(|one| (one.shard, one.state)).collect()
        };
        if let Some((at, before)) = &self.last
            && at.elapsed() < BEAT_EVERY
            && states(before) == states(&owned)
        {
            return Ok(());
        }
        projector::beat(connection, &shared.name, &owned).await?;
        self.last = Some((Instant::now(), owned));
        Ok(())
    }
}

/// Says a problem once, not twice a second.
fn note(shared: &Shared, error: &ViewError) {
    let text = error.to_string();
    if shared.board.snapshot().postgres.as_ref() != Some(&text) {
        tracing::warn!(%error, "projecting waits");
    }
    shared.board.postgres(None, Some(text));
}

async fn connect(shared: &Shared) -> Result<PgConnection, ViewError> {
    let prepare = async {
        let options = pool::control_options(shared.postgres.clone());
        let mut connection = options.connect().await?;
        control::prepare(&mut connection).await?;
        Ok(connection)
    };
    timeout(PREPARE_MAX, prepare)
        .await
        .map_err(|_| ViewError::unavailable("no answer in time"))?
}

async fn look(shared: &Shared, connection: &mut PgConnection) -> Result<View, ViewError> {
    // Also, and above all, when the active one cannot be written.
    if rebuild::is_wanted(&mut *connection).await? {
        shared.rebuild.notify_one();
    }
    let Some(active) = generation::active(&mut *connection).await? else {
        return Err(ViewError::broken("no generation is active"));
    };
    if !active.is_ours() {
        return Ok(View {
            problem: Some(format!(
                "generation {} is of version {}, this program writes version {}: replay",
                active.generation,
                active.version,
                control::VERSION
            )),
            ..View::default()
        });
    }
    let owned = lock::owned_shards(connection, active.generation).await?;
    let positions = checkpoint::positions(&mut *connection).await?;
    shared.board.positions(&positions);
    for shard in failure::retries_requested(&mut *connection, active.generation).await? {
        if let Some(retry) = shared.retry.get(usize::from(shard)) {
            retry.notify_one();
        }
    }
    Ok(View {
        generation: Some(active.generation),
        problem: None,
        owned: owned
            .into_iter()
            .fold(0, |bits, shard| bits | 1 << (shard % 64)),
    })
}
