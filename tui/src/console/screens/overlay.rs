//! Help, palette, filter, errors, JSON and choices: what lies over a screen.

use countersign_openapi::display_safe;

use super::{Canvas, Screen, Tone};
use crate::console::canvas::width;
use crate::console::input::LineEdit;
use crate::console::keys::TABLE;
use crate::console::model::{MenuItem, Model};
use crate::console::past;
use crate::console::text::{ago, clock, stamp};
use crate::console::update::{fields, found, refused};

/// Where the cursor belongs, if it is shown.
pub(super) type Cursor = Option<(u16, u16)>;

/// A pane over the middle, as large as it has to be; its inside and where that
/// begins.
pub(super) fn over<'a>(
    canvas: &'a mut Canvas<'_>,
    title: &str,
    columns: u16,
    rows: u16,
) -> (Canvas<'a>, u16, u16) {
    let columns = columns.min(canvas.columns());
    let rows = rows.min(canvas.rows());
    let x = (canvas.columns() - columns) / 2;
    let y = (canvas.rows() - rows) / 2;
    let mut pane = canvas.part(x, y, columns, rows);
    pane.clear();
    pane.pane(title, "", true);
    let (columns, rows) = (columns.saturating_sub(2), rows.saturating_sub(2));
    (canvas.part(x + 1, y + 1, columns, rows), x + 1, y + 1)
}

/// Draws a line that is typed, its end in view, and says where its cursor is.
pub(super) fn field(
    canvas: &mut Canvas<'_>,
    x: u16,
    y: u16,
    columns: u16,
    line: &LineEdit,
    hidden: bool,
) -> u16 {
    let columns = columns.min(canvas.columns().saturating_sub(x + 2));
    let sign = canvas.signs().hidden;
    let shown: Vec<String> = line
        .text()
        .chars()
        .map(|character| {
            if hidden {
                sign.to_owned()
            } else {
                // One character at a time, so that the cursor stands right.
                let mut bytes = [0; 4];
                display_safe(character.encode_utf8(&mut bytes)).into_owned()
            }
        })
        .collect();
    canvas.text(x, y, 1, "[", Tone::Dim);
    canvas.text(x + 1 + columns, y, 1, "]", Tone::Dim);
    let room = usize::from(columns).saturating_sub(1);
    let before = |from: usize| -> usize {
        let until = line.cursor().min(shown.len());
        shown
            .get(from..until)
            .into_iter()
            .flatten()
            .map(|text| width(text))
            .sum()
    };
    let mut from = 0;
    while from < line.cursor() && before(from) > room {
        from += 1;
    }
    let mut at = x + 1;
    for text in shown.iter().skip(from) {
        let cells = u16::try_from(width(text)).unwrap_or(u16::MAX);
        if at.saturating_add(cells) > x + 1 + columns {
            break;
        }
        at += canvas.text(at, y, cells, text, Tone::Plain);
    }
    x + 1 + u16::try_from(before(from)).unwrap_or(u16::MAX).min(columns)
}

pub(super) fn help(model: &Model, top: usize, canvas: &mut Canvas<'_>) -> Cursor {
    let rows: Vec<_> = TABLE
        .iter()
        .filter(|row| row.counts_on(model.screen))
        .collect();
    let title = format!("Keys on {}", model.screen.name());
    let height = u16::try_from(rows.len())
        .unwrap_or(u16::MAX)
        .saturating_add(2);
    let (mut inside, ..) = over(canvas, &title, 78, height);
    let height = usize::from(inside.rows());
    let top = top.min(rows.len().saturating_sub(height));
    for (y, row) in (0..).zip(rows.iter().skip(top)) {
        let keys = row.all_keys();
        let reason = refused(model, row.action);
        let tone = if reason.is_some() {
            Tone::Dim
        } else {
            Tone::Plain
        };
        inside.text(
            1,
            y,
            9,
            if keys.is_empty() { ":" } else { &keys },
            Tone::Strong,
        );
        inside.text(11, y, 16, row.name, tone);
        let says = match reason {
            Some(reason) => format!("{} ({reason})", row.says),
            None => row.says.to_owned(),
        };
        inside.text(28, y, u16::MAX, &says, tone);
    }
    None
}

