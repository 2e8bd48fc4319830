//! The log, live.

use time::OffsetDateTime;

use super::session::{self, when};
use super::{Canvas, Screen, Tone, chrome};
use crate::console::follow::Standing;
use crate::console::model::Model;
use crate::console::tail::{Tail, TailRow};
use crate::console::text::{ago, count, span};
use crate::console::update::fits_event;

pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    let tail = &model.tail;
    let now = model.now;
    let mode = mode(tail, now);
    let title = format!(
        "{}  {mode}",
        chrome::heading(model, Screen::Events, "newest last")
    );
    let age = match tail.heard {
        Some(heard) => match ago(now, heard).as_str() {
            "now" => "new".to_owned(),
            age => format!("STALE, {age} old"),
        },
        None if tail.follow.failed.is_some() => "not there".to_owned(),
        None => "loading".to_owned(),
    };
    let mut inside = canvas.pane(&title, &age, true);
    let fits = |row: &TailRow| fits_event(&model.event_filter, row, now);
    let height = usize::from(inside.rows());
    let shown = tail.shown(height, fits);
    let is_filtered = !model.event_filter.text().is_empty();
    let back = tail.looked_back_to(height, fits).filter(|_| is_filtered);
    let back = back.map(|at| format!("looked back to {}, k looks further", when(now, at)));
    if shown.is_empty() {
        nothing(model, back, &mut inside);
        return;
    }
    for (y, (row, at)) in (0..).zip(shown) {
        match row {
            TailRow::Event(event) => session::line(&mut inside, y, event, at, now, true),
            TailRow::Gap { shard, from, to } => {
                let missing = count((to - from).saturating_add(1));
                let told = format!(
                    "-- gap: {missing} messages of shard {shard} were not sent, {shard}.{from} to {shard}.{to} --"
                );
                inside.text(2, y, u16::MAX, &told, Tone::Warn);
                if at {
                    inside.tint(y, Tone::Selected);
                }
            }
        }
    }
    foot(model, back, canvas);
}

/// How the log comes in.
fn mode(tail: &Tail, now: OffsetDateTime) -> String {
    let more = match tail.unseen() {
        0 => String::new(),
        unseen => format!(" +{} while paused (G)", count(unseen)),
    };
    match (tail.follow.standing(now), tail.is_live()) {
        (Standing::Connecting, _) => "CONNECTING".to_owned(),
        (Standing::Reconnecting(wait), _) if wait.is_positive() => {
            format!("RECONNECTING in {}", span(wait))
        }
        (Standing::Reconnecting(_), _) => "RECONNECTING".to_owned(),
        (Standing::Replay, _) => "REPLAY".to_owned(),
        (Standing::Live, true) => "LIVE".to_owned(),
        (Standing::Live, false) => format!("PAUSED{more}"),
    }
}

/// Why there is no row.
fn nothing(model: &Model, back: Option<String>, canvas: &mut Canvas<'_>) {
    let tail = &model.tail;
    let failed = tail.follow.failed.as_ref().or(tail.pane.failed());
    if let Some(failed) = failed {
        let told = format!("! {}", failed.told());
        let rows = canvas.wrapped(1, 1, &told, Tone::Danger);
        let more = "r tries again, ! lists errors";
        canvas.text(1, rows + 2, u16::MAX, more, Tone::Dim);
    } else if tail.pane.is_loading() {
        canvas.text(1, 1, u16::MAX, "loading ...", Tone::Dim);
    } else if model.event_filter.text().is_empty() {
        canvas.text(1, 1, u16::MAX, "nothing is in the log yet", Tone::Dim);
    } else {
        let back = back.map_or_else(String::new, |back| format!("; {back}"));
        let told = format!(
            "no event fits the filter yet: events hold ids, not names{back}; Esc takes it away"
        );
        canvas.wrapped(1, 1, &told, Tone::Dim);
    }
}

/// Over the bottom border: how far the log was read.
fn foot(model: &Model, back: Option<String>, canvas: &mut Canvas<'_>) {
    let tail = &model.tail;
    let rows = canvas.rows();
    let positions = tail.positions().collect::<Vec<_>>().join(" ");
    let foot = match tail.dropped() {
        0 => positions,
        dropped => format!("{positions}, {} older dropped here", count(dropped)),
    };
    let foot = if tail.has_beginning() && !foot.is_empty() {
        format!("{foot}, from the beginning")
    } else {
        foot
    };
    if !foot.is_empty() && rows > 0 {
        let room = canvas.columns().saturating_sub(4);
        let back = back.map_or_else(String::new, |back| format!(" {back};"));
        let told = format!("{back} as of {foot} ");
        canvas.text(2, rows - 1, room, &told, Tone::Dim);
    }
}
