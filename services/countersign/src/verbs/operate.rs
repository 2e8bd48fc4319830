//! `countersign sessions` and `countersign accounts`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use countersign_openapi::{Account, Session, SessionState, display_safe};
use countersign_tui::{Client, ClientError, Context, SessionQuery};
use serde::Serialize;
use uuid::Uuid;

use super::as_of::{self, AsOf};
use super::revocations::Order;
use super::verifiers::waited;
use crate::parts::Failure;
use crate::{Exit, say};

/// What to do with sessions.
#[derive(Subcommand)]
pub enum Sessions {
    /// Lists sessions, newest first.
    List {
        /// Only those whose account's address or name contains this.
        #[arg(long)]
        q: Option<String>,
        /// active, expired, revoked or any.
        #[arg(long)]
        state: Option<String>,
        /// Only those from this address or network.
        #[arg(long)]
        ip: Option<String>,
        /// As it was then: 2026-11-22T14:03:07Z, "2026-11-22 14:03:07" or
        /// 14:03:07, in UTC.
        #[arg(long, value_name = "TIME", value_parser = as_of::parse)]
        as_of: Option<AsOf>,
        #[command(flatten)]
        page: Page,
    },
    /// Shows one session; as of a time, with what led to each field.
    Show {
        /// Its id.
        id: Uuid,
        /// As it was then: 2026-11-22T14:03:07Z, "2026-11-22 14:03:07" or
        /// 14:03:07, in UTC.
        #[arg(long, value_name = "TIME", value_parser = as_of::parse)]
        as_of: Option<AsOf>,
    },
    /// Ends a session, or every session of a kind.
    Revoke {
        /// Its id.
        #[arg(required_unless_present = "condition", conflicts_with = "condition")]
        id: Option<Uuid>,
        /// Every session of which all of this is true, by what its sign-in was:
        /// account, client, network, user-agent, acr, acr-below, key,
        /// started-before, started-after, or all.
        #[arg(long = "where", value_name = "NAME=VALUE ...")]
        condition: Option<String>,
        /// Why; kept in the log.
        #[arg(long, required_unless_present = "dry_run")]
        reason: Option<String>,
        /// Says what would end, and ends nothing.
        #[arg(long, requires = "condition")]
        dry_run: bool,
        /// Ends nothing unless it is so many. Asked for on a terminal when it
        /// is left out.
        #[arg(long, value_name = "N", requires = "condition")]
        expect: Option<u64>,
        /// Waits, two seconds at most after the end, until every verifier has
        /// applied it. Ends with 6 and names those that have not.
        #[arg(long)]
        wait: bool,
    },
}

/// What to do with accounts.
#[derive(Subcommand)]
pub enum Accounts {
    /// Lists accounts, newest first.
    List {
        /// Only those whose address or name contains this.
        #[arg(long)]
        q: Option<String>,
        /// As it was then: 2026-11-22T14:03:07Z, "2026-11-22 14:03:07" or
        /// 14:03:07, in UTC.
        #[arg(long, value_name = "TIME", value_parser = as_of::parse)]
        as_of: Option<AsOf>,
        #[command(flatten)]
        page: Page,
    },
    /// Shows one account; as of a time, with what led to each field.
    Show {
        /// Its id.
        id: Uuid,
        /// As it was then: 2026-11-22T14:03:07Z, "2026-11-22 14:03:07" or
        /// 14:03:07, in UTC.
        #[arg(long, value_name = "TIME", value_parser = as_of::parse)]
        as_of: Option<AsOf>,
    },
}

/// Which part of a list.
#[derive(Args)]
pub struct Page {
    /// How many rows, 1 to 200.
    #[arg(long, default_value_t = 50)]
    pub(super) limit: u16,
    /// The cursor that the list before ended with.
    #[arg(long)]
    pub(super) after: Option<String>,
}

/// Where the deployment is and how to write the answer.
#[derive(Args)]
pub struct Operate {
    /// The directory of `countersign dev`. Else COUNTERSIGN_URL and
    /// COUNTERSIGN_TOKEN count, else .data/dev.
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<PathBuf>,
    /// How the answer is written.
    #[arg(short, long, value_enum, default_value_t, global = true)]
    pub(super) output: Output,
}

/// How an answer is written.
#[derive(Clone, Copy, Default, ValueEnum)]
pub enum Output {
    /// Columns for people.
    #[default]
    Table,
    /// One JSON document, as the service answers.
    Json,
    /// One JSON document a line.
    Jsonl,
    /// The id alone.
    Id,
}

impl Output {
    fn is_table(self) -> bool {
        matches!(self, Self::Table)
    }
}

/// Signs in, or goes on with the session of the command before, and does it.
pub(super) async fn signed_in<T>(
    operate: &Operate,
    what: impl AsyncFnOnce(&mut Client) -> Result<T, ClientError>,
) -> Result<T, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let context = Context::find(operate.data_dir.as_deref(), variable).map_err(Failure::other)?;
    let mut client = Client::connect(&context).await?;
    let outcome = what(&mut client).await;
    let left = client.disconnect().await;
    let outcome = outcome?;
    left?;
    Ok(outcome)
}

