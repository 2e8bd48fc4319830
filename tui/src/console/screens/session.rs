//! One session: what it is, and everything that happened to it.

use countersign_openapi::{Event, Session, display_safe};
use time::OffsetDateTime;

use super::{Canvas, Tone, facts, table};
use crate::console::canvas::width;
use crate::console::model::Model;
use crate::console::pane::Pane;
use crate::console::split;
use crate::console::text::{clock, moment};
use crate::console::timeline::{self, Timeline};

pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    let view = &model.session;
    let Some(id) = view.id else {
        canvas.text(
            2,
            1,
            u16::MAX,
            "no session is open; 2 lists them",
            Tone::Dim,
        );
        return;
    };
    let (columns, rows) = (canvas.columns(), canvas.rows());
    let split = split(rows, columns, model.shows_past());
    let left = if split.wide { 50.min(columns) } else { columns };
    let facts = split.facts_rows;
    let mut pane = canvas.part(0, 0, left, facts);
    let title = format!("Session {id}");
    let mut inside = pane.pane(&title, &model.age(&view.pane), view.at_fact.is_some());
    if !table::nothing(
        &mut inside,
        &view.pane,
        view.pane.data().is_none(),
        "no such session",
    ) {
        facts::draw(model, &mut inside);
    }
    let number = view.others.data().map_or(0, Vec::len);
    let others = format!("Sessions of the account ({number})");
    if split.wide {
        let mut pane = canvas.part(0, facts, left, rows - facts);
        beside(model, &mut pane, &others, &view.others, view.at_other);
        let mut pane = canvas.part(left, 0, columns - left, rows);
        history(model, &mut pane, &view.timeline, view.is_in_timeline());
    } else if view.at_other.is_some() {
        let mut pane = canvas.part(0, facts, columns, rows.saturating_sub(facts));
        beside(model, &mut pane, &others, &view.others, view.at_other);
    } else {
        let mut pane = canvas.part(0, facts, columns, rows.saturating_sub(facts));
        history(model, &mut pane, &view.timeline, view.is_in_timeline());
    }
}

/// The sessions beside it, in a pane.
pub(super) fn beside(
    model: &Model,
    canvas: &mut Canvas<'_>,
    title: &str,
    sessions: &Pane<Vec<Session>>,
    at: Option<uuid::Uuid>,
) {
    let mut inside = canvas.pane(title, &model.age(sessions), at.is_some());
    table::beside(&mut inside, sessions, at, model.then());
}

/// A history, in a pane.
pub(super) fn history(model: &Model, canvas: &mut Canvas<'_>, timeline: &Timeline, focused: bool) {
    let now = model.then();
    let follow = if timeline.is_paused() {
        "paused, f follows"
    } else {
        "newest last"
    };
    let more = if timeline.has_more() { "+" } else { "" };
    let title = format!(
        "What happened  {}{more} events, {follow}",
        timeline.events().len()
    );
    let mut inside = canvas.pane(&title, &model.age(&timeline.pane), focused);
    let empty = timeline.events().is_empty();
    if table::nothing(&mut inside, &timeline.pane, empty, "nothing is in the log") {
        return;
    }
    let height = usize::from(inside.rows());
    for (y, (event, selected)) in (0..).zip(timeline.shown(height)) {
        line(&mut inside, y, event, selected && focused, now);
    }
}

/// An event in a line: when, where in the log, what, and the rest.
pub(super) fn line(
    canvas: &mut Canvas<'_>,
    y: u16,
    event: &Event,
    selected: bool,
    now: OffsetDateTime,
) {
    let tone = timeline::tone(event);
    let signs = canvas.signs();
    if selected {
        canvas.text(0, y, 1, signs.cursor, Tone::Strong);
    }
    let when = if event.occurred_at.date() == now.date() {
        clock(event.occurred_at)
    } else {
        moment(now, event.occurred_at)
    };
    canvas.text(2, y, 11, &when, Tone::Dim);
    canvas.text(14, y, 10, &event.position, Tone::Dim);
    let wide = canvas.columns() >= 90;
    let names = if wide { 30 } else { 24 };
    canvas.text(25, y, names, &timeline::name(event), tone);
    let actor = timeline::actor(event, signs.ellipsis);
    let rest = canvas.columns().saturating_sub(26 + names);
    let said = timeline::summary(event);
    let whole = format!("{said} by {actor}");
    let fits = width(&display_safe(&whole)) <= usize::from(rest);
    let said = if actor != "itself" && !wide && fits {
        whole.trim_start()
    } else {
        &said
    };
    let rest = if wide { rest.saturating_sub(18) } else { rest };
    canvas.text(26 + names, y, rest, said, tone);
    if wide {
        let x = canvas.columns().saturating_sub(17);
        canvas.text(x, y, 17, &actor, Tone::Dim);
    }
    if selected {
        canvas.tint(y, Tone::Selected);
    }
}
