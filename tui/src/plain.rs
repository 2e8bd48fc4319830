//! Values of the contract as plain text.

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A word of the contract as it stands on the wire; empty for what is no word.
pub fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// A time to the second (RFC 3339), which is enough for people.
pub fn second(at: OffsetDateTime) -> String {
    let whole = at.replace_nanosecond(0).unwrap_or(at);
    whole.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use countersign_openapi::SessionState;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn words_and_times_are_written_as_the_contract_has_them() {
        assert_eq!(word(&SessionState::Active), "active");
        assert_eq!(word(&7), "");
        let at = datetime!(2026-11-22 14:03:07.9 UTC);
        assert_eq!(second(at), "2026-11-22T14:03:07Z");
    }
}
