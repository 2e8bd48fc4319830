//! What leaves the console for a clipboard or a file.
//!
//! It may be pasted into a shell, opened in a spreadsheet or shown by `cat`,
//! so nothing in it moves a cursor, reorders a line or begins a formula.

use countersign_openapi::{Account, Client, Event, Session, display_safe_to, terminal_safe};
use serde::Serialize;

use super::message::Effect;
use super::model::Model;
use super::screens::Screen;
use super::text;
use super::timeline;
use super::update::{fits_client, fits_event};
use crate::{second, word};

/// `value` as JSON over several lines.
pub fn pretty<T: Serialize>(value: &T) -> String {
    serde_json::to_string_pretty(value).map_or_else(
        |error| error.to_string(),
        |json| terminal_safe(&json).into_owned(),
    )
}

fn lines<'a, T: Serialize + 'a>(items: impl IntoIterator<Item = &'a T>) -> String {
    let mut text = String::new();
    for item in items {
        if let Ok(json) = serde_json::to_string(item) {
            text.push_str(&terminal_safe(&json));
            text.push('\n');
        }
    }
    text
}

fn name(model: &Model, what: &str, ending: &str) -> String {
    let digits = |text: String| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let stamp = digits(text::stamp(model.then()));
    format!("countersign-{what}-{stamp}.{ending}")
}

/// The events that the screen lists.
fn events(model: &Model) -> Vec<&Event> {
    match model.screen {
        Screen::Session => model.session.timeline.events().iter().collect(),
        Screen::Account => model.account.timeline.events().iter().collect(),
        _ => model
            .tail
            .rows()
            .filter(|row| fits_event(&model.event_filter, row, model.now))
            .filter_map(|row| row.event())
            .collect(),
    }
}

/// The clients that the screen lists.
fn clients(model: &Model) -> Option<Vec<&Client>> {
    let clients = model.clients.data()?.items.iter();
    let fits = |client: &&Client| fits_client(&model.client_filter, client, model.now);
    Some(clients.filter(fits).collect())
}

/// What is listed, one JSON document a line.
pub fn jsonl(model: &Model) -> Option<Effect> {
    let (what, text) = match model.screen {
        Screen::Sessions => ("sessions", lines(model.sessions.rows())),
        Screen::Accounts => ("accounts", lines(model.accounts.rows())),
        Screen::Projections => ("projections", lines(model.projections.data()?)),
        Screen::Keys => ("keys", lines(model.keys.data()?)),
        Screen::Clients => ("clients", lines(clients(model)?)),
        _ => ("events", lines(events(model))),
    };
    let name = name(model, what, "jsonl");
    Some(Effect::Save { name, text })
}

/// What is listed, as a table.
pub fn csv(model: &Model) -> Option<Effect> {
    let (what, head, rows): (_, &[&str], Vec<Vec<String>>) = match model.screen {
        Screen::Sessions => {
            let rows = model.sessions.rows().iter().map(session);
            ("sessions", SESSION, rows.collect())
        }
        Screen::Accounts => {
            let rows = model.accounts.rows().iter().map(account);
            ("accounts", ACCOUNT, rows.collect())
        }
        Screen::Projections => {
            let rows = model.projections.data()?.iter().map(|item| {
                vec![
                    item.name.clone(),
                    item.shard.to_string(),
                    word(&item.state),
                    item.position.clone(),
                    item.lag_events.to_string(),
                ]
            });
            let head = &["name", "shard", "state", "position", "lag_events"];
            ("projections", head, rows.collect())
        }
        Screen::Keys => {
            let rows = model.keys.data()?.iter();
            let rows = rows.map(|key| {
                let state = word(&key.state);
                vec![
                    key.kid.clone(),
                    key.algorithm.clone(),
                    state,
                    second(key.created_at),
                ]
            });
            (
                "keys",
                &["kid", "algorithm", "state", "created_at"],
                rows.collect(),
            )
        }
        Screen::Clients => {
            let rows = clients(model)?.into_iter().map(|client| {
                let (id, state) = (client.id.to_string(), word(&client.state));
                vec![id, client.name.clone(), state, client.scopes.join(" ")]
            });
            (
                "clients",
                &["id", "name", "state", "scopes"],
                rows.collect(),
            )
        }
        _ => {
            let rows = events(model).into_iter().map(event);
            ("events", EVENT, rows.collect())
        }
    };
    let mut text = record(head.iter().copied());
    for row in &rows {
        text.push_str(&record(row.iter().map(String::as_str)));
    }
    let name = name(model, what, "csv");
    Some(Effect::Save { name, text })
}

const SESSION: &[&str] = &[
    "id",
    "account_id",
    "email",
    "state",
    "client",
    "ip",
    "user_agent",
    "acr",
    "started_at",
    "last_seen_at",
    "ended_at",
    "ended_by",
    "ended_reason",
];

fn session(session: &Session) -> Vec<String> {
    let some = |text: &Option<String>| text.clone().unwrap_or_default();
    let ended = session.ended.as_ref();
    vec![
        session.id.to_string(),
        session.account_id.to_string(),
        some(&session.email),
        word(&session.state),
        session.client.clone(),
        some(&session.ip),
        some(&session.user_agent),
        word(&session.acr),
        second(session.started_at),
        second(session.last_seen_at),
        ended.map(|ended| second(ended.at)).unwrap_or_default(),
        ended.map(|ended| ended.by.clone()).unwrap_or_default(),
        ended.map(|ended| ended.reason.clone()).unwrap_or_default(),
    ]
}

const ACCOUNT: &[&str] = &[
    "id",
    "email",
    "display_name",
    "state",
    "mfa",
    "roles",
    "created_at",
];

fn account(account: &Account) -> Vec<String> {
    vec![
        account.id.to_string(),
        account.email.clone(),
        account.display_name.clone().unwrap_or_default(),
        word(&account.state),
        account.mfa.to_string(),
        account.roles.join(" "),
        second(account.created_at),
    ]
}

const EVENT: &[&str] = &[
    "position",
    "occurred_at",
    "event",
    "subject_id",
    "actor",
    "detail",
];

fn event(event: &Event) -> Vec<String> {
    vec![
        event.position.clone(),
        second(event.occurred_at),
        timeline::name(event),
        event.subject_id.to_string(),
        timeline::actor(event, ""),
        timeline::summary(event),
    ]
}

/// One line of CSV (RFC 4180). A cell that a spreadsheet would take for a
/// formula begins with an apostrophe.
fn record<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells
        .map(|cell| {
            let safe = display_safe_to(cell, 1_024);
            let formula = safe.starts_with(['=', '+', '-', '@']);
            let mark = if formula { "'" } else { "" };
            format!("\"{mark}{}\"", safe.replace('"', "\"\""))
        })
        .collect();
    cells.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_json_and_is_safe() {
        let text = "a\u{202e}b\u{e0041}\u{9b}é\u{1b}";
        let json = pretty(&text);
        assert_eq!(json, "\"a\\u202eb\\udb40\\udc41\\u009bé\\u001b\"");
        let back: String = serde_json::from_str(&json).expect("JSON");
        assert_eq!(back, text);
    }

    #[test]
    fn a_cell_is_no_formula_and_no_second_line() {
        let line = record(["=cmd()", "a\"b", "x\r\ny", ""].into_iter());
        assert_eq!(line, "\"'=cmd()\",\"a\"\"b\",\"x\\u{d}\\u{a}y\",\"\"\r\n");
    }
}
