//! `countersign replay` and `countersign repair`

use std::io::{IsTerminal, Write};
use std::sync::Mutex;

use countersign_api::Clock;
use countersign_openapi::display_safe;
use countersign_projector::{Outcome, Phase, Progress, Verification};
use countersign_views::{failure, pool};
use serde_json::{Value, json};

use super::output::{Output, document, one, write};
use crate::parts::{self, Failure};
use crate::settings::Settings;
use crate::{Exit, say, tell};

/// Makes the read models anew and switches to them.
pub async fn replay(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let log = parts::log(settings).await?;
    let shown = Shown::default();
    let report = |progress: &Progress| shown.show(progress);
    let outcome = countersign_projector::replay(&log, parts::postgres(settings)?, &report).await?;
    drop(shown);
    tell_outcome(output, &outcome)
}

/// Goes back to the read models before the last replay.
pub async fn switch_back(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let log = parts::log(settings).await?;
    let shown = Shown::default();
    let report = |progress: &Progress| shown.show(progress);
    let outcome =
        countersign_projector::switch_back(&log, parts::postgres(settings)?, &report).await?;
    drop(shown);
    tell_outcome(output, &outcome)
}

fn tell_outcome(output: Output, outcome: &Outcome) -> Result<Exit, Failure> {
    let said = json!({
        "generation": outcome.generation,
        "events": outcome.events,
        "elapsed_seconds": outcome.elapsed.as_secs_f64(),
        "events_per_second": outcome.events_per_second,
    });
    one(output, &said, outcome.generation, || {
        format!(
            "generation {} serves: {} events in {:.1} s, {:.0}/s",
            outcome.generation,
            outcome.events,
            outcome.elapsed.as_secs_f64(),
            outcome.events_per_second,
        )
    })?;
    Ok(Exit::Done)
}

/// Proves that the read models are what the log says. Exit code 1 if not.
pub async fn verify(settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let log = parts::log(settings).await?;
    let shown = Shown::default();
    let report = |progress: &Progress| shown.show(progress);
    let now = Clock::system().now();
    let postgres = parts::postgres(settings)?;
    let found = countersign_projector::verify(&log, postgres, now, &report).await?;
    drop(shown);
    let exit = if found.is_equal() {
        Exit::Done
    } else {
        Exit::Failed
    };
    if output != Output::Table {
        say_verification(output, &found)?;
        return Ok(exit);
    }
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
    } else {
        say("NOT equal: the read models are not what the log says");
    }
    Ok(exit)
}

/// The same for programs: as ids, the tables that differ.
fn say_verification(output: Output, found: &Verification) -> Result<(), Failure> {
    let tables = found.tables.iter();
    if output == Output::Id {
        for table in tables.filter(|table| !table.equal) {
            say(table.table);
        }
        return Ok(());
    }
    let tables = tables.map(|table| {
        json!({
            "table": table.table,
            "equal": table.equal,
            "rows_live": table.rows_live,
            "rows_replayed": table.rows_replayed,
            "differing": table.differing,
        })
    });
    let positions = found.positions.iter().map(ToString::to_string);
    let said = json!({
        "equal": found.is_equal(),
        "generation": found.generation,
        "events": found.events,
        "positions": positions.collect::<Vec<_>>(),
        "damage": found.damage.as_ref().map(ToString::to_string),
        "tables": tables.collect::<Vec<_>>(),
    });
    document(output, &said)
}

/// Asks for another try of the event that a projection stopped at.
pub async fn repair(
    settings: &Settings,
    shard: Option<u8>,
    output: Output,
) -> Result<Exit, Failure> {
    let pool = pool::api_pool(parts::postgres(settings)?, 1);
    let stopped = failure::list(&pool).await?;
    if stopped.is_empty() {
        tell("nothing has stopped");
    }
    let mut tried = Vec::new();
    for failure in stopped {
        let position = failure.position;
        if shard.is_some_and(|shard| shard != position.shard) {
            continue;
        }
        failure::request_retry(&pool, position.shard).await?;
        tried.push(json!({
            "shard": position.shard,
            "position": position.to_string(),
            "subject": failure.subject,
            "attempts": failure.attempts,
            "error": failure.error,
        }));
    }
    let text = |one: &Value, name: &str| match &one[name] {
        Value::String(text) => display_safe(text).into_owned(),
        other => other.to_string(),
    };
    let head = &["SHARD", "TRYING AGAIN", "ATTEMPTS", "SUBJECT AND ERROR"];
    let row = |one: &Value| {
        vec![
            text(one, "shard"),
            text(one, "position"),
            text(one, "attempts"),
            format!("{}: {}", text(one, "subject"), text(one, "error")),
        ]
    };
    write(output, &tried, head, row, |one| text(one, "shard"))?;
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
}

/// Whatever is said next begins a line of its own, also after Ctrl-C.
impl Drop for Shown {
    fn drop(&mut self) {
        let any = self
            .0
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .is_some();
        if any && std::io::stderr().is_terminal() {
            tell("");
        }
    }
}
