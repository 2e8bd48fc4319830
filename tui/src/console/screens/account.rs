//! One account: who it is, what lets it in, and what happened to it.

use countersign_openapi::{Account, Event};

use super::table::{self, Fact};
use super::{Canvas, Tone, accounts, session};
use crate::console::model::Model;
use crate::console::split;
use crate::console::text::{ago, moment};
use crate::console::timeline;

pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    let view = &model.account;
    let Some(id) = view.id else {
        canvas.text(
            2,
            1,
            u16::MAX,
            "no account is open; 3 lists them",
            Tone::Dim,
        );
        return;
    };
    let now = model.now;
    let (columns, rows) = (canvas.columns(), canvas.rows());
    let split = split(rows, columns);
    let left = if split.wide { 50.min(columns) } else { columns };
    let facts = split.facts_rows;
    let mut pane = canvas.part(0, 0, left, facts);
    let mut inside = pane.pane(&format!("Account {id}"), &view.pane.age(now), false);
    if !table::nothing(
        &mut inside,
        &view.pane,
        view.pane.data().is_none(),
        "no such account",
    ) && let Some(account) = view.pane.data()
    {
        let told = self::facts(model, account);
        table::facts(&mut inside, &told);
    }
    let number = view.sessions.data().map_or(0, Vec::len);
    let title = format!("Sessions ({number})");
    if split.wide {
        let mut pane = canvas.part(0, facts, left, rows - facts);
        session::beside(&mut pane, &title, &view.sessions, view.at_session, now);
        let mut pane = canvas.part(left, 0, columns - left, rows);
        session::history(&mut pane, &view.timeline, view.at_session.is_none(), now);
    } else {
        let mut pane = canvas.part(0, facts, columns, rows.saturating_sub(facts));
        if view.at_session.is_some() {
            session::beside(&mut pane, &title, &view.sessions, view.at_session, now);
        } else {
            session::history(&mut pane, &view.timeline, true, now);
        }
    }
}

fn facts(model: &Model, account: &Account) -> Vec<Fact> {
    let now = model.now;
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
        (true, true) => ("yes".to_owned(), Tone::Plain),
        (true, false) => (told, Tone::Plain),
    };
    let sessions = model.account.sessions.data();
    let active = sessions.map_or(0, |sessions| {
        let active = countersign_openapi::SessionState::Active;
        sessions
            .iter()
            .filter(|session| session.state == active)
            .count()
    });
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
    let mut push = |label, (text, tone): (String, Tone)| facts.push((label, text, tone));
    push("user", (account.email.clone(), Tone::Strong));
    push("state", (state.to_owned(), tone));
    push("name", plain(name));
    push("address", plain(verified.to_owned()));
    push("roles", plain(account.roles.join(" ")));
    push("since", plain(moment(now, account.created_at)));
    push("factors", factors);
    push("sessions", plain(format!("{active} active")));
    push("last fail", last_failure(events, now));
    push("password", plain(last(events, &["credential_set"], now)));
    facts
}

/// The last check that somebody failed, as far as it is in the log.
fn last_failure(events: &[Event], now: time::OffsetDateTime) -> (String, Tone) {
    let failed = ["challenge_failed", "factor_disabled", "suspended"];
    let found = events
        .iter()
        .rev()
        .find(|event| failed.contains(&event.name.as_str()));
    match found {
        None => ("none in this history".to_owned(), Tone::Plain),
        Some(event) => {
            let detail = timeline::summary(event);
            let name = event.name.replace('_', " ");
            let told = format!("{} ago: {name} {detail}", ago(now, event.occurred_at));
            (told, Tone::Warn)
        }
    }
}

fn last(events: &[Event], names: &[&str], now: time::OffsetDateTime) -> String {
    let found = events
        .iter()
        .rev()
        .find(|event| names.contains(&event.name.as_str()));
    found.map_or_else(
        || "as registered".to_owned(),
        |event| format!("set {} ago", ago(now, event.occurred_at)),
    )
}
