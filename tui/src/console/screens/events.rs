//! The log, live.

use super::{Canvas, Screen, Tone, chrome, session, table};
use crate::console::model::{Link, Model};
use crate::console::tail::TailRow;
use crate::console::text::count;
use crate::console::update::fits_event;

pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    let tail = &model.tail;
    let mode = match (model.link, tail.is_live()) {
        (Link::Down { .. }, _) => "RECONNECTING".to_owned(),
        (Link::Up, true) => "LIVE".to_owned(),
        (Link::Up, false) if tail.unseen() > 0 => {
            format!("PAUSED, {} more (G)", count(tail.unseen()))
        }
        (Link::Up, false) => "PAUSED".to_owned(),
    };
    let title = format!(
        "{}  {mode}",
        chrome::heading(model, Screen::Events, "newest last")
    );
    let mut inside = canvas.pane(&title, &tail.pane.age(model.now), true);
    let fits = |row: &TailRow| fits_event(&model.event_filter, row, model.now);
    let height = usize::from(inside.rows());
    let shown = tail.shown(height, fits);
    let none = "no event fits the filter yet; Esc takes it away";
    if table::nothing(&mut inside, &tail.pane, shown.is_empty(), none) {
        return;
    }
    for (y, (row, at)) in (0..).zip(shown) {
        match row {
            TailRow::Event(event) => session::line(&mut inside, y, event, at, model.now),
            TailRow::Gap(missing) => {
                let told = format!("-- gap: {} messages came too fast --", count(*missing));
                inside.text(2, y, u16::MAX, &told, Tone::Warn);
                if at {
                    inside.tint(y, Tone::Selected);
                }
            }
        }
    }
    foot(model, canvas);
}

/// Over the bottom border: how far the log was read.
fn foot(model: &Model, canvas: &mut Canvas<'_>) {
    let tail = &model.tail;
    let rows = canvas.rows();
    let positions = tail.positions().collect::<Vec<_>>().join(" ");
    let foot = match tail.dropped() {
        0 => positions,
        dropped => format!("{positions}, {} older dropped here", count(dropped)),
    };
    if !foot.is_empty() && rows > 0 {
        let room = canvas.columns().saturating_sub(4);
        canvas.text(2, rows - 1, room, &format!(" as of {foot} "), Tone::Dim);
    }
}
