//! `countersign accounts` about one account.

use clap::{Args, Subcommand};
use countersign_openapi::{Account, Attempt, AttemptOutcome, ProblemCode, ProblemDetails};
use countersign_tui::{Client, ClientError};
use uuid::Uuid;

use super::operate::{Operate, signed_in};
use super::output::{done, facts, moment, or_dash, word, write};
use crate::Exit;
use crate::parts::Failure;

/// What to do with one account.
#[derive(Subcommand)]
pub enum OneAccount {
    /// Says how the last tries to sign in went, newest first: why did the last
    /// login fail?
    #[command(
        after_help = "Examples:\n  countersign accounts attempts ada@example.com\n  countersign accounts attempts 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 --limit 1 -o jsonl"
    )]
    Attempts {
        /// Its id or its address.
        #[arg(value_parser = named)]
        account: Named,
        /// How many at most, 1 to 200; there is one page.
        #[arg(long, default_value_t = 50)]
        limit: u16,
    },
    /// Suspends an account: its sessions end, and it cannot log in.
    #[command(
        after_help = "Examples:\n  countersign accounts suspend ada@example.com --reason \"incident 311\"\n  countersign accounts suspend 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 --reason \"incident 311\" --wait -o json"
    )]
    Suspend(Ending),
    /// Lets a suspended account log in again.
    #[command(
        after_help = "Examples:\n  countersign accounts reinstate 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 --reason \"incident 311 is over\"\n  countersign accounts reinstate 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007 --reason \"asked for by phone\" -o id"
    )]
    Reinstate {
        /// Its id or its address.
        #[arg(value_parser = named)]
        account: Named,
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
    /// Its id or its address.
    #[arg(value_parser = named)]
    account: Named,
    /// Why; kept in the log.
    #[arg(long)]
    reason: String,
    /// Waits, two seconds at most, until every verifier has applied it. Ends
    /// with 6 and names those that have not.
    #[arg(long)]
    wait: bool,
}

/// An account as people call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By its id.
    Id(Uuid),
    /// By its address, in any case of letters.
    Address(String),
}

/// Reads what an account is called by.
pub(super) fn named(text: &str) -> Result<Named, String> {
    match text.parse() {
        Ok(id) => Ok(Named::Id(id)),
        Err(_) if text.contains('@') => Ok(Named::Address(text.to_owned())),
        Err(_) => {
            let way = "`countersign accounts list --q TEXT` finds both";
            Err(format!("expected an id or an address; {way}"))
        }
    }
}

/// Rows of a page, and pages, in which an address is looked for: there are more
/// than one if many addresses contain it.
const PAGE_ROWS: u16 = 200;
const PAGES_MAX: usize = 50;

impl Named {
    /// The account's id; that of whoever had the address then, if a moment is
    /// given.
    pub(super) async fn id(
        &self,
        client: &Client,
        as_of: Option<&str>,
    ) -> Result<Uuid, ClientError> {
        let address = match self {
            Self::Id(id) => return Ok(*id),
            Self::Address(address) => address,
        };
        let wanted = address.to_lowercase();
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let page = client.accounts(Some(address), PAGE_ROWS, after.as_deref(), as_of);
            let page = page.await?;
            let is_it = |one: &&Account| one.email.to_lowercase() == wanted;
            let mut found = page.items.iter().filter(is_it);
            match (found.next(), found.next()) {
                (Some(one), None) => return Ok(one.id),
                (Some(_), Some(_)) => {
                    return Err(told(
                        ProblemCode::Conflict,
                        "more than one account is shown with this address while it changes hands: name one by its id",
                    ));
                }
                (None, _) => after = page.next,
            }
            if after.is_none() {
                break;
            }
        }
        Err(told(
            ProblemCode::NotFound,
            "no account has this address; `countersign accounts list --q TEXT` finds accounts by a part of it, or of a name",
        ))
    }
}

/// What the service would say, had it looked for the address.
fn told(code: ProblemCode, detail: &str) -> ClientError {
    let mut details = ProblemDetails::new(code);
    details.detail = Some(detail.to_owned());
    ClientError::Problem(Box::new(details))
}

