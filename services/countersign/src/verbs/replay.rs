//! `countersign replay` and `countersign repair`

use std::io::{IsTerminal, Write};
use std::sync::Mutex;

use countersign_api::Clock;
use countersign_projector::{Outcome, Phase, Progress};
use countersign_views::{failure, pool};

use crate::parts::{self, Failure};
use crate::settings::Settings;
use crate::{Exit, say, tell};

/// Makes the read models anew and switches to them.
pub async fn replay(settings: &Settings) -> Result<Exit, Failure> {
    let log = parts::log(settings).await?;
    let shown = Shown::default();
    let report = |progress: &Progress| shown.show(progress);
    let outcome = countersign_projector::replay(&log, parts::postgres(settings)?, &report).await?;
    shown.end();
    tell_outcome(&outcome);
    Ok(Exit::Done)
}

/// Goes back to the read models before the last replay.
pub async fn switch_back(settings: &Settings) -> Result<Exit, Failure> {
    let log = parts::log(settings).await?;
    let shown = Shown::default();
    let report = |progress: &Progress| shown.show(progress);
    let outcome =
        countersign_projector::switch_back(&log, parts::postgres(settings)?, &report).await?;
    shown.end();
    tell_outcome(&outcome);
    Ok(Exit::Done)
}

fn tell_outcome(outcome: &Outcome) {
    say(&format!(
        "generation {} serves: {} events in {:.1} s, {:.0}/s",
        outcome.generation,
        outcome.events,
        outcome.elapsed.as_secs_f64(),
        outcome.events_per_second,
    ));
}

/// Proves that the read models are what the log says. Exit code 1 if not.
pub async fn verify(settings: &Settings) -> Result<Exit, Failure> {
    let log = parts::log(settings).await?;
    let shown = Shown::default();
    let report = |progress: &Progress| shown.show(progress);
    let now = Clock::system().now();
    let postgres = parts::postgres(settings)?;
    let found = countersign_projector::verify(&log, postgres, now, &report).await?;
    shown.end();
    for table in &found.tables {
        let verdict = if table.equal { "equal" } else { "DIFFERENT" };
        say(&format!(
            "{:<12} {:>10} rows live {:>10} rows replayed   {verdict}",
            table.table, table.rows_live, table.rows_replayed
        ));
        for key in &table.differing {
            say(&format!("  differs: {key}"));
        }
    }
    if let Some(damage) = &found.damage {
        say(&format!("log          {damage}"));
    }
    let positions: Vec<String> = found.positions.iter().map(ToString::to_string).collect();
    if found.is_equal() {
        say(&format!(
            "equal: generation {} is what {} events say, up to {}",
            found.generation,
            found.events,
            positions.join(" ")
        ));
        return Ok(Exit::Done);
    }
    say("NOT equal: the read models are not what the log says");
    Ok(Exit::Failed)
}

/// Asks for another try of the event that a projection stopped at.
pub async fn repair(settings: &Settings, shard: Option<u8>) -> Result<Exit, Failure> {
    let pool = pool::api_pool(parts::postgres(settings)?, 1);
    let stopped = failure::list(&pool).await?;
    if stopped.is_empty() {
        say("nothing has stopped");
        return Ok(Exit::Done);
    }
    for failure in stopped {
        let position = failure.position;
        if shard.is_some_and(|shard| shard != position.shard) {
            continue;
        }
        failure::request_retry(&pool, position.shard).await?;
        say(&format!(
            "shard {}: trying {position} again ({}, {} attempts so far: {})",
            position.shard, failure.subject, failure.attempts, failure.error
        ));
    }
    Ok(Exit::Done)
}

/// Progress for people: one line that is written over on a terminal, a line a
/// phase elsewhere.
#[derive(Default)]
struct Shown(Mutex<Option<Phase>>);

impl Shown {
    fn show(&self, progress: &Progress) {
        let mut last = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let eta = progress
            .eta
            .map_or(String::new(), |eta| format!(", {} s to go", eta.as_secs()));
        let line = format!(
            "{}: {} of {} events, {:.0}/s{eta}",
            progress.phase.as_str(),
            progress.done,
            progress.total,
            progress.events_per_second,
        );
        if std::io::stderr().is_terminal() {
            let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
        } else if *last != Some(progress.phase) {
            tell(&line);
        }
        *last = Some(progress.phase);
    }

    fn end(&self) {
        let any = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .is_some();
        if any && std::io::stderr().is_terminal() {
            tell("");
        }
    }
}
