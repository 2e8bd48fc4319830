//! A moment as people type it.

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime, Time};

use crate::console::length;

/// Longer than any moment that is understood.
const LENGTH_MAX: usize = 64;

const TIMES: [&[BorrowedFormatItem<'_>]; 2] = [
    format_description!("[hour]:[minute]:[second]"),
    format_description!("[hour]:[minute]"),
];

const DATES: [&[BorrowedFormatItem<'_>]; 2] = [
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]"),
    format_description!("[year]-[month]-[day] [hour]:[minute]"),
];

/// Reads a moment: RFC 3339 (`2026-11-22T14:03:07Z`), or UTC as it is shown in
/// tables (`2026-11-22 14:03:07`), or a time of the UTC day that `now` is in
/// (`14:03:07`), or so long before `now` (`-90s`, `-5m`, `-1h`, `-2d`). Seconds
/// may be left out of the middle two, and a `Z` at their end is ignored.
///
/// # Errors
///
/// A sentence that says what is understood, when `text` is none of these. That
/// a moment lies ahead is no error here.
pub fn moment(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, String> {
    let refused = || {
        "not a time: expected 2026-11-22T14:03:07Z, \"2026-11-22 14:03:07\" or 14:03:07, in UTC"
            .to_owned()
    };
    let text = text.trim();
    if text.len() > LENGTH_MAX {
        return Err(refused());
    }
    if let Some(ago) = text.strip_prefix('-') {
        return length(ago)
            .and_then(|ago| now.checked_sub(ago))
            .map(|at| at.to_offset(time::UtcOffset::UTC))
            .ok_or_else(|| {
                "not a time: expected a length such as -90s, -15m, -1h or -2d".to_owned()
            });
    }
    if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(at.to_offset(time::UtcOffset::UTC));
    }
    let text = text.strip_suffix('Z').unwrap_or(text);
    let today = now.to_offset(time::UtcOffset::UTC).date();
    let of_today = TIMES
        .iter()
        .find_map(|format| Time::parse(text, format).ok())
        .map(|at| PrimitiveDateTime::new(today, at));
    let of_a_day = || {
        let dates = DATES.iter();
        let mut dates = dates.filter_map(|format| PrimitiveDateTime::parse(text, format).ok());
        dates.next()
    };
    of_today
        .or_else(of_a_day)
        .map(PrimitiveDateTime::assume_utc)
        .ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-22 01:30:00 +2);

    #[test]
    fn a_moment_is_typed_in_more_than_one_way() {
        for (text, expected) in [
            ("2026-11-22T14:03:07Z", datetime!(2026-11-22 14:03:07 UTC)),
            (
                "2026-11-22T16:03:07.25+02:00",
                datetime!(2026-11-22 14:03:07.25 UTC),
            ),
            ("2026-11-22 14:03:07", datetime!(2026-11-22 14:03:07 UTC)),
            ("2026-11-22 14:03:07Z", datetime!(2026-11-22 14:03:07 UTC)),
            ("2026-11-22 14:03", datetime!(2026-11-22 14:03 UTC)),
            // It is still the 21st in UTC.
            ("14:03:07", datetime!(2026-11-21 14:03:07 UTC)),
            (" 14:03 ", datetime!(2026-11-21 14:03 UTC)),
            ("00:00", datetime!(2026-11-21 00:00 UTC)),
            ("-90s", datetime!(2026-11-21 23:28:30 UTC)),
            (" -5m", datetime!(2026-11-21 23:25 UTC)),
            ("-2d", datetime!(2026-11-19 23:30 UTC)),
        ] {
            assert_eq!(moment(text, NOW), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "Z",
            "now",
            "yesterday",
            "24:00",
            "14:60",
            "14",
            "2026-11-22",
            "2026-02-30 10:00",
            "2026-13-01 10:00",
            "22.11.2026 14:03",
            "2026-11-22 14:03:07 and more",
            "1795356187000",
            "\u{202e}14:03",
            "-",
            "-5",
            "-5y",
            "--5m",
            "-4000000000d",
            &"1".repeat(10_000),
        ] {
            let refused = moment(text, NOW).expect_err(text);
            assert!(refused.starts_with("not a time: "), "{refused}");
        }
    }
}
