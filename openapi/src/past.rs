//! What was, and why: answers as of a moment in the past.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::datetime;

/// The header that says as of what an answer is: where every shard of the log
/// stood, and when. Sent back as `as_of`, it asks for exactly the same state.
pub const AS_OF_HEADER: &str = "Countersign-As-Of";

/// The event that gave a field the value it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Cause {
    /// Where it stands in the log.
    pub position: String,
    /// What it is about: `session` or `account`.
    pub noun: String,
    /// What happened: `started`, `stepped_up`, `sessions_ended`.
    pub name: String,
    /// When it was decided.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who caused it: an account's id, `client` and a client's id, `system` or
    /// `anonymous`.
    pub by: String,
}

impl Example for Cause {
    fn example() -> Self {
        Self {
            position: "3.8412".to_owned(),
            noun: "session".to_owned(),
            name: "stepped_up".to_owned(),
            at: datetime!(2026-11-22 14:03:07 UTC),
            by: "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007".to_owned(),
        }
    }
}
