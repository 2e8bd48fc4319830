//! `countersign verifiers`

use clap::Subcommand;
use countersign_openapi::{Applied, Verifier, VerifierState, display_safe};
use countersign_tui::Client;

use super::operate::{Operate, signed_in};
use super::output::write;
use crate::parts::Failure;
use crate::{Exit, tell};

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

/// How a command ends that waited for verifiers: how many have applied it is
/// said on stderr, and those that are behind are named.
pub(super) fn waited(applied: &Applied) -> Exit {
    let behind = u64::try_from(applied.behind.len()).unwrap_or(u64::MAX);
    let all = applied.verifiers;
    tell(&format!(
        "applied by {} of {all} verifiers",
        all.saturating_sub(behind)
    ));
    for one in &applied.behind {
        tell(&format!(
            "not applied by {} ({}, {}{})",
            display_safe(&one.name),
            one.id,
            state(one.state),
            one.staleness_ms
                .map_or_else(String::new, |stale| format!(", {} stale", seconds(stale))),
        ));
    }
    if applied.behind.is_empty() {
        Exit::Done
    } else {
        Exit::Partial
    }
}
