//! Numbers on their way into Postgres and back.

use crate::ViewError;

/// A log sequence or counter as `bigint`. JetStream's sequences stay far below
/// the limit; a larger number can only be nonsense from an event, and stands as
/// the largest.
pub(crate) fn to_stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A `bigint` that was written by [`to_stored`].
pub(crate) fn from_stored(number: i64) -> Result<u64, ViewError> {
    u64::try_from(number).map_err(|_| ViewError::broken("a stored number is negative"))
}

/// A `smallint` that is a shard.
pub(crate) fn shard(number: i16) -> Result<u8, ViewError> {
    u8::try_from(number).map_err(|_| ViewError::broken("a stored shard is out of range"))
}
