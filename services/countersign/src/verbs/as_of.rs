//! `--as-of`: what was, and why.

use std::collections::BTreeMap;

use countersign_api::Clock;
use countersign_openapi::{Cause, display_safe};
use countersign_tui::moment;
use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use crate::parts::Failure;
use crate::say;

/// As of when, as the service takes it.
#[derive(Debug, Clone)]
pub struct AsOf(pub(super) String);

/// Reads a time as people type it, or what an earlier answer said of itself.
pub(super) fn parse(text: &str) -> Result<AsOf, String> {
    if text.contains('@') {
        return Ok(AsOf(text.to_owned()));
    }
    let at = moment(text, Clock::system().now().to_datetime());
    let at = at.map_err(|why| {
        if text.trim().starts_with('-') {
            why
        } else {
            format!("{why}, or so long ago as -5m says")
        }
    })?;
    at.format(&Rfc3339)
        .map(AsOf)
        .map_err(|error| error.to_string())
}

/// Every field that is shown, and under it the event that gave it its value;
/// nothing about what is shown as of now.
pub(super) fn say_causes(
    item: &impl Serialize,
    causes: Option<&BTreeMap<String, Cause>>,
) -> Result<(), Failure> {
    let shown = serde_json::to_value(item).map_err(Failure::other)?;
    for (field, cause) in causes.into_iter().flatten() {
        let value = match &shown[field] {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        say(&format!("{field}: {}", display_safe(&value)));
        say(&format!(
            "    {} {} at {} by {} ({})",
            display_safe(&cause.noun),
            display_safe(&cause.name),
            super::output::moment(cause.at),
            display_safe(&cause.by),
            display_safe(&cause.position),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Clock, parse};

    #[test]
    fn a_time_or_the_words_of_an_answer_are_taken() {
        let read = |text: &str| parse(text).map(|as_of| as_of.0);
        assert_eq!(
            read("2026-11-22 14:03").as_deref(),
            Ok("2026-11-22T14:03:00Z")
        );
        assert_eq!(
            read("12-0@1795356187000").as_deref(),
            Ok("12-0@1795356187000")
        );
        let ago = read("-5m").expect("a time");
        assert!(ago < Clock::system().now().to_string(), "{ago}");
        assert!(read("yesterday").is_err_and(|why| why.contains("-5m")));
        assert!(read("--state").is_err());
    }
}
