//! Rebuilds that operators ask for over HTTP.

use std::sync::Arc;
use std::time::Duration;

use countersign_views::{ViewError, pool, rebuild};
use sqlx::{ConnectOptions, Connection};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Outcome, begin, make_anew};
use crate::error::RebuildError;
use crate::projector::Shared;

/// How often it is tried to take up what is wanted: somebody else may be
/// rebuilding or verifying.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// The longest that giving back may take.
const GIVE_BACK_MAX: Duration = Duration::from_secs(3);

/// Takes up what is asked for until stopped. Who stops in the middle leaves
/// the whole to another, or to itself when it is started again.
pub(crate) async fn serve(shared: Arc<Shared>) {
    let mut tick = interval(TRY_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            () = shared.rebuild.notified() => {}
        }
        let taken = tokio::select! {
            biased;
            () = shared.stop.cancelled() => None,
            taken = take_up(&shared) => Some(taken),
        };
        let Some(taken) = taken else {
            return give_back(&shared).await;
        };
        match taken {
            Ok(Some(outcome)) => {
                tracing::info!(
                    generation = outcome.generation,
                    events = outcome.events,
                    "the read models were made anew"
                );
                shared.look_now.notify_one();
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "the read models were not made anew"),
        }
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            _ = tick.tick() => {}
        }
    }
}

/// None: somebody else is at it, or was quicker.
async fn take_up(shared: &Shared) -> Result<Option<Outcome>, RebuildError> {
    let mut control = match begin(&shared.postgres).await {
        Ok(control) => control,
        Err(RebuildError::Refused(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !rebuild::take_up(&mut control, &shared.name).await? {
        let _ = control.close().await;
        return Ok(None);
    }
    tracing::info!("making the read models anew, as somebody asked");
    let outcome = make_anew(
        &shared.log,
        &shared.postgres,
        control,
        &shared.name,
        &|_| (),
    );
    outcome.await.map(Some)
}

/// Of who stops; what cannot be said counts as a try.
async fn give_back(shared: &Shared) {
    let given = async {
        let options = pool::control_options(shared.postgres.clone());
        let mut connection = options.connect().await?;
        rebuild::give_back(&mut connection, &shared.name).await?;
        let _ = connection.close().await;
        Ok::<_, ViewError>(())
    };
    match timeout(GIVE_BACK_MAX, given).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a rebuild was not given back"),
        Err(_) => tracing::warn!("a rebuild was not given back in time"),
    }
}
