//! `countersign verifiers`

use clap::Subcommand;
use countersign_openapi::{Applied, Verifier, VerifierBehind, VerifierState, display_safe};
use countersign_tui::Client;

use super::operate::{Operate, signed_in};
use super::output::write;
use crate::parts::Failure;
use crate::{Exit, tell};

/// How many verifiers that are behind are named: the list of all has them all.
const NAMED_MAX: usize = 20;

/// What to do with verifiers.
#[derive(Subcommand)]
pub enum Verifiers {
    /// Lists everybody who checks tokens and reports, by name.
    #[command(
        after_help = "Examples:\n  countersign verifiers list\n  countersign verifiers list -o jsonl"
    )]
    List,
}

const HEAD: &[&str] = &["VERIFIER", "NAME", "STATE", "STALE", "HEARD", "POSITION"];

/// Verifiers.
pub async fn verifiers(what: Verifiers, operate: &Operate) -> Result<Exit, Failure> {
    let Verifiers::List = what;
    let list = async |client: &mut Client| client.verifiers().await;
    let found = signed_in(operate, list).await?;
    write(operate.output, &found.items, HEAD, row, |one| one.id)?;
    Ok(Exit::Done)
}

fn row(one: &Verifier) -> Vec<String> {
    let position = one.position.as_ref().map_or_else(String::new, |position| {
        let sequences: Vec<String> = position.iter().map(u64::to_string).collect();
        sequences.join("-")
    });
    vec![
        one.id.to_string(),
        one.name.clone(),
        state(one.state).to_owned(),
        one.staleness_ms.map_or_else(|| "-".to_owned(), seconds),
        seconds(one.heard_ms_ago),
        position,
    ]
}

fn state(state: VerifierState) -> &'static str {
    match state {
        VerifierState::Live => "live",
        VerifierState::Silent => "silent",
    }
}

fn seconds(millis: u64) -> String {
    format!("{}.{} s", millis / 1_000, millis % 1_000 / 100)
}

/// Who has applied something, in lines that are safe to show: how many, and the
/// names of those that are behind.
pub(super) fn lines(applied: &Applied) -> Vec<String> {
    let behind = u64::try_from(applied.behind.len()).unwrap_or(u64::MAX);
    let all = applied.verifiers;
    let number = all.saturating_sub(behind);
    let mut lines = vec![format!("applied by {number} of {all} verifiers")];
    lines.extend(applied.behind.iter().take(NAMED_MAX).map(not_applied));
    let more = applied.behind.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        lines.push(format!(
            "and by {more} more: `countersign verifiers list` names all"
        ));
    }
    lines
}

/// A verifier that is behind, and what protects its service meanwhile.
fn not_applied(one: &VerifierBehind) -> String {
    let stale = one.staleness_ms.map(seconds);
    let stale = stale.map_or_else(String::new, |stale| format!(", {stale} stale"));
    let refuses = match (one.state, one.max_staleness_ms) {
        (VerifierState::Silent, _) => "; it refuses everything".to_owned(),
        (VerifierState::Live, Some(most)) => {
            format!("; it refuses everything once {} stale", seconds(most))
        }
        (VerifierState::Live, None) => String::new(),
    };
    format!(
        "not applied by {} ({}, {}{stale}{refuses})",
        display_safe(&one.name),
        one.id,
        state(one.state),
    )
}

/// How a command ends that waited for verifiers: who has applied it is said on
/// stderr.
pub(super) fn waited(applied: &Applied) -> Exit {
    for line in lines(applied) {
        tell(&line);
    }
    if applied.behind.is_empty() {
        Exit::Done
    } else {
        Exit::Partial
    }
}
