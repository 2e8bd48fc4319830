//! What is known of an opened session or account, field by field, and which
//! event gave it its value.

use countersign_openapi::{Account, Attempt, AttemptOutcome, Cause, Event, Session, display_safe};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Canvas, Screen, Tone, accounts, table};
use crate::console::attempts;
use crate::console::canvas::width;
use crate::console::model::Model;
use crate::console::pane::Pane;
use crate::console::text::{ago, clock, count, moment, short, span};
use crate::console::timeline;

/// The label of why the last try to sign in failed.
const SIGN_INS: &str = "sign-ins";

/// The label of what an operator last did to the account as a whole, and why.
const NOTED: &str = "operator";

/// A label and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The label.
    pub label: &'static str,
    /// What it says.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
    /// The event that gave it this value, where that is known.
    pub cause: Option<Cause>,
}

/// The facts of what is opened.
pub fn facts(model: &Model) -> Vec<Fact> {
    match model.screen {
        Screen::Session => {
            let session = model.session.pane.data();
            session.map_or_else(Vec::new, |session| of_session(model, session))
        }
        Screen::Account => {
            let account = model.account.pane.data();
            account.map_or_else(Vec::new, |account| of_account(model, account))
        }
        _ => Vec::new(),
    }
}

/// Draws them, in two columns where one is too short for them.
pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    let facts = facts(model);
    if model.shows_past() {
        return with_causes(model, canvas, &facts);
    }
    // What is a sentence gets the last rows for itself.
    let mut facts = facts.as_slice();
    let mut below = 0;
    while let Some((last, others)) = facts.split_last()
        && [SIGN_INS, NOTED].contains(&last.label)
    {
        below += sentence(canvas, last, below);
        facts = others;
    }
    let rows = usize::from(canvas.rows().saturating_sub(below)).max(1);
    let columns = if facts.len() > rows { 2 } else { 1 };
    let each = canvas.columns() / columns;
    for (at, fact) in facts.iter().enumerate() {
        let column = u16::try_from(at / rows).unwrap_or(u16::MAX);
        let y = u16::try_from(at % rows).unwrap_or(u16::MAX);
        let x = column.saturating_mul(each);
        if column >= columns {
            break;
        }
        canvas.text(x + 1, y, 9, fact.label, Tone::Dim);
        let room = each.saturating_sub(12);
        canvas.text(x + 11, y, room, &fact.text, fact.tone);
    }
}

/// Draws a fact over the whole width of the last rows, above those that are
/// taken; how many it takes.
fn sentence(canvas: &mut Canvas<'_>, fact: &Fact, taken: u16) -> u16 {
    let room = usize::from(canvas.columns().saturating_sub(12)).max(1);
    let rows = u16::try_from(width(&fact.text).div_ceil(room)).unwrap_or(1);
    let free = canvas.rows().saturating_sub(taken);
    let rows = rows.clamp(1, 3).min(free);
    let (columns, top) = (canvas.columns(), free - rows);
    canvas.text(1, top, 9, fact.label, Tone::Dim);
    let mut part = canvas.part(11, top, columns.saturating_sub(12), rows);
    part.wrapped(0, 0, &display_safe(&fact.text), fact.tone);
    rows
}

/// Each with the event that caused it, and the cursor if it is here.
fn with_causes(model: &Model, canvas: &mut Canvas<'_>, facts: &[Fact]) {
    let at = match model.screen {
        Screen::Session => model.session.at_fact,
        _ => model.account.at_fact,
    };
    let at = at.map(|at| at.min(facts.len().saturating_sub(1)));
    let height = usize::from(canvas.rows()).max(1);
    let top = at.map_or(0, |at| (at + 1).saturating_sub(height));
    let middle = (canvas.columns() * 45 / 100).min(60);
    let signs = canvas.signs();
    for (y, (index, fact)) in (0..).zip(facts.iter().enumerate().skip(top).take(height)) {
        canvas.text(2, y, 9, fact.label, Tone::Dim);
        let room = middle.saturating_sub(13);
        canvas.text(12, y, room, &fact.text, fact.tone);
        if let Some(cause) = &fact.cause {
            let told = format!("{} {}", signs.from, told(model, cause));
            canvas.text(middle, y, u16::MAX, &told, Tone::Dim);
        }
        if Some(index) == at {
            canvas.text(0, y, 1, signs.cursor, Tone::Strong);
            canvas.tint(y, Tone::Selected);
        }
    }
}

