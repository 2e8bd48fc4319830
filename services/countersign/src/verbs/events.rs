//! `countersign events`, and the timeline of a session.

use std::cell::RefCell;
use std::time::Duration;

use clap::{Args, Subcommand};
use countersign_events::Noun;
use countersign_openapi::{Event, Page as Listed, display_safe};
use countersign_tui::{Client, ClientError, EventsQuery, Followed};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::operate::{Operate, signed_in};
use super::output::{Output, Table, document, note_next, rows, write};
use crate::parts::Failure;
use crate::{Exit, stopping, tell};

/// What to do with events.
#[derive(Subcommand)]
pub enum Events {
    /// Lists events, newest first.
    #[command(
        after_help = "Examples:\n  countersign events list --noun session --name ended\n  countersign events list --id 019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07 --all -o jsonl\n  countersign events list --limit 1 -o json"
    )]
    List {
        #[command(flatten)]
        which: Which,
        /// How many messages of the log, 1 to 200; with a filter a page may be
        /// short.
        #[arg(long, default_value_t = 50)]
        limit: u16,
        /// The cursor that the list before ended with.
        #[arg(long)]
        after: Option<String>,
        /// Page after page, up to 10000 events.
        #[arg(long)]
        all: bool,
    },
    /// Follows the log from now on, until Ctrl-C.
    #[command(
        after_help = "Examples:\n  countersign events tail\n  countersign events tail --noun session --name refresh_reused -o jsonl\n  countersign events tail --id 019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07"
    )]
    Tail {
        #[command(flatten)]
        which: Which,
        /// The cursor that a tail before ended with, to miss nothing.
        #[arg(long)]
        after: Option<String>,
    },
}

/// Which events.
#[derive(Args)]
pub struct Which {
    #[arg(long, help = format!("Only those about this: {}", Noun::words()))]
    noun: Option<String>,
    /// Only those about this one.
    #[arg(long, value_name = "UUID")]
    id: Option<Uuid>,
    /// Only those of this name, for example started or ended.
    #[arg(long)]
    name: Option<String>,
}

impl From<Which> for EventsQuery {
    fn from(which: Which) -> Self {
        Self {
            noun: which.noun,
            subject_id: which.id,
            name: which.name,
        }
    }
}

/// How often a tail that has worked is begun again, one after the other,
/// before it is given up, and how long there is between two.
const TRIES_MAX: u32 = 30;
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// Most events that one command lists.
const EVENTS_MAX: usize = 10_000;

/// Most pages that one command reads: with a filter they may be empty.
const PAGES_MAX: usize = 1_000;

/// Rows of a page where every page is read.
const PAGE_ROWS: u16 = 200;

const HEAD: &[&str] = &["AT", "POSITION", "WHAT", "BY", "ABOUT"];

/// Columns of a tail, whose head is written before anything happens: as wide
/// as times, most positions and names, and ids are.
const TAIL_WIDTHS: &[usize] = &[24, 10, 32, 44];

/// Events.
pub async fn events(what: Events, operate: &Operate) -> Result<Exit, Failure> {
    match what {
        Events::List {
            which,
            limit,
            after,
            all: false,
        } => {
            let (query, after) = (EventsQuery::from(which), after.as_deref());
            let list = async |client: &mut Client| client.events(&query, limit, after).await;
            let found = signed_in(operate, list).await?;
            write(operate.output, &found.items, HEAD, row, |event| event.id)?;
            note_next(found.next.as_deref());
        }
        Events::List { which, after, .. } => {
            let query = EventsQuery::from(which);
            let output = operate.output;
            let list = async |client: &mut Client| {
                let page = async |after: Option<String>| {
                    client.events(&query, PAGE_ROWS, after.as_deref()).await
                };
                every_page(output, after, page).await
            };
            signed_in(operate, list).await??;
        }
        Events::Tail { which, after } => return tail(&which.into(), after, operate).await,
    }
    Ok(Exit::Done)
}

/// Says pages as they come, until there are no more or it is enough. Only a
/// JSON document is gathered as a whole.
async fn every_page(
    output: Output,
    mut after: Option<String>,
    page: impl AsyncFn(Option<String>) -> Result<Listed<Event>, ClientError>,
) -> Result<Result<(), Failure>, ClientError> {
    let mut gathered = Vec::new();
    let mut count = 0;
    let mut table = Table::of(HEAD);
    for _ in 0..PAGES_MAX {
        let found = page(after.take()).await?;
        count += found.items.len();
        after = found.next;
        if output == Output::Json {
            gathered.extend(found.items);
        } else if let Err(failure) = rows(output, &mut table, &found.items, row, |event| event.id) {
            return Ok(Err(failure));
        }
        if after.is_none() || count >= EVENTS_MAX {
            break;
        }
    }
    if output == Output::Json
        && let Err(failure) = document(output, &gathered)
    {
        return Ok(Err(failure));
    }
    note_next(after.as_deref());
    Ok(Ok(()))
}

