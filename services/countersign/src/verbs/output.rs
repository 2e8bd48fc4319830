//! How answers are written: for people, or for programs.
//!
//! What is not ours to say (names, addresses, user agents, reasons) goes
//! through `display_safe` where people read it; what is left of it in JSON is
//! escaped by the last gate, `say`. Prose that nobody asked for goes to stderr.

use clap::{Args, ValueEnum};
use countersign_openapi::{Applied, display_safe};
use serde::Serialize;
use serde_json::Value;

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
    head: &str,
    row: impl Fn(&T) -> String,
    id: impl Fn(&T) -> I,
) -> Result<(), Failure> {
    match output {
        Output::Json => document(output, items),
        Output::Table => {
            say(head);
            rows(output, items, row, id)
        }
        Output::Jsonl | Output::Id => rows(output, items, row, id),
    }
}

/// Says a part of a list that is not JSON as a whole.
pub(super) fn rows<T: Serialize, I: std::fmt::Display>(
    output: Output,
    items: &[T],
    row: impl Fn(&T) -> String,
    id: impl Fn(&T) -> I,
) -> Result<(), Failure> {
    for item in items {
        match output {
            Output::Table => say(row(item).trim_end()),
            Output::Id => say(&id(item).to_string()),
            Output::Json | Output::Jsonl => document(Output::Jsonl, item)?,
        }
    }
    Ok(())
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

/// A word of the contract as it stands on the wire.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Seconds are enough for people.
pub(super) fn moment(at: time::OffsetDateTime) -> String {
    let whole = at.replace_nanosecond(0).unwrap_or(at);
    whole
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap_or_default()
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
