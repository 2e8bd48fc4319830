//! How answers are written: for people, or for programs.
//!
//! What is not ours to say (names, addresses, user agents, reasons) goes
//! through `display_safe` where people read it; what is left of it in JSON is
//! escaped by the last gate, `say`. Prose that nobody asked for goes to stderr.

use clap::{Args, ValueEnum};
use countersign_openapi::{Applied, display_safe, display_safe_to};
use countersign_tui::console::width;
pub(super) use countersign_tui::{second as moment, word};
use serde::Serialize;

use super::verifiers::waited;
use crate::parts::Failure;
use crate::{Exit, say, tell};

/// How an answer is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Columns for people.
    #[default]
    Table,
    /// One JSON document, of what the service answers with; a list is an array.
    Json,
    /// One JSON document a line.
    Jsonl,
    /// The id alone.
    Id,
}

/// How the answer of a verb is written that does not speak HTTP.
#[derive(Debug, Args)]
pub struct Format {
    /// How the answer is written.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// Says a JSON document, over several lines or on one.
pub(super) fn document<T: Serialize + ?Sized>(output: Output, value: &T) -> Result<(), Failure> {
    let json = match output {
        Output::Json => serde_json::to_string_pretty(value),
        Output::Table | Output::Jsonl | Output::Id => serde_json::to_string(value),
    };
    say(&json.map_err(Failure::other)?);
    Ok(())
}

/// Says a list. For programs an empty one is `[]` or nothing.
pub(super) fn write<T: Serialize, I: std::fmt::Display>(
    output: Output,
    items: &[T],
    head: &[&str],
    row: impl Fn(&T) -> Vec<String>,
    id: impl Fn(&T) -> I,
) -> Result<(), Failure> {
    match output {
        Output::Json => document(output, items),
        Output::Table | Output::Jsonl | Output::Id => {
            rows(output, &mut Table::of(head), items, row, id)
        }
    }
}

/// Says a part of a list that is not JSON as a whole.
pub(super) fn rows<T: Serialize, I: std::fmt::Display>(
    output: Output,
    table: &mut Table,
    items: &[T],
    row: impl Fn(&T) -> Vec<String>,
    id: impl Fn(&T) -> I,
) -> Result<(), Failure> {
    if output == Output::Table {
        table.say(items.iter().map(row).collect());
        return Ok(());
    }
    for item in items {
        match output {
            Output::Id => say(&id(item).to_string()),
            Output::Table | Output::Json | Output::Jsonl => document(Output::Jsonl, item)?,
        }
    }
    Ok(())
}

/// The lines of a table, its head first.
pub(super) fn table(head: &[&str], rows: Vec<Vec<String>>) -> Vec<String> {
    Table::of(head).lines(rows)
}

/// A table whose rows come one by one or page by page: every column but the
/// last is as wide as its widest cell so far.
pub(super) struct Table {
    /// Until it is written.
    head: Vec<String>,
    widths: Vec<usize>,
}

/// Cells that a column takes at most. What is longer moves its own row only:
/// a name must not push everybody else's row off the screen.
const COLUMN_MAX: usize = 64;

/// Characters of a cell.
const CELL_CHARS_MAX: usize = 1_024;

impl Table {
    /// With this head, which may be empty.
    pub(super) fn of(head: &[&str]) -> Self {
        Self {
            head: head.iter().map(|&name| name.to_owned()).collect(),
            widths: Vec::new(),
        }
    }

    /// With columns of at least these widths, for rows that nobody knows yet.
    pub(super) fn at_least(mut self, widths: &[usize]) -> Self {
        self.widths = widths.to_vec();
        self
    }

    /// Says these rows.
    pub(super) fn say(&mut self, rows: Vec<Vec<String>>) {
        for line in self.lines(rows) {
            say(&line);
        }
    }