/// A cause in words: `stepped_up 3.8412 14:01:10 by ada@example.com`.
fn told(model: &Model, cause: &Cause) -> String {
    let now = model.then();
    let own_noun = match model.screen {
        Screen::Session => "session",
        _ => "account",
    };
    let noun = match cause.noun.as_str() {
        noun if noun == own_noun => String::new(),
        noun => format!("{noun}."),
    };
    let at = if cause.at.date() == now.date() {
        clock(cause.at)
    } else {
        moment(now, cause.at)
    };
    let by = by(model, &cause.by);
    format!("{noun}{} {} {at} by {by}", cause.name, cause.position)
}

/// Who that is, as far as it is known here.
fn by(model: &Model, by: &str) -> String {
    let Ok(id) = Uuid::try_parse(by) else {
        return by.to_owned();
    };
    if let Some(identity) = &model.identity
        && identity.account == id
    {
        return "you".to_owned();
    }
    let session = model.session.pane.data();
    let session = session.filter(|session| session.account_id == id);
    let account = model.account.pane.data();
    let account = account.filter(|account| account.id == id);
    let email = match model.screen {
        Screen::Session => session.and_then(|session| session.email.clone()),
        _ => account.map(|account| account.email.clone()),
    };
    let name = email.map(|email| email.split('@').next().unwrap_or_default().to_owned());
    name.unwrap_or_else(|| format!("account {}", short(id, model.looks.signs().ellipsis)))
}

fn of_session(model: &Model, session: &Session) -> Vec<Fact> {
    let (now, signs) = (model.then(), model.looks.signs());
    let (state, tone) = table::state(session);
    let own = model.identity.as_ref().map(|identity| identity.account);
    let plain = |text: String| (text, Tone::Plain);
    let at = |at: OffsetDateTime| match ago(now, at).as_str() {
        "now" => moment(now, at),
        age => format!("{} ({age} ago)", moment(now, at)),
    };
    let state = if model.identity.as_ref().map(|identity| identity.session) == Some(session.id) {
        (format!("{state}, YOUR OWN"), Tone::Warn)
    } else {
        (state.to_owned(), tone)
    };
    let email = session
        .email
        .clone()
        .unwrap_or_else(|| "(forgotten)".to_owned());
    let end = if session.ended.is_some() {
        let by = table::ended_by(session, own, signs);
        let note = session.ended.as_ref().and_then(|ended| ended.note.as_ref());
        let note = note.map_or_else(String::new, |note| format!(": {note}"));
        (
            format!("{}, by {by}{note}", table::reason(session)),
            Tone::Warn,
        )
    } else {
        let left = span(session.expires_at - now);
        plain(format!("in {left}, if nothing happens"))
    };
    let ends_by = if session.ended.is_some() {
        "ended"
    } else {
        "expires_at"
    };
    let ended_at = session.ended.as_ref().map(|ended| at(ended.at));
    let elsewhere = match session.elsewhere_at {
        Some(moment) => (format!("! {}", at(moment)), Tone::Danger),
        None => plain("not seen".to_owned()),
    };
    let ip = session.ip.clone().unwrap_or_else(|| "-".to_owned());
    let mut facts: Vec<Fact> = Vec::new();
    let mut push = |label, field: &str, (text, tone): (String, Tone)| {
        let causes = session.causes.as_ref();
        let cause = causes.and_then(|causes| causes.get(field)).cloned();
        facts.push(Fact {
            label,
            text,
            tone,
            cause,
        });
    };
    push("user", "email", (email, Tone::Strong));
    push("state", "state", state);
    push("ends", ends_by, end);
    push("address", "ip", plain(ip));
    push("device", "user_agent", plain(table::device(session)));
    push("auth", "acr", plain(table::auth(session)));
    push("started", "started_at", plain(at(session.started_at)));
    push("seen", "last_seen_at", plain(at(session.last_seen_at)));
    push(
        "ended",
        "ended",
        plain(ended_at.unwrap_or_else(|| "no".to_owned())),
    );
    push("program", "client", plain(session.client.clone()));
    push(
        "refreshed",
        "generation",
        plain(match session.generation.saturating_sub(1) {
            0 => "never".to_owned(),
            1 => "once".to_owned(),
            times => format!("{times} times"),
        }),
    );
    push("elsewhere", "elsewhere_at", elsewhere);
    facts
}

