//! One shard: become its owner, follow the log, write batch after batch.

use std::sync::Arc;
use std::time::Duration;

use countersign_views::{ViewError, checkpoint, failure, lock, pool};
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use crate::anchor::GENESIS;
use crate::batch::StuckEvent;
use crate::monitor::View;
use crate::projector::Shared;
use crate::status::ShardState;

mod owner;

use owner::Owner;

/// How often an owner shows Postgres that it lives. Postgres closes a session
/// that is silent for five seconds, and with it gives its shard to another.
const PING_EVERY: Duration = Duration::from_secs(1);

/// The longest a ping may take.
const PING_MAX: Duration = Duration::from_secs(2);

/// The longest that becoming the owner may take.
const OWN_MAX: Duration = Duration::from_secs(5);

/// Why an owner does not go on.
#[derive(Debug)]
enum Halt {
    /// The projector stops.
    Stop,
    /// The shard is no longer this owner's: another generation is active, or
    /// somebody else wrote.
    Lost,
    /// Postgres is not there, and with it the ownership is gone.
    Unavailable(String),
    /// NATS is not there. The shard is kept.
    Silent(String),
    /// An event cannot be projected. The shard is kept.
    Stuck(StuckEvent),
}

impl From<ViewError> for Halt {
    fn from(error: ViewError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Owns a shard whenever it has no owner, until stopped.
pub(crate) async fn run(shard: u8, shared: Arc<Shared>, mut view: watch::Receiver<View>) {
    loop {
        let seen = view.borrow_and_update().clone();
        let waiting = |reason| shared.board.state(shard, ShardState::Waiting, reason);
        match seen.generation {
            None => waiting(seen.problem),
            Some(_) if seen.is_owned(shard) => {
                shared.board.state(shard, ShardState::Standby, None);
            }
            Some(generation) => match own(shard, generation, &shared, &mut view).await {
                Halt::Stop => return,
                Halt::Lost => shared.look_now.notify_one(),
                Halt::Unavailable(reason) | Halt::Silent(reason) => {
                    tracing::debug!(shard, reason, "a shard waits");
                    waiting(Some(reason));
                }
                Halt::Stuck(event) => waiting(Some(event.to_string())),
            },
        }
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            changed = view.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

/// Tries to become the owner, and is it for as long as that goes well.
async fn own(
    shard: u8,
    generation: i32,
    shared: &Shared,
    view: &mut watch::Receiver<View>,
) -> Halt {
    let begin = async {
        let options = pool::writer_options(shared.postgres.clone(), generation);
        let mut connection = options.connect().await?;
        if !lock::try_own_shard(&mut connection, generation, shard).await? {
            return Ok(None);
        }
        let checkpoint = checkpoint::begin(&mut connection, shard, GENESIS).await?;
        failure::clear(&mut connection, generation, checkpoint.position).await?;
        Ok::<_, ViewError>(Some((connection, checkpoint)))
    };
    let (connection, checkpoint) = match timeout(OWN_MAX, begin).await {
        Ok(Ok(Some(begun))) => begun,
        Ok(Ok(None)) => {
            shared.board.state(shard, ShardState::Standby, None);
            return Halt::Lost;
        }
        Ok(Err(error)) => return error.into(),
        Err(_) => return Halt::Unavailable("Postgres does not answer".into()),
    };
    tracing::info!(shard, generation, from = %checkpoint.position, "projecting");
    let mut ping = interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut owner = Owner::new(shared, generation, connection, checkpoint, ping);
    let halt = owner.serve(view).await;
    if matches!(halt, Halt::Stop | Halt::Lost) {
        // Closed properly, the shard is free at once.
        let _ = timeout(PING_MAX, owner.into_connection().close()).await;
    }
    halt
}

async fn ping(connection: &mut PgConnection) -> Result<(), ViewError> {
    match timeout(PING_MAX, connection.ping()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(ViewError::unavailable("no answer in time")),
    }
}

/// Keeps the connection alive while something else is waited for.
async fn while_pinging<T>(
    connection: &mut PgConnection,
    tick: &mut Interval,
    work: impl Future<Output = T>,
) -> Result<T, ViewError> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return Ok(done),
            _ = tick.tick() => ping(connection).await?,
        }
    }
}

/// Returns when the shard must be left: another generation is active, or the
/// projector stops.
async fn leave(shared: &Shared, view: &mut watch::Receiver<View>, generation: i32) -> Halt {
    loop {
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return Halt::Stop,
            changed = view.changed() => if changed.is_err() {
                return Halt::Stop;
            },
        }
        let active = view.borrow_and_update().generation;
        if active.is_some_and(|active| active != generation) {
            return Halt::Lost;
        }
    }
}
