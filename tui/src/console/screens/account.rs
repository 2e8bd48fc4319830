//! One account: who it is, what lets it in, and what happened to it.

use super::{Canvas, Tone, facts, session, table};
use crate::console::attempts;
use crate::console::model::Model;
use crate::console::split;
use crate::console::text::{moment, short};

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
    let (columns, rows) = (canvas.columns(), canvas.rows());
    let split = split(rows, columns, model.shows_past());
    let left = if split.wide { 50.min(columns) } else { columns };
    let facts_rows = split.facts_rows;
    let mut pane = canvas.part(0, 0, left, facts_rows);
    let title = format!("Account {id}");
    let mut inside = pane.pane(&title, &model.age(&view.pane), view.at_fact.is_some());
    let none = "no such account";
    if !table::nothing(&mut inside, &view.pane, view.pane.data().is_none(), none) {
        facts::draw(model, &mut inside);
    }
    let number = view.sessions.data().map_or(0, Vec::len);
    let title = format!("Sessions ({number})");
    let below = rows.saturating_sub(facts_rows);
    if split.wide {
        let beside = below / 2;
        let mut pane = canvas.part(0, facts_rows, left, beside);
        session::beside(model, &mut pane, &title, &view.sessions, view.at_session);
        let mut pane = canvas.part(0, facts_rows + beside, left, below - beside);
        tries(model, &mut pane);
        let mut pane = canvas.part(left, 0, columns - left, rows);
        happened(model, &mut pane);
        return;
    }
    let mut pane = canvas.part(0, facts_rows, columns, below);
    if view.at_session.is_some() {
        session::beside(model, &mut pane, &title, &view.sessions, view.at_session);
    } else if view.at_attempt.is_some() {
        tries(model, &mut pane);
    } else {
        happened(model, &mut pane);
    }
}

/// What happened to the account.
fn happened(model: &Model, canvas: &mut Canvas<'_>) {
    let view = &model.account;
    session::history(model, canvas, &view.timeline, view.is_in_timeline(), None);
}

/// The newest tries to sign in.
fn tries(model: &Model, canvas: &mut Canvas<'_>) {
    let view = &model.account;
    let now = model.now;
    let items = view.attempts.data().map(Vec::as_slice).unwrap_or_default();
    let focused = view.at_attempt.is_some();
    let mut inside = canvas.pane(
        "Tries to sign in, newest first",
        &model.age_now(&view.attempts),
        focused,
    );
    let none = "no try of the last days is kept";
    if table::nothing(&mut inside, &view.attempts, items.is_empty(), none) {
        return;
    }
    let at = view.at_attempt.map(|at| at.min(items.len() - 1));
    let height = usize::from(inside.rows()).max(1);
    let top = at.map_or(0, |at| (at + 1).saturating_sub(height));
    for (y, (index, attempt)) in (0..).zip(items.iter().enumerate().skip(top).take(height)) {
        let (word, tone) = attempts::outcome(attempt.outcome);
        let from = match (&attempt.network, attempt.session_id) {
            (Some(network), _) => network.clone(),
            (None, Some(id)) => format!("session {}", short(id, inside.signs().ellipsis)),
            (None, None) => String::new(),
        };
        let selected = Some(index) == at;
        if selected {
            let signs = inside.signs();
            inside.text(0, y, 1, signs.cursor, Tone::Strong);
        }
        inside.text(2, y, 11, &moment(now, attempt.at), Tone::Dim);
        inside.text(14, y, 15, word, tone);
        inside.text(30, y, u16::MAX, &from, Tone::Plain);
        if selected {
            inside.tint(y, Tone::Selected);
        }
    }
}
