//! One session: what it is, and everything that happened to it.

use countersign_openapi::{Ended, Event, Session, display_safe};
use time::OffsetDateTime;

use super::{Canvas, Tone, facts, table};
use crate::console::canvas::width;
use crate::console::model::Model;
use crate::console::pane::Pane;
use crate::console::split;
use crate::console::text::{clock, many, moment, short};
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
    let end = ended_elsewhere(model);
    let number = view.others.data().map_or(0, Vec::len);
    let others = format!("Sessions of the account ({number})");
    if split.wide {
        let mut pane = canvas.part(0, facts, left, rows - facts);
        beside(model, &mut pane, &others, &view.others, view.at_other);
        let mut pane = canvas.part(left, 0, columns - left, rows);
        history(model, &mut pane, &view.timeline, view.is_in_timeline(), end);
    } else if view.at_other.is_some() {
        let mut pane = canvas.part(0, facts, columns, rows.saturating_sub(facts));
        beside(model, &mut pane, &others, &view.others, view.at_other);
    } else {
        let mut pane = canvas.part(0, facts, columns, rows.saturating_sub(facts));
        history(model, &mut pane, &view.timeline, view.is_in_timeline(), end);
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

/// How an opened session ended, if its own history does not tell that: it
/// ended with something that happened to its account.
pub fn ended_elsewhere(model: &Model) -> Option<&Ended> {
    let timeline = &model.session.timeline;
    let ended = model.session.pane.data()?.ended.as_ref()?;
    let events = timeline.events();
    let is_whole =
        !timeline.pane.is_loading() && !timeline.has_more() && events.len() < timeline::EVENTS_MAX;
    // A history that was read before the end cannot tell of it.
    let is_newer = timeline.pane.since()? > ended.at + time::Duration::SECOND;
    let tells = |event: &Event| event.noun == "session" && event.name == "ended";
    (is_whole && is_newer && !events.iter().any(tells)).then_some(ended)
}

/// A history, in a pane, and an end that is not in it.
pub(super) fn history(
    model: &Model,
    canvas: &mut Canvas<'_>,
    timeline: &Timeline,
    focused: bool,
    end: Option<&Ended>,
) {
    let now = model.then();
    let follow = if timeline.is_paused() {
        "paused, f follows"
    } else {
        "newest last"
    };
    let number = timeline.events().len();
    let events = if timeline.has_more() {
        format!("{number}+ events")
    } else {
        many(number, "event")
    };
    let title = format!("What happened  {events}, {follow}");
    let mut inside = canvas.pane(&title, &model.age(&timeline.pane), focused);
    let empty = timeline.events().is_empty();
    if table::nothing(&mut inside, &timeline.pane, empty, "nothing is in the log") {
        return;
    }
    let height = usize::from(inside.rows()).saturating_sub(usize::from(end.is_some()));
    let mut last = 0;
    for (y, (event, selected)) in (0..).zip(timeline.shown(height)) {
        line(&mut inside, y, event, selected && focused, now, false);
        last = y + 1;
    }
    if let Some(ended) = end {
        // It has no cursor: it stands in the log of the account.
        let y = last.min(inside.rows().saturating_sub(1));
        inside.text(2, y, 11, &when(now, ended.at), Tone::Dim);
        let reason = ended.reason.replace('_', " ");
        let told = format!("ended with the account: {reason}; u opens it");
        inside.text(14, y, u16::MAX, &told, Tone::Strong);
    }
}

/// When something happened, as short as it can be told apart.
pub(super) fn when(now: OffsetDateTime, at: OffsetDateTime) -> String {
    if at.date() == now.date() {
        clock(at)
    } else {
        moment(now, at)
    }
}

/// An event in a line: when, where in the log, what, whom it concerns if that
/// is not said above, and the rest.
pub(super) fn line(
    canvas: &mut Canvas<'_>,
    y: u16,
    event: &Event,
    selected: bool,
    now: OffsetDateTime,
    concerns: bool,
) {
    let tone = timeline::tone(event);
    let signs = canvas.signs();
    if selected {
        canvas.text(0, y, 1, signs.cursor, Tone::Strong);
    }
    canvas.text(2, y, 11, &when(now, event.occurred_at), Tone::Dim);
    canvas.text(14, y, 10, &event.position, Tone::Dim);
    let wide = canvas.columns() >= 90;
    let names = if wide { 30 } else { 24 };
    canvas.text(25, y, names, &timeline::name(event), tone);
    let actor = timeline::actor(event, signs.ellipsis);
    let mut x = 26 + names;
    if concerns {
        canvas.text(x, y, 7, &short(event.subject_id, signs.ellipsis), Tone::Dim);
        x += 8;
    }
    let rest = canvas.columns().saturating_sub(x);
    let said = timeline::summary(event);
    let whole = format!("{said} by {actor}");
    let fits = width(&display_safe(&whole)) <= usize::from(rest);
    let said = if actor != "itself" && !wide && fits {
        whole.trim_start()
    } else {
        &said
    };
    let rest = if wide { rest.saturating_sub(18) } else { rest };
    canvas.text(x, y, rest, said, tone);
    if wide {
        let x = canvas.columns().saturating_sub(17);
        canvas.text(x, y, 17, &actor, Tone::Dim);
    }
    if selected {
        canvas.tint(y, Tone::Selected);
    }
}
