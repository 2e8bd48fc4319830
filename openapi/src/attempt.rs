//! Sign-ins that were tried: what an operator is asked about.

use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::{Uuid, uuid};

/// How a try to sign in went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// It opened a session.
    SignedIn,
    /// The password was wrong.
    WrongPassword,
    /// The password was right, and the second factor was not.
    WrongFactor,
    /// It came too soon after failures, and was not looked at.
    Throttled,
    /// Too many sign-ins were under way, and it was turned away.
    Shed,
}

/// A try to sign in to an account. Those that failed are kept for some days
/// and not in the log of record, so that nobody can make that grow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Attempt {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// How it went.
    pub outcome: AttemptOutcome,
    /// The network it came from, cut to /24 or /48; left out for one that
    /// opened a session, whose address the session has.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The session it opened; left out if it opened none.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
    /// The request it was: the `Countersign-Request-Id` of its answer.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Uuid>,
}

impl Example for Attempt {
    fn example() -> Self {
        Self {
            at: datetime!(2026-11-22 14:03:07 UTC),
            outcome: AttemptOutcome::WrongPassword,
            network: Some("203.0.113.0/24".to_owned()),
            session_id: None,
            correlation_id: Some(uuid!("019a2b3c-5a00-7000-8000-000000000007")),
        }
    }
}