    /// The lines of these rows, safe to show, below the head if it was not
    /// written yet. The texts of cells may be anybody's.
    fn lines(&mut self, mut rows: Vec<Vec<String>>) -> Vec<String> {
        let head = std::mem::take(&mut self.head);
        if !head.is_empty() {
            rows.insert(0, head);
        }
        for row in &mut rows {
            for cell in &mut *row {
                *cell = display_safe_to(cell, CELL_CHARS_MAX).into_owned();
            }
            self.widths.resize(self.widths.len().max(row.len()), 0);
            for (cell, widest) in row.iter().zip(&mut self.widths) {
                *widest = (*widest).max(width(cell).min(COLUMN_MAX));
            }
        }
        rows.iter().map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &[String]) -> String {
        let mut line = String::new();
        for (cell, widest) in row.iter().zip(&self.widths) {
            line.push_str(cell);
            let missing = widest.saturating_sub(width(cell));
            line.extend(std::iter::repeat_n(' ', missing + 2));
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Says one thing: `text` for people, which must be safe to show.
pub(super) fn one<T: Serialize>(
    output: Output,
    value: &T,
    id: impl std::fmt::Display,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    match output {
        Output::Table => say(text().trim_end()),
        Output::Id => say(&id.to_string()),
        Output::Json | Output::Jsonl => document(output, value)?,
    }
    Ok(())
}

/// Says what was done to something, as of which position, and who has applied
/// it if that was waited for.
pub(super) fn done(
    output: Output,
    id: impl std::fmt::Display,
    text: &str,
    position: &str,
    applied: Option<&Applied>,
) -> Result<Exit, Failure> {
    let mut value = serde_json::json!({"id": id.to_string(), "position": position});
    if let Some(applied) = applied {
        value["applied"] = serde_json::to_value(applied).map_err(Failure::other)?;
    }
    let text = || format!("{text} as of {}", display_safe(position));
    one(output, &value, id, text)?;
    Ok(applied.map_or(Exit::Done, waited))
}

/// What is known of one thing, a line each; what is empty is left out.
pub(super) fn facts(facts: &[(&str, String)]) -> String {
    let known = facts.iter().filter(|(_, value)| !value.is_empty());
    let lines = known.map(|(name, value)| format!("{name:<14}  {}", display_safe(value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// A cell of what may not be known.
pub(super) fn or_dash(text: Option<&str>) -> String {
    text.unwrap_or("-").to_owned()
}

/// Tells whoever looks that there is more.
pub(super) fn note_next(next: Option<&str>) {
    if let Some(next) = next {
        tell(&format!("more: --after {}", display_safe(next)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(row: &[&str]) -> Vec<String> {
        row.iter().map(|&cell| cell.to_owned()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_the_last_is_free() {
        let rows = vec![
            cells(&["a long name", "1", "x"]),
            cells(&["\u{6771}\u{4eac}", "", "what is last is as long as it is"]),
            cells(&["a", "22222", ""]),
        ];
        assert_eq!(
            table(&["NAME", "N", "LAST"], rows),
            [
                "NAME         N      LAST",
                "a long name  1      x",
                "\u{6771}\u{4eac}                what is last is as long as it is",
                "a            22222",
            ]
        );
        assert_eq!(table(&["NAME", "N"], Vec::new()), ["NAME  N"]);
    }

    #[test]
    fn a_cell_of_anybodys_moves_its_own_row_only() {
        let long = "n".repeat(300);
        let rows = vec![cells(&[&long, "1"]), cells(&["b\u{1b}\n", "2"])];
        let lines = table(&["NAME", "N"], rows);
        assert_eq!(lines[1], format!("{long}  1"));
        assert_eq!(lines[2], format!("{:<64}  2", "b\\u{1b}\\u{a}"));
    }

    #[test]
    fn what_comes_later_widens_what_comes_after_it() {
        let mut table = Table::of(&["NAME", "N"]).at_least(&[6]);
        assert_eq!(table.lines(Vec::new()), ["NAME    N"]);
        assert_eq!(table.lines(vec![cells(&["a", "1"])]), ["a       1"]);
        let more = vec![cells(&["a", "1"]), cells(&["sessions", "2"])];
        assert_eq!(table.lines(more), ["a         1", "sessions  2"]);
    }

    #[test]
    fn ab_72_facts_are_safe_to_show_and_leave_out_what_is_not_known() {
        let shown = facts(&[
            ("name", "a\u{1b}[2J\u{202e}b\nc".to_owned()),
            ("roles", String::new()),
            ("id", "7".to_owned()),
        ]);
        assert_eq!(
            shown,
            "name            a\\u{1b}[2J\\u{202e}b\\u{a}c\nid              7"
        );
    }
}
