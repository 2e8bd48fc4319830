//! `countersign accounts` about one account.

use clap::{Args, Subcommand};
use countersign_openapi::{Account, Attempt, AttemptOutcome, display_safe};
use countersign_tui::Client;
use uuid::Uuid;

use super::operate::{Operate, Page, signed_in};
use super::output::{done, facts, moment, note_next, word, write};
use crate::Exit;
use crate::parts::Failure;

/// What to do with one account.
#[derive(Subcommand)]
pub enum OneAccount {
    /// Says how the last tries to sign in went, newest first: why did the last
    /// login fail?
    #[command(
        after_help = "Examples:\n  countersign accounts attempts 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007\n  countersign accounts attempts 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 --limit 1 -o jsonl"
    )]
    Attempts {
        /// Its id.
        id: Uuid,
        #[command(flatten)]
        page: Page,
    },
    /// Suspends an account: its sessions end, and it cannot log in.
    #[command(
        after_help = "Examples:\n  countersign accounts suspend 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 --reason \"incident 311\"\n  countersign accounts suspend 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 --reason \"incident 311\" --wait -o json"
    )]
    Suspend(Ending),
    /// Lets a suspended account log in again.
    #[command(
        after_help = "Examples:\n  countersign accounts reinstate 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 --reason \"incident 311 is over\"\n  countersign accounts reinstate 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 --reason \"asked for by phone\" -o id"
    )]
    Reinstate {
        /// Its id.
        id: Uuid,
        /// Why; kept in the log.
        #[arg(long)]
        reason: String,
    },
    /// Ends every session of an account.
    #[command(
        after_help = "Examples:\n  countersign accounts revoke-sessions 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 --reason \"lost phone\"\n  countersign accounts revoke-sessions 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 --reason \"lost phone\" --wait"
    )]
    RevokeSessions(Ending),
    /// Takes an account's second factors away, and ends its sessions.
    #[command(
        after_help = "Examples:\n  countersign accounts reset-factors 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 --reason \"lost phone, case 8412\"\n  countersign accounts reset-factors 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 --reason \"lost phone\" --wait -o json"
    )]
    ResetFactors(Ending),
}

/// What ends sessions of an account, and why.
#[derive(Args)]
pub struct Ending {
    /// Its id.
    id: Uuid,
    /// Why; kept in the log.
    #[arg(long)]
    reason: String,
    /// Waits, two seconds at most, until every verifier has applied it. Ends
    /// with 6 and names those that have not.
    #[arg(long)]
    wait: bool,
}

const ATTEMPT_HEAD: &str =
    "AT                    OUTCOME         FROM                SESSION OR REQUEST";

/// One account.
pub(super) async fn one_account(what: OneAccount, operate: &Operate) -> Result<Exit, Failure> {
    let output = operate.output;
    let (id, text, (position, applied)) = match what {
        OneAccount::Attempts { id, page } => {
            let (limit, after) = (page.limit, page.after.as_deref());
            let list = async |client: &mut Client| client.attempts(id, limit, after).await;
            let found = signed_in(operate, list).await?;
            write(output, &found.items, ATTEMPT_HEAD, attempt_row, subject)?;
            note_next(found.next.as_deref());
            return Ok(Exit::Done);
        }
        OneAccount::Reinstate { id, reason } => {
            let reinstate = async |client: &mut Client| client.reinstate_account(id, &reason).await;
            let position = signed_in(operate, reinstate).await?;
            (id, "may log in again", (position, None))
        }
        OneAccount::Suspend(Ending { id, reason, wait }) => {
            let suspend =
                async |client: &mut Client| client.suspend_account(id, &reason, wait).await;
            (id, "is suspended", signed_in(operate, suspend).await?)
        }
        OneAccount::RevokeSessions(Ending { id, reason, wait }) => {
            let revoke =
                async |client: &mut Client| client.revoke_account_sessions(id, &reason, wait).await;
            let revoked = signed_in(operate, revoke).await?;
            (id, "has no sessions", revoked)
        }
        OneAccount::ResetFactors(Ending { id, reason, wait }) => {
            let reset =
                async |client: &mut Client| client.reset_account_factors(id, &reason, wait).await;
            let reset = signed_in(operate, reset).await?;
            (id, "has no second factors", reset)
        }
    };
    let text = format!("account {id} {text}");
    done(output, id, &text, &position, applied.as_ref())
}

/// What is known of one account.
pub(super) fn account_facts(account: &Account) -> String {
    let sessions = account.sessions_active.map(|count| count.to_string());
    let verified = if account.email_verified {
        "verified"
    } else {
        "not verified"
    };
    facts(&[
        ("account", account.id.to_string()),
        ("email", account.email.clone()),
        ("address is", verified.to_owned()),
        ("name", account.display_name.clone().unwrap_or_default()),
        ("state", word(&account.state)),
        ("roles", account.roles.join(" ")),
        ("second factor", yes_or_no(account.mfa).to_owned()),
        ("factors", account.factors.join(" ")),
        ("sessions", sessions.unwrap_or_default()),
        ("registered", moment(account.created_at)),
    ])
}

fn yes_or_no(is_so: bool) -> &'static str {
    if is_so { "asked for" } else { "not asked for" }
}

/// What an attempt can be looked up by: the session it opened, or else the
/// request it was.
fn subject(attempt: &Attempt) -> String {
    let id = attempt.session_id.or(attempt.correlation_id);
    id.map_or_else(|| "-".to_owned(), |id| id.to_string())
}

fn attempt_row(attempt: &Attempt) -> String {
    let outcome = match attempt.outcome {
        AttemptOutcome::SignedIn => "signed in",
        AttemptOutcome::WrongPassword => "wrong password",
        AttemptOutcome::WrongFactor => "wrong factor",
        AttemptOutcome::Throttled => "throttled",
        AttemptOutcome::Shed => "turned away",
    };
    format!(
        "{:<20}  {outcome:<14}  {:<18}  {}",
        moment(attempt.at),
        display_safe(attempt.network.as_deref().unwrap_or("-")),
        subject(attempt),
    )
}
