//! Times and ids as people read them.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How long ago: `now`, `8 s`, `5 m`, `3 h`, `12 d`. What lies ahead counts
/// as now, for clocks differ.
pub fn ago(now: OffsetDateTime, at: OffsetDateTime) -> String {
    let seconds = (now - at).whole_seconds();
    if seconds < 1 {
        "now".to_owned()
    } else {
        span(Duration::seconds(seconds))
    }
}

/// A length of time in its largest unit: `8 s`, `5 m`, `3 h`, `12 d`.
pub fn span(length: Duration) -> String {
    let seconds = length.whole_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} m", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Minutes and seconds that are left: `9:42`.
pub fn countdown(left: Duration) -> String {
    let seconds = left.whole_seconds().max(0);
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// The time of day in UTC: `14:03:07`.
pub fn clock(at: OffsetDateTime) -> String {
    let (hour, minute, second) = at.time().as_hms();
    format!("{hour:02}:{minute:02}:{second:02}")
}

/// A moment in UTC, as short as it can be told apart: `14:03` today,
/// `11-21 14:03` before.
pub fn moment(now: OffsetDateTime, at: OffsetDateTime) -> String {
    let (hour, minute, _) = at.time().as_hms();
    if at.date() == now.date() {
        format!("{hour:02}:{minute:02}")
    } else if at.year() == now.year() {
        let month = u8::from(at.month());
        format!("{month:02}-{:02} {hour:02}:{minute:02}", at.day())
    } else {
        let month = u8::from(at.month());
        format!("{}-{month:02}-{:02}", at.year(), at.day())
    }
}

/// A moment in UTC in full: `2026-11-22 14:03:07Z`.
pub fn stamp(at: OffsetDateTime) -> String {
    let month = u8::from(at.month());
    format!("{}-{month:02}-{:02} {}Z", at.year(), at.day(), clock(at))
}

/// The end of an id, where ids made together differ most: `…5e5f07`.
pub fn short(id: Uuid, ellipsis: &str) -> String {
    let text = id.simple().to_string();
    format!("{ellipsis}{}", &text[text.len() - 6..])
}

/// A number with thousands apart: `8,412,907`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 session`, `2 sessions`.
pub fn many(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number as u64))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn lengths_are_told_in_their_largest_unit() {
        let now = datetime!(2026-11-22 14:03:07 UTC);
        let told = |seconds| ago(now, now - Duration::seconds(seconds));
        assert_eq!(told(-5), "now");
        assert_eq!(told(59), "59 s");
        assert_eq!(told(60), "1 m");
        assert_eq!(told(7_200), "2 h");
        assert_eq!(told(172_800), "2 d");
        assert_eq!(countdown(Duration::seconds(62)), "1:02");
        assert_eq!(countdown(Duration::seconds(-1)), "0:00");
    }

    #[test]
    fn numbers_and_moments_are_short() {
        let now = datetime!(2026-11-22 14:03:07 UTC);
        assert_eq!(count(8_412_907), "8,412,907");
        assert_eq!(count(12), "12");
        assert_eq!(many(1, "session"), "1 session");
        assert_eq!(many(2_000, "session"), "2,000 sessions");
        assert_eq!(moment(now, now), "14:03");
        assert_eq!(
            moment(now, datetime!(2026-11-21 09:05:00 UTC)),
            "11-21 09:05"
        );
        assert_eq!(
            moment(now, datetime!(2025-01-02 09:05:00 UTC)),
            "2025-01-02"
        );
        assert_eq!(short(Uuid::from_u128(0xabc), "~"), "~000abc");
    }
}