const ATTEMPT_HEAD: &[&str] = &["AT", "OUTCOME", "FROM", "SESSION OR REQUEST"];

/// One account.
pub(super) async fn one_account(what: OneAccount, operate: &Operate) -> Result<Exit, Failure> {
    let output = operate.output;
    let (id, text, (position, applied)) = match what {
        OneAccount::Attempts { account, limit } => {
            let list = async |client: &mut Client| {
                let id = account.id(client, None).await?;
                client.attempts(id, limit).await
            };
            let found = signed_in(operate, list).await?;
            write(output, &found.items, ATTEMPT_HEAD, attempt_row, subject)?;
            return Ok(Exit::Done);
        }
        OneAccount::Reinstate { account, reason } => {
            let reinstate = async |client: &mut Client| {
                let id = account.id(client, None).await?;
                let done = client.reinstate_account(id, &reason).await?;
                Ok::<_, ClientError>((id, done))
            };
            let (id, position) = signed_in(operate, reinstate).await?;
            (id, "may log in again", (position, None))
        }
        OneAccount::Suspend(of) => {
            let suspend = async |client: &mut Client| {
                let id = of.account.id(client, None).await?;
                let done = client.suspend_account(id, &of.reason, of.wait);
                Ok::<_, ClientError>((id, done.await?))
            };
            let (id, done) = signed_in(operate, suspend).await?;
            (id, "is suspended", done)
        }
        OneAccount::RevokeSessions(of) => {
            let revoke = async |client: &mut Client| {
                let id = of.account.id(client, None).await?;
                let done = client.revoke_account_sessions(id, &of.reason, of.wait);
                Ok::<_, ClientError>((id, done.await?))
            };
            let (id, done) = signed_in(operate, revoke).await?;
            (id, "has no sessions", done)
        }
        OneAccount::ResetFactors(of) => {
            let reset = async |client: &mut Client| {
                let id = of.account.id(client, None).await?;
                let done = client.reset_account_factors(id, &of.reason, of.wait);
                Ok::<_, ClientError>((id, done.await?))
            };
            let (id, done) = signed_in(operate, reset).await?;
            (id, "has no second factors", done)
        }
    };
    let text = format!("account {id} {text}");
    done(output, id, &text, &position, applied.as_ref())
}

/// Columns of a list of accounts.
pub(super) const ACCOUNT_HEAD: &[&str] = &[
    "ACCOUNT",
    "STATE",
    "EMAIL",
    "FACTORS",
    "REGISTERED",
    "ROLES",
];

pub(super) fn account_row(account: &Account) -> Vec<String> {
    let factors = account.factors.join(" ");
    vec![
        account.id.to_string(),
        word(&account.state),
        account.email.clone(),
        if factors.is_empty() {
            "-".to_owned()
        } else {
            factors
        },
        moment(account.created_at),
        account.roles.join(" "),
    ]
}

/// What is known of one account.
pub(super) fn account_facts(account: &Account) -> String {
    let sessions = account.sessions_active.map(|count| count.to_string());
    let noted = account.noted.as_ref();
    let noted = noted.map(|noted| {
        let (at, what) = (moment(noted.at), noted.what.replace('_', " "));
        (format!("{at} by {}: {what}", noted.by), noted.note.clone())
    });
    let (done, note) = noted.unwrap_or_default();
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
        ("operator", done),
        ("note", note),
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

fn attempt_row(attempt: &Attempt) -> Vec<String> {
    let outcome = match attempt.outcome {
        AttemptOutcome::SignedIn => "signed in",
        AttemptOutcome::WrongPassword => "wrong password",
        AttemptOutcome::WrongFactor => "wrong factor",
        AttemptOutcome::Throttled => "throttled",
        AttemptOutcome::Shed => "turned away",
    };
    vec![
        moment(attempt.at),
        outcome.to_owned(),
        or_dash(attempt.network.as_deref()),
        subject(attempt),
    ]
}
