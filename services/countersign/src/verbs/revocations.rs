//! `countersign sessions revoke --where` and `countersign revocations`

use std::time::Duration;

use clap::Subcommand;
use countersign_openapi::{
    Applied, Revocation, RevocationItem, RevocationPreview, RevocationState, Session,
    StartRevocation, display_safe,
};
use countersign_tui::{Client, ClientError, Prompt};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::operate::{Operate, Page, signed_in};
use super::output::{
    Output, Table, document, done, moment, note_next, one, or_dash, table, word, write,
};
use super::verifiers::{self, waited};
use super::where_clause;
use crate::parts::Failure;
use crate::{Exit, say, tell};

/// What to do with orders to end every session of a kind.
#[derive(Subcommand)]
pub enum Revocations {
    /// Lists orders, newest first.
    #[command(
        after_help = "Examples:\n  countersign revocations list\n  countersign revocations list -o jsonl"
    )]
    List {
        #[command(flatten)]
        page: Page,
    },
    /// Shows one order, how far it is and which verifiers have applied it.
    #[command(
        after_help = "Examples:\n  countersign revocations show 019a2b3c-6b12-7d33-8f11-2c3d4e5f6007\n  countersign revocations show 019a2b3c-6b12-7d33-8f11-2c3d4e5f6007 -o json"
    )]
    Show {
        /// Its id.
        id: Uuid,
    },
    /// Lists the sessions of an order and what has become of each.
    #[command(
        after_help = "Examples:\n  countersign revocations items 019a2b3c-6b12-7d33-8f11-2c3d4e5f6007 --state failed\n  countersign revocations items 019a2b3c-6b12-7d33-8f11-2c3d4e5f6007 -o id"
    )]
    Items {
        /// Its id.
        id: Uuid,
        /// ended, `already_over`, pending, failed or left.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        page: Page,
    },
    /// Gives an order up. What it has ended stays ended.
    #[command(
        after_help = "Examples:\n  countersign revocations cancel 019a2b3c-6b12-7d33-8f11-2c3d4e5f6007"
    )]
    Cancel {
        /// Its id.
        id: Uuid,
    },
}

/// An order as the command line gives it.
pub(super) struct Order {
    pub(super) condition: String,
    pub(super) reason: Option<String>,
    pub(super) dry_run: bool,
    pub(super) expect: Option<u64>,
    pub(super) wait: bool,
}

/// How long `--wait` watches an order, and how often it looks.
const WATCHED: Duration = Duration::from_mins(10);
const LOOK: Duration = Duration::from_millis(500);
/// How many looks more it takes to see verifiers apply what was carried out.
const LOOKS_AFTER: u32 = 4;

/// Gives an order, or says what it would do.
pub(super) async fn revoke(order: Order, operate: &Operate) -> Result<Exit, Failure> {
    let predicate = match where_clause::parse(&order.condition) {
        Ok(predicate) => predicate,
        Err(why) => return Ok(wrong(&format!("--where: {why}"))),
    };
    let mut form = StartRevocation {
        predicate,
        dry_run: true,
        as_of: None,
        expected: order.expect,
        reason: order.reason,
        wait: order.wait,
        spare_own_session: None,
    };
    let preview =
        async |client: &mut Client, form: &StartRevocation| client.preview_revocation(form).await;
    if order.dry_run {
        let seen = signed_in(operate, async |client| preview(client, &form).await).await?;
        say_preview(operate.output, &seen)?;
        return Ok(Exit::Done);
    }
    if form.reason.is_none() {
        return Ok(wrong("--reason is needed, unless --dry-run"));
    }
    if order.expect.is_none() {
        let prompt = Prompt::new(None);
        if !prompt.is_terminal() {
            return Ok(wrong(
                "nobody can be asked here: say --expect N, which --dry-run counts",
            ));
        }
        let seen = signed_in(operate, async |client| preview(client, &form).await).await?;
        tell(&summary(&seen));
        let question = "Type the number of sessions to end them: ";
        let typed = prompt.line(question).await?.unwrap_or_default();
        if typed.trim().parse() != Ok(seen.matched) {
            tell("nothing was done");
            return Ok(Exit::Cancelled);
        }
        form.expected = Some(seen.matched);
        form.as_of = Some(seen.as_of);
    }
    form.dry_run = false;
    let wait = form.wait;
    let give = async |client: &mut Client| {
        let given = client.start_revocation(&form).await?;
        if wait {
            watched(client, given).await
        } else {
            Ok(given)
        }
    };
    let given = signed_in(operate, give).await?;
    say_order(operate.output, &given)?;
    Ok(exit_of(&given, wait))
}

fn wrong(why: &str) -> Exit {
    tell(&format!("countersign: {why}"));
    Exit::Usage
}