/// Sessions.
pub async fn sessions(what: Sessions, operate: &Operate) -> Result<Exit, Failure> {
    let output = operate.output;
    let write = |items: &[Session]| write(output, items, SESSION_HEAD, session_row, |item| item.id);
    match what {
        Sessions::List {
            q,
            state,
            ip,
            as_of,
            page,
        } => {
            let (limit, after) = (page.limit, page.after);
            let query = SessionQuery {
                q,
                state,
                ip,
                limit,
                after,
                as_of: as_of.map(|as_of| as_of.0),
            };
            let found = signed_in(operate, async |client| client.sessions(&query).await).await?;
            write(&found.items)?;
            note_next(found.next.as_deref());
        }
        Sessions::Show { id, as_of } => {
            let as_of = as_of.as_ref().map(|as_of| as_of.0.as_str());
            let show = async |client: &mut Client| client.session(id, as_of).await;
            let found = signed_in(operate, show).await?;
            write(std::slice::from_ref(&found))?;
            if output.is_table() {
                as_of::say_causes(&found, found.causes.as_ref())?;
            }
        }
        Sessions::Revoke {
            condition: Some(condition),
            reason,
            dry_run,
            expect,
            wait,
            ..
        } => {
            let order = Order {
                condition,
                reason,
                dry_run,
                expect,
                wait,
            };
            return super::revocations::revoke(order, operate).await;
        }
        Sessions::Revoke {
            id, reason, wait, ..
        } => {
            let (id, reason) = (id.unwrap_or_default(), reason.unwrap_or_default());
            let revoke = async |client: &mut Client| client.revoke(id, &reason, wait).await;
            let (position, applied) = signed_in(operate, revoke).await?;
            match output {
                Output::Table => say(&format!("session {id} is over as of {position}")),
                Output::Id => say(&id.to_string()),
                Output::Json | Output::Jsonl => {
                    let mut said = serde_json::json!({"id": id, "position": position});
                    if let Some(applied) = &applied {
                        said["applied"] = serde_json::json!(applied);
                    }
                    say(&said.to_string());
                }
            }
            return Ok(applied.as_ref().map_or(Exit::Done, waited));
        }
    }
    Ok(Exit::Done)
}

/// Accounts.
pub async fn accounts(what: Accounts, operate: &Operate) -> Result<Exit, Failure> {
    let (found, next) = match what {
        Accounts::List { q, as_of, page } => {
            let (q, after) = (q.as_deref(), page.after.as_deref());
            let as_of = as_of.as_ref().map(|as_of| as_of.0.as_str());
            let list =
                async |client: &mut Client| client.accounts(q, page.limit, after, as_of).await;
            let found = signed_in(operate, list).await?;
            (found.items, found.next)
        }
        Accounts::Show { id, as_of } => {
            let as_of = as_of.as_ref().map(|as_of| as_of.0.as_str());
            let show = async |client: &mut Client| client.account(id, as_of).await;
            (vec![signed_in(operate, show).await?], None)
        }
    };
    let head = format!(
        "{:<36}  {:<32}  {:<20}  ROLES",
        "ACCOUNT", "EMAIL", "REGISTERED"
    );
    let row = |account: &Account| {
        format!(
            "{}  {:<32}  {:<20}  {}",
            account.id,
            display_safe(&account.email),
            moment(account.created_at),
            account.roles.join(" "),
        )
    };
    write(operate.output, &found, &head, row, |account| account.id)?;
    for account in found.iter().filter(|_| operate.output.is_table()) {
        as_of::say_causes(account, account.causes.as_ref())?;
    }
    note_next(next.as_deref());
    Ok(Exit::Done)
}

const SESSION_HEAD: &str = "SESSION                               STATE    EMAIL                     STARTED               SEEN                  ADDRESS          ENDED BY";

fn session_row(session: &Session) -> String {
    let email = session.email.as_deref().unwrap_or("-");
    let state = match session.state {
        SessionState::Active => "active",
        SessionState::Expired => "expired",
        SessionState::Revoked => "revoked",
    };
    let ended = session
        .ended
        .as_ref()
        .map_or("", |ended| ended.reason.as_str());
    format!(
        "{}  {:<7}  {:<24}  {:<20}  {:<20}  {:<15}  {}",
        session.id,
        state,
        display_safe(email),
        moment(session.started_at),
        moment(session.last_seen_at),
        display_safe(session.ip.as_deref().unwrap_or("-")),
        display_safe(ended),
    )
}

/// Seconds are enough for people.
pub(super) fn moment(at: time::OffsetDateTime) -> String {
    let whole = at.replace_nanosecond(0).unwrap_or(at);
    whole
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap_or_default()
}

pub(super) fn write<T: Serialize, I: std::fmt::Display>(
    output: Output,
    items: &[T],
    head: &str,
    row: impl Fn(&T) -> String,
    id: impl Fn(&T) -> I,
) -> Result<(), Failure> {
    match output {
        Output::Table => {
            say(head);
            for item in items {
                say(row(item).trim_end());
            }
        }
        Output::Id => {
            for item in items {
                say(&id(item).to_string());
            }
        }
        Output::Json => say(&serde_json::to_string_pretty(items).map_err(Failure::other)?),
        Output::Jsonl => {
            for item in items {
                say(&serde_json::to_string(item).map_err(Failure::other)?);
            }
        }
    }
    Ok(())
}

pub(super) fn note_next(next: Option<&str>) {
    if let Some(next) = next {
        crate::tell(&format!("more: --after {next}"));
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}
