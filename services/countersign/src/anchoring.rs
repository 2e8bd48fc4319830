//! Comparing the log with its anchor before the first append.

use std::path::PathBuf;
use std::time::Duration;

use countersign_api::Clock;
use countersign_log::{GateState, Log};
use countersign_projector::anchor::CheckpointFile;
use countersign_projector::{Anchors, CheckError, check};
use countersign_views::{ViewError, control, pool};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::time::MissedTickBehavior;

use crate::parts;

const EVERY: Duration = Duration::from_millis(250);

/// Compares until it is known whether the log may be appended to.
///
/// What Postgres has seen and what the signed checkpoint file has seen both
/// count. Without Postgres nothing is known, and the log stays read-only: a
/// log that lost its end looks like any other from the inside.
pub async fn open_gate(log: Log, postgres: PgConnectOptions, file: Option<PathBuf>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let state = match compare(&log, &postgres, file.as_ref()).await {
            Ok(()) => GateState::Open,
            Err(Finding::Damaged { first_bad, finding }) => {
                tracing::error!(%first_bad, finding, "the log is damaged; nothing will be appended");
                GateState::Damaged { first_bad, finding }
            }
            Err(Finding::Unknown(reason)) => GateState::Unchecked(reason),
        };
        let known = !matches!(state, GateState::Unchecked(_));
        if let GateState::Unchecked(reason) = &state
            && log.gate().state() != state
        {
            tracing::warn!(
                reason,
                "the log is read-only until it can be compared with its anchor"
            );
        }
        log.gate().set(state);
        if known {
            return;
        }
    }
}

enum Finding {
    Damaged {
        first_bad: countersign_events::Position,
        finding: String,
    },
    Unknown(String),
}

async fn compare(
    log: &Log,
    postgres: &PgConnectOptions,
    file: Option<&PathBuf>,
) -> Result<(), Finding> {
    let unknown = |error: &dyn std::fmt::Display| Finding::Unknown(error.to_string());
    let mut anchors = seen_by_postgres(postgres)
        .await
        .map_err(|error| unknown(&error))?;
    if let Some(path) = file {
        let signer = parts::checkpoint_signer(log)
            .await
            .map_err(|error| unknown(&error))?;
        let found = CheckpointFile::read(path, log.prefix(), &signer.public_key());
        if let Some(file) = found.map_err(|error| unknown(&error))? {
            anchors = anchors.and(file.into());
        }
    }
    match check(log, &anchors, Clock::system().now()).await {
        Ok(()) => Ok(()),
        Err(CheckError::Damaged(damage)) => Err(Finding::Damaged {
            first_bad: damage.first_bad(),
            finding: damage.to_string(),
        }),
        Err(error) => Err(unknown(&error)),
    }
}

async fn seen_by_postgres(postgres: &PgConnectOptions) -> Result<Anchors, ViewError> {
    let options = pool::control_options(postgres.clone());
    let connecting = options.connect();
    let mut connection: PgConnection = tokio::time::timeout(Duration::from_secs(2), connecting)
        .await
        .map_err(|_| ViewError::unavailable("Postgres does not answer"))??;
    control::prepare(&mut connection).await?;
    Anchors::load(&mut connection).await
}
