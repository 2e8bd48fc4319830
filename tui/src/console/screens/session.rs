//! One session: what it is, and everything that happened to it.

use countersign_openapi::{Event, Session, display_safe};
use time::OffsetDateTime;

use super::table::{self, Fact};
use super::{Canvas, Tone};
use crate::console::canvas::width;
use crate::console::model::Model;
use crate::console::pane::Pane;
use crate::console::split;
use crate::console::text::{ago, clock, moment, span};
use crate::console::theme::Signs;
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
    let now = model.now;
    let (columns, rows) = (canvas.columns(), canvas.rows());
    let split = split(rows, columns);
    let left = if split.wide { 50.min(columns) } else { columns };
    let facts = split.facts_rows;
    let mut pane = canvas.part(0, 0, left, facts);
    let title = format!("Session {id}");
    let mut inside = pane.pane(&title, &view.pane.age(now), false);
    if !table::nothing(
        &mut inside,
        &view.pane,
        view.pane.data().is_none(),
        "no such session",
    ) && let Some(session) = view.pane.data()
    {
        let told = self::facts(model, session, inside.signs());
        table::facts(&mut inside, &told);
    }
    let number = view.others.data().map_or(0, Vec::len);
    let others = format!("Sessions of the account ({number})");
    if split.wide {
        let mut pane = canvas.part(0, facts, left, rows - facts);
        beside(&mut pane, &others, &view.others, view.at_other, now);
        let mut pane = canvas.part(left, 0, columns - left, rows);
        history(&mut pane, &view.timeline, view.at_other.is_none(), now);
    } else if view.at_other.is_some() {
        let mut pane = canvas.part(0, facts, columns, rows.saturating_sub(facts));
        beside(&mut pane, &others, &view.others, view.at_other, now);
    } else {
        let mut pane = canvas.part(0, facts, columns, rows.saturating_sub(facts));
        history(&mut pane, &view.timeline, true, now);
    }
}

/// The sessions beside it, in a pane.
pub(super) fn beside(
    canvas: &mut Canvas<'_>,
    title: &str,
    sessions: &Pane<Vec<Session>>,
    at: Option<uuid::Uuid>,
    now: OffsetDateTime,
) {
    let mut inside = canvas.pane(title, &sessions.age(now), at.is_some());
    table::beside(&mut inside, sessions, at, now);
}

/// A history, in a pane.
pub(super) fn history(
    canvas: &mut Canvas<'_>,
    timeline: &Timeline,
    focused: bool,
    now: OffsetDateTime,
) {
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
    let mut inside = canvas.pane(&title, &timeline.pane.age(now), focused);
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

fn facts(model: &Model, session: &Session, signs: &Signs) -> Vec<Fact> {
    let now = model.now;
    let (state, tone) = table::state(session);
    let own = model.identity.as_ref().map(|identity| identity.account);
    let plain = |text: String| (text, Tone::Plain);
    let at = |at: OffsetDateTime| format!("{} ({} ago)", moment(now, at), ago(now, at));
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
        (format!("{}, by {by}", table::reason(session)), Tone::Warn)
    } else {
        let left = span(session.expires_at - now);
        plain(format!("in {left}, if nothing happens"))
    };
    let ended_at = session.ended.as_ref().map(|ended| at(ended.at));
    let elsewhere = match session.elsewhere_at {
        Some(moment) => (format!("! {}", at(moment)), Tone::Danger),
        None => plain("not seen".to_owned()),
    };
    let ip = session.ip.clone().unwrap_or_else(|| "-".to_owned());
    let mut facts: Vec<Fact> = Vec::new();
    let mut push = |label, (text, tone): (String, Tone)| facts.push((label, text, tone));
    push("user", (email, Tone::Strong));
    push("state", state);
    push("ends", end);
    push("address", plain(ip));
    push("device", plain(table::device(session)));
    push("auth", plain(table::auth(session)));
    push("started", plain(at(session.started_at)));
    push("seen", plain(at(session.last_seen_at)));
    push("ended", plain(ended_at.unwrap_or_else(|| "no".to_owned())));
    push("program", plain(session.client.clone()));
    push(
        "refreshed",
        plain(format!("{} times", session.generation.saturating_sub(1))),
    );
    push("elsewhere", elsewhere);
    facts
}