pub(super) fn palette(
    model: &Model,
    line: &LineEdit,
    at: usize,
    canvas: &mut Canvas<'_>,
) -> (u16, u16) {
    let rows = found(model, line.text());
    let (mut inside, left, top) = over(canvas, "Every action", 72, 18);
    inside.text(1, 0, 1, ":", Tone::Strong);
    let cursor = field(&mut inside, 2, 0, 60, line, false);
    let height = usize::from(inside.rows().saturating_sub(2)).max(1);
    let at = at.min(rows.len().saturating_sub(1));
    let skip = (at + 1).saturating_sub(height);
    for (y, (index, row)) in (2..).zip(rows.iter().enumerate().skip(skip).take(height)) {
        let reason = refused(model, row.action);
        let tone = if reason.is_some() {
            Tone::Dim
        } else {
            Tone::Plain
        };
        inside.text(1, y, 16, row.name, tone);
        inside.text(18, y, 6, &row.key(), Tone::Strong);
        inside.text(25, y, u16::MAX, reason.as_deref().unwrap_or(row.says), tone);
        if index == at {
            inside.tint(y, Tone::Selected);
        }
    }
    if let Some(text) = past::asked(line.text()) {
        let (told, tone) = match past::typed(text, model.now) {
            Ok(at) => {
                let age = ago(model.now, at);
                (format!("Enter shows {}, {age} ago", stamp(at)), Tone::Good)
            }
            Err(_) if text.trim().is_empty() => {
                let told = "for example  at 14:03:07   at 2026-11-22T14:03:07Z   at -5m";
                (told.to_owned(), Tone::Dim)
            }
            Err(refused) => (refused, Tone::Danger),
        };
        inside.clear();
        inside.text(1, 0, 1, ":", Tone::Strong);
        field(&mut inside, 2, 0, 60, line, false);
        inside.wrapped(1, 2, &told, tone);
    } else if rows.is_empty() {
        inside.text(1, 2, u16::MAX, "no such action", Tone::Dim);
    }
    (left + cursor, top)
}

pub(super) fn filter(
    model: &Model,
    line: &LineEdit,
    refused: Option<&str>,
    canvas: &mut Canvas<'_>,
) -> (u16, u16) {
    let title = format!("Filter {}", model.screen.name());
    let (mut inside, left, top) = over(canvas, &title, 76, 6);
    let cursor = field(&mut inside, 1, 0, 70, line, false);
    let known = fields(model.screen);
    let first = known.first().copied().unwrap_or_default();
    let told = format!(
        "{}:  age<1h  age>2d  !word; a bare word is {first}:",
        known.join(":  ")
    );
    inside.text(1, 1, u16::MAX, &told, Tone::Dim);
    if let Some(refused) = refused {
        inside.wrapped(1, 2, refused, Tone::Danger);
    } else {
        let example = match model.screen {
            Screen::Accounts => "for example  alice state:active mfa:no",
            Screen::Clients => "for example  orders state:active",
            Screen::Events => "for example  noun:session name:ended !refresh",
            _ => "for example  alice ip:10.0.0.0/8 !bot",
        };
        inside.text(1, 2, u16::MAX, example, Tone::Dim);
    }
    (left + cursor, top)
}

pub(super) fn errors(model: &Model, top: usize, canvas: &mut Canvas<'_>) -> Cursor {
    let (mut inside, ..) = over(canvas, "What went wrong, newest first", 78, 18);
    if model.errors.is_empty() {
        inside.text(1, 0, u16::MAX, "nothing", Tone::Good);
    }
    let mut y = 0;
    for (at, text) in model.errors.iter().rev().skip(top) {
        if y >= inside.rows() {
            break;
        }
        inside.text(1, y, 8, &clock(*at), Tone::Dim);
        y += inside.wrapped(10, y, &display_safe(text), Tone::Plain);
    }
    None
}

pub(super) fn raw(title: &str, lines: &[String], top: usize, canvas: &mut Canvas<'_>) -> Cursor {
    let rows = u16::try_from(lines.len())
        .unwrap_or(u16::MAX)
        .saturating_add(2);
    let (mut inside, ..) = over(canvas, title, 100, rows);
    let height = usize::from(inside.rows());
    let top = top.min(lines.len().saturating_sub(height));
    for (y, line) in (0..).zip(lines.iter().skip(top)) {
        inside.text(1, y, u16::MAX, line, Tone::Plain);
    }
    None
}

pub(super) fn menu(title: &str, items: &[MenuItem], at: usize, canvas: &mut Canvas<'_>) -> Cursor {
    let rows = u16::try_from(items.len())
        .unwrap_or(u16::MAX)
        .saturating_add(2);
    let (mut inside, ..) = over(canvas, title, 60, rows);
    for (y, (index, item)) in (0..).zip(items.iter().enumerate()) {
        let tone = if item.refused.is_some() {
            Tone::Dim
        } else {
            Tone::Plain
        };
        inside.text(1, y, 1, &item.key.to_string(), Tone::Strong);
        let says = match &item.refused {
            Some(reason) => format!("{} ({reason})", item.says),
            None => item.says.to_owned(),
        };
        inside.text(3, y, u16::MAX, &says, tone);
        if index == at {
            inside.tint(y, Tone::Selected);
        }
    }
    None
}

pub(super) fn export(model: &Model, canvas: &mut Canvas<'_>) -> Cursor {
    let title = format!("Export {}", model.screen.name());
    let (mut inside, ..) = over(canvas, &title, 60, 5);
    inside.text(
        1,
        0,
        u16::MAX,
        "what is loaded, into a file of this folder, as",
        Tone::Plain,
    );
    inside.line(
        1,
        1,
        &[
            ("j", Tone::Strong),
            (" JSONL, as the service answers", Tone::Plain),
        ],
    );
    inside.line(
        1,
        2,
        &[
            ("c", Tone::Strong),
            (" CSV, for a spreadsheet", Tone::Plain),
        ],
    );
    None
}