/// Follows an order that was not carried out while the service waited, until
/// every live verifier has applied it, or was given the time to.
async fn watched(client: &Client, given: Revocation) -> Result<Revocation, ClientError> {
    if given.finished_at.is_some() {
        return Ok(given);
    }
    let id = given.id;
    let watching = async {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut left = LOOKS_AFTER;
        loop {
            looks.tick().await;
            let seen = client.revocation(id).await?;
            if seen.finished_at.is_none() {
                continue;
            }
            if left == 0 || !seen.applied.as_ref().is_some_and(Applied::is_awaited) {
                return Ok(seen);
            }
            left -= 1;
        }
    };
    tokio::time::timeout(WATCHED, watching)
        .await
        .unwrap_or(Ok(given))
}

fn exit_of(given: &Revocation, wait: bool) -> Exit {
    match (given.state, &given.applied) {
        (RevocationState::Failed, _) => Exit::Failed,
        // Some of it could not be done.
        _ if given.failed.is_some_and(|failed| failed > 0) => Exit::Partial,
        (_, Some(applied)) => waited(applied),
        // It is not known who has applied what is not done, or was not waited
        // for to the end.
        (_, None) if wait => Exit::Partial,
        (_, None) => Exit::Done,
    }
}

fn summary(seen: &RevocationPreview) -> String {
    let own = if seen.includes_own {
        ", your own is one of them and is spared"
    } else {
        ""
    };
    format!(
        "{} sessions of {} accounts and {} clients{own}",
        seen.matched, seen.accounts, seen.clients
    )
}

fn say_preview(output: Output, seen: &RevocationPreview) -> Result<(), Failure> {
    match output {
        Output::Table => {
            say(&summary(seen));
            let row = |session: &Session| {
                vec![
                    session.id.to_string(),
                    moment(session.started_at),
                    or_dash(session.ip.as_deref()),
                    or_dash(session.email.as_deref()),
                ]
            };
            Table::of(&[]).say(seen.sample.iter().map(row).collect());
            say(&format!("as of {}", display_safe(&seen.as_of)));
        }
        Output::Id => {
            for session in &seen.sample {
                say(&session.id.to_string());
            }
        }
        Output::Json | Output::Jsonl => {
            document(output, seen)?;
        }
    }
    Ok(())
}

fn say_order(output: Output, order: &Revocation) -> Result<(), Failure> {
    one(output, order, order.id, || {
        table(HEAD, vec![row(order)]).join("\n")
    })
}

const HEAD: &[&str] = &[
    "REVOCATION",
    "STATE",
    "GIVEN",
    "MATCHED",
    "ENDED",
    "OVER",
    "FAILED",
    "BY",
];

fn row(order: &Revocation) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |n| n.to_string());
    vec![
        order.id.to_string(),
        word(&order.state),
        moment(order.requested_at),
        number(order.matched),
        order.ended.to_string(),
        number(order.already_over),
        number(order.failed),
        order.by.clone(),
    ]
}

/// Orders.
pub async fn revocations(what: Revocations, operate: &Operate) -> Result<Exit, Failure> {
    let output = operate.output;
    match what {
        Revocations::List { page } => {
            let after = page.after.as_deref();
            let list = async |client: &mut Client| client.revocations(page.limit, after).await;
            let found = signed_in(operate, list).await?;
            write(output, &found.items, HEAD, row, |order| order.id)?;
            note_next(found.next.as_deref());
        }
        Revocations::Show { id } => {
            let found = signed_in(operate, async |client| client.revocation(id).await).await?;
            say_order(output, &found)?;
            if output == Output::Table {
                let applied = found.applied.as_ref();
                for line in applied.map(verifiers::lines).unwrap_or_default() {
                    say(&line);
                }
            }
        }
        Revocations::Items { id, state, page } => {
            let (state, after) = (state.as_deref(), page.after.as_deref());
            let list = async |client: &mut Client| {
                client.revocation_items(id, state, page.limit, after).await
            };
            let found = signed_in(operate, list).await?;
            let head = &["SESSION", "ACCOUNT", "STATE"];
            let row = |item: &RevocationItem| {
                let (session, account) = (item.session_id, item.account_id);
                vec![session.to_string(), account.to_string(), word(&item.state)]
            };
            write(output, &found.items, head, row, |item| item.session_id)?;
            note_next(found.next.as_deref());
        }
        Revocations::Cancel { id } => {
            let cancel = async |client: &mut Client| client.cancel_revocation(id).await;
            let position = signed_in(operate, cancel).await?;
            let text = format!("revocation {id} is given up");
            return done(output, id, &text, &position, None);
        }
    }
    Ok(Exit::Done)
}