/// Follows the log until Ctrl-C, which is a good end.
async fn tail(
    query: &EventsQuery,
    after: Option<String>,
    operate: &Operate,
) -> Result<Exit, Failure> {
    let cursor = RefCell::new(after);
    let mut table = Table::of(HEAD).at_least(TAIL_WIDTHS);
    if operate.output == Output::Table {
        table.say(Vec::new());
    }
    let table = RefCell::new(table);
    let outcome = tokio::select! {
        outcome = keep_following(query, &cursor, &table, operate) => outcome,
        () = stopping::signal() => Ok(()),
    };
    note_next(cursor.borrow().as_deref());
    outcome.map(|()| Exit::Done)
}

/// Follows, and goes on where it stopped when the connection breaks, the token
/// runs out, or the instance stops or is full.
async fn keep_following(
    query: &EventsQuery,
    cursor: &RefCell<Option<String>>,
    table: &RefCell<Table>,
    operate: &Operate,
) -> Result<(), Failure> {
    let output = operate.output;
    let mut pauses = tokio::time::interval(BETWEEN_TRIES);
    pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tries = 0;
    loop {
        pauses.tick().await;
        let follow = async |client: &mut Client| {
            let from = cursor.borrow().clone();
            let mut stream = client.follow_events(query, from.as_deref()).await?;
            let broken = loop {
                match stream.next().await {
                    Ok(Followed::End) => break None,
                    Ok(item) => say_followed(output, &mut table.borrow_mut(), &item),
                    Err(error) => break Some(error),
                }
                if let Some(reached) = stream.cursor() {
                    cursor.replace(Some(reached.to_owned()));
                }
            };
            Ok::<_, ClientError>(broken)
        };
        match signed_in(operate, follow).await {
            Ok(broken) => {
                tries = 0;
                let why = broken.map_or_else(
                    || "the service ended the stream".to_owned(),
                    |error| error.to_string(),
                );
                tell(&format!("countersign: {}; going on", display_safe(&why)));
            }
            Err(Failure::Client(error))
                if error.passes() && cursor.borrow().is_some() && tries < TRIES_MAX =>
            {
                tries += 1;
                tracing::debug!(%error, tries, "trying again");
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Events on stdout, what is missing on stderr.
fn say_followed(output: Output, table: &mut Table, item: &Followed) {
    match item {
        Followed::Events(events) => {
            // Events are JSON as they come; nothing of them cannot be written.
            let _ = rows(output, table, events, row, |event| event.id);
        }
        Followed::Gap { shard, from, to } => {
            tell(&format!(
                "gap: shard {shard}, {from} to {to} were not sent; `countersign events list` \
                 has them, but for what the service does not understand"
            ));
        }
        Followed::Beat { .. } | Followed::End => {}
    }
}

/// What happened to a session, oldest first.
pub(super) async fn timeline(id: Uuid, operate: &Operate) -> Result<Exit, Failure> {
    let gather = async |client: &mut Client| {
        let mut events = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let page = client.session_events(id, PAGE_ROWS, after.as_deref());
            let found = page.await?;
            events.extend(found.items);
            after = found.next;
            if after.is_none() || events.len() >= EVENTS_MAX {
                break;
            }
        }
        Ok::<_, ClientError>((events, after))
    };
    let (events, rest) = signed_in(operate, gather).await?;
    write(operate.output, &events, HEAD, row, |event| event.id)?;
    if rest.is_some() {
        tell(&format!(
            "what came after the first {EVENTS_MAX} events is not shown"
        ));
    }
    Ok(Exit::Done)
}

/// An event on one line. What it says besides is in JSON.
fn row(event: &Event) -> Vec<String> {
    let by = match event.actor.id {
        Some(id) => format!("{} {id}", event.actor.kind),
        None => event.actor.kind.clone(),
    };
    vec![
        instant(event.occurred_at),
        event.position.clone(),
        format!("{}.{}", event.noun, event.name),
        by,
        event.subject_id.to_string(),
    ]
}

/// To the millisecond, for what happens close together.
fn instant(at: time::OffsetDateTime) -> String {
    let millis = u32::from(at.millisecond()) * 1_000_000;
    let whole = at.replace_nanosecond(millis).unwrap_or(at);
    whole
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap_or_default()
}