fn of_account(model: &Model, account: &Account) -> Vec<Fact> {
    let now = model.then();
    let events = model.account.timeline.events();
    let (state, tone) = accounts::state(account);
    let factors = timeline::factors(events);
    let told = factors.iter().map(|factor| {
        let since = ago(now, factor.since);
        format!("{} ({}, {since})", factor.kind, factor.state)
    });
    let told = told.collect::<Vec<_>>().join(", ");
    let factors = match (account.mfa, told.is_empty()) {
        (false, _) => ("none: the password alone".to_owned(), Tone::Warn),
        (true, true) if account.factors.is_empty() => ("yes".to_owned(), Tone::Plain),
        (true, true) => (account.factors.join(" "), Tone::Plain),
        (true, false) => (told, Tone::Plain),
    };
    let sessions = match account.sessions_active {
        Some(active) => format!("{} active", count(active)),
        None if model.shows_past() => "not kept as of then".to_owned(),
        None => "unknown".to_owned(),
    };
    let sessions = (sessions, Tone::Plain);
    let verified = if account.email_verified {
        "verified"
    } else {
        "not verified"
    };
    let name = account
        .display_name
        .clone()
        .unwrap_or_else(|| "-".to_owned());
    let plain = |text: String| (text, Tone::Plain);
    let mut facts: Vec<Fact> = Vec::new();
    let mut push = |label, field: &str, (text, tone): (String, Tone)| {
        let causes = account.causes.as_ref();
        let cause = causes.and_then(|causes| causes.get(field)).cloned();
        facts.push(Fact {
            label,
            text,
            tone,
            cause,
        });
    };
    push("user", "email", (account.email.clone(), Tone::Strong));
    push("state", "state", (state.to_owned(), tone));
    push("name", "display_name", plain(name));
    push("address", "email_verified", plain(verified.to_owned()));
    push("roles", "roles", plain(account.roles.join(" ")));
    push(
        "since",
        "created_at",
        plain(moment(now, account.created_at)),
    );
    push("factors", "factors", factors);
    push("sessions", "sessions_active", sessions);
    let password = last(events, &["credential_set"], now);
    push("password", "", plain(password));
    if let Some(noted) = &account.noted {
        let (at, what) = (moment(now, noted.at), noted.what.replace('_', " "));
        let by = by(model, &noted.by);
        let told = format!("{what} {at} by {by}: {}", noted.note);
        push(NOTED, "", plain(told));
    }
    if !model.shows_past() {
        push(SIGN_INS, "", sign_ins(&model.account.attempts, now));
    }
    facts
}

/// Why the last try to sign in failed, and what came of it.
fn sign_ins(attempts: &Pane<Vec<Attempt>>, now: OffsetDateTime) -> (String, Tone) {
    match (attempts.data(), attempts.failed()) {
        (Some(attempts), _) => {
            let tone = match attempts.first().map(|attempt| attempt.outcome) {
                None | Some(AttemptOutcome::SignedIn) => Tone::Plain,
                Some(_) => Tone::Warn,
            };
            (attempts::summary(attempts, now), tone)
        }
        (None, Some(failed)) => (format!("! {}", failed.told()), Tone::Warn),
        (None, None) => ("loading ...".to_owned(), Tone::Dim),
    }
}

fn last(events: &[Event], names: &[&str], now: OffsetDateTime) -> String {
    let found = events
        .iter()
        .rev()
        .find(|event| names.contains(&event.name.as_str()));
    found.map_or_else(
        || "as registered".to_owned(),
        |event| format!("set {} ago", ago(now, event.occurred_at)),
    )
}
