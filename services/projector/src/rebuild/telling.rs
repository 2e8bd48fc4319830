//! Saying in the control schema how far a rebuild is.

use std::time::Duration;

use countersign_views::rebuild::{self, Step};
use countersign_views::{ViewError, pool};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::error::RebuildError;
use crate::progress::Progress;

/// How often it is said, whether there is news or not: silence means that
/// nobody is at it any more.
const EVERY: Duration = Duration::from_secs(1);

/// The longest that saying it may take.
const TELL_MAX: Duration = Duration::from_secs(3);

/// How often it is tried to say the end.
const END_TRIES: usize = 30;

/// One who says it, over a connection of its own. Dropped, it falls silent.
pub(super) struct Telling {
    postgres: PgConnectOptions,
    runner: String,
    step: watch::Sender<Option<Step>>,
    task: JoinSet<()>,
}

impl Telling {
    pub(super) fn start(postgres: PgConnectOptions, runner: String) -> Self {
        let (step, steps) = watch::channel(None);
        let mut task = JoinSet::new();
        task.spawn(say(postgres.clone(), runner.clone(), steps));
        Self {
            postgres,
            runner,
            step,
            task,
        }
    }

    pub(super) fn tell(&self, progress: &Progress) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate for people to read"
        )]
        let events_per_second = progress.events_per_second.round() as u64;
        self.step.send_replace(Some(Step {
            generation: progress.generation,
            phase: progress.phase.as_str(),
            positions: progress.positions.clone(),
            events_per_second,
            eta_seconds: progress.eta.map(|eta| eta.as_secs()),
        }));
    }

    /// Says how it ended. What cannot be said is taken up again, if somebody
    /// asked for it, or found to be lost.
    pub(super) async fn end(mut self, error: Option<&RebuildError>) {
        self.task.shutdown().await;
        let error = error.map(ToString::to_string);
        let mut again = interval(EVERY);
        for _ in 0..END_TRIES {
            again.tick().await;
            let said = async {
                let mut connection = connect(&self.postgres).await?;
                rebuild::end(&mut connection, &self.runner, error.as_deref()).await?;
                let _ = connection.close().await;
                Ok::<_, ViewError>(())
            };
            match timeout(TELL_MAX, said).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => tracing::debug!(%error, "the end of a rebuild was not said"),
                Err(_) => {}
            }
        }
        tracing::warn!("how a rebuild ended could not be said");
    }
}

async fn connect(postgres: &PgConnectOptions) -> Result<PgConnection, ViewError> {
    let options = pool::control_options(postgres.clone());
    Ok(options.connect().await?)
}

async fn say(postgres: PgConnectOptions, runner: String, steps: watch::Receiver<Option<Step>>) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut open = None;
    loop {
        tick.tick().await;
        let step = steps.borrow().clone();
        let said = async {
            let mut connection = match open.take() {
                Some(connection) => connection,
                None => connect(&postgres).await?,
            };
            rebuild::progress(&mut connection, &runner, step.as_ref()).await?;
            Ok::<_, ViewError>(connection)
        };
        match timeout(TELL_MAX, said).await {
            Ok(Ok(connection)) => open = Some(connection),
            Ok(Err(error)) => tracing::debug!(%error, "how far a rebuild is was not said"),
            Err(_) => tracing::debug!("how far a rebuild is was not said in time"),
        }
    }
}
