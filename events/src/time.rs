//! A moment, as the log stores it.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since the Unix epoch, UTC.
///
/// The clock is read at the edge of the service and handed in; nothing in this
/// crate, the domain or a projection asks what time it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down: the unit of RFC 7519
    /// NumericDate claims.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This moment plus `duration`, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// The distance to `other`, whichever of the two is earlier. A clock that
    /// was set back must not make an old moment look recent, so callers that
    /// ask "how long ago" get a distance and never a negative number.
    pub fn distance(self, other: Self) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }

    /// The same moment for the `time` crate.
    ///
    /// Moments outside the years 0 to 9999 become the Unix epoch.
    pub fn to_datetime(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .filter(|moment| (0..10_000).contains(&moment.year()))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(moment: OffsetDateTime) -> Self {
        let millis = moment.unix_timestamp_nanos().div_euclid(1_000_000);
        Self(i64::try_from(millis).unwrap_or_default())
    }
}

/// RFC 3339, in UTC.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_datetime().format(&Rfc3339) {
            Ok(text) => f.write_str(&text),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shown_as_rfc_3339() {
        assert_eq!(
            Timestamp::from_millis(1_780_000_000_123).to_string(),
            "2026-05-28T20:26:40.123Z"
        );
    }

    #[test]
    fn a_clock_set_back_does_not_shorten_a_distance() {
        let noon = Timestamp::from_millis(1_000_000);
        let earlier = Timestamp::from_millis(400_000);
        assert_eq!(noon.distance(earlier), Duration::from_mins(10));
        assert_eq!(earlier.distance(noon), Duration::from_mins(10));
    }

    #[test]
    fn a_moment_out_of_range_does_not_panic() {
        assert_eq!(
            Timestamp::from_millis(i64::MAX).to_datetime(),
            OffsetDateTime::UNIX_EPOCH
        );
    }
}
