//! What operators see.

use poem_openapi::types::{Any, Example};
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::{Uuid, uuid};

/// The state of the whole, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Overview {
    /// When these numbers were true.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The positions they were read at, one per shard: a cursor over the log.
    pub positions: Vec<String>,
    /// Accounts that exist.
    pub accounts: u64,
    /// Sessions that can be refreshed.
    pub sessions_active: u64,
    /// Sessions opened in the last 15 minutes.
    pub logins_15m: u64,
    /// Logins refused by the answering instance in the last 15 minutes.
    pub logins_failed_15m: u64,
    /// Sessions opened in the last 24 hours.
    pub logins_24h: u64,
    /// Sessions ended by somebody or a rule in the last 24 hours.
    pub sessions_ended_24h: u64,
    /// Of these, because a refresh token was used twice.
    pub refresh_reused_24h: u64,
    /// The read models these numbers come from.
    pub projections: Vec<ProjectionState>,
}

impl Example for Overview {
    fn example() -> Self {
        Self {
            at: datetime!(2026-11-22 14:03:07 UTC),
            positions: vec!["0.8391".to_owned(), "1.8412".to_owned()],
            accounts: 120_551,
            sessions_active: 48_210,
            logins_15m: 1_204,
            logins_failed_15m: 311,
            logins_24h: 61_377,
            sessions_ended_24h: 912,
            refresh_reused_24h: 3,
            projections: vec![ProjectionState::example()],
        }
    }
}

/// What a projection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum ProjectionMode {
    /// It follows the log.
    Running,
    /// It reads the log again from the start, beside the version that serves.
    Rebuilding,
    /// Its store does not answer; it tries again.
    Retrying,
    /// An event could not be applied. It waits for a repair and skips nothing.
    Stopped,
    /// Nobody projects this shard.
    Unowned,
}

/// What is wrong with a projection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct ProjectionFault {
    /// The event that could not be applied; where it is, if it did not stop at
    /// one.
    pub position: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// What went wrong, without personal data.
    pub message: String,
}

impl Example for ProjectionFault {
    fn example() -> Self {
        Self {
            position: "1.8401".to_owned(),
            since: datetime!(2026-11-22 13:52:00 UTC),
            message: "unknown event session.started version 9".to_owned(),
        }
    }
}

/// One read model on one shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct ProjectionState {
    /// Its name.
    pub name: String,
    /// The version of its tables.
    pub version: u32,
    /// The shard.
    pub shard: u32,
    /// What it is doing.
    pub state: ProjectionMode,
    /// What a rebuild is at: `waiting`, `filling`, `indexing`, `catching up`,
    /// `switching` or `failed`; left out of what serves.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The last position whose rows are committed.
    pub position: String,
    /// The last position in the log.
    pub log_end: String,
    /// Events between the two.
    pub lag_events: u64,
    /// Events applied per second, lately or since a rebuild began; left out
    /// when not known.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_per_second: Option<u64>,
    /// Seconds until it has caught up, at that rate, or until the whole of a
    /// rebuild has; left out when not known.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
    /// The instance that projects it; null if none does, or if the caller may
    /// not know.
    #[oai(nullable)]
    pub owner: Option<String>,
    /// Why it stopped, or that its read models are to be rebuilt; null if
    /// nothing is wrong, or if the caller may not know.
    #[oai(nullable)]
    pub fault: Option<ProjectionFault>,
}

impl Example for ProjectionState {
    fn example() -> Self {
        Self {
            name: "sessions".to_owned(),
            version: 1,
            shard: 1,
            state: ProjectionMode::Running,
            phase: None,
            position: "1.8410".to_owned(),
            log_end: "1.8412".to_owned(),
            lag_events: 2,
            events_per_second: Some(410),
            eta_seconds: None,
            owner: Some("node-a".to_owned()),
            fault: None,
        }
    }
}

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct EventActor {
    /// `account`, `client`, `system` or `anonymous`.
    pub kind: String,
    /// The account's or client's id; left out for the others.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
}

impl Example for EventActor {
    fn example() -> Self {
        Self {
            kind: "account".to_owned(),
            id: Some(uuid!("019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007")),
        }
    }
}

/// One event of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Event {
    /// Its id.
    pub id: Uuid,
    /// Where it stands in the log. Events of one decision share a position.
    pub position: String,
    /// What it is about: `account`, `session`, `key`, `email`.
    pub noun: String,
    /// Which one.
    pub subject_id: Uuid,
    /// What happened: `started`, `refreshed`, `ended`.
    pub name: String,
    /// The version of its payload.
    pub version: u32,
    /// When it was decided.
    #[serde(with = "time::serde::rfc3339")]
    pub occurred_at: OffsetDateTime,
    /// Who caused it.
    pub actor: EventActor,
    /// The request it belongs to: the `Countersign-Request-Id` of its answer.
    pub correlation_id: Uuid,
    /// The event that led to it; left out if none did.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    /// The W3C `traceparent` of the request; left out if there was none.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_parent: Option<String>,
    /// The rest, by name and version. Sealed fields stay sealed.
    #[serde(with = "any")]
    pub payload: Any<Value>,
    /// What the operator wrote who did it, for operators; only in the events of
    /// one account or one session, and not once the person was erased. Show it
    /// through `display_safe` only.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Example for Event {
    fn example() -> Self {
        Self {
            id: uuid!("019a2b3c-5a02-7a11-8e00-0a0b0c0d0e07"),
            position: "3.8412".to_owned(),
            noun: "session".to_owned(),
            subject_id: uuid!("019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07"),
            name: "ended".to_owned(),
            version: 1,
            occurred_at: datetime!(2026-11-22 14:23:11 UTC),
            actor: EventActor::example(),
            correlation_id: uuid!("019a2b3c-5a00-7000-8000-000000000007"),
            causation_id: None,
            trace_parent: None,
            payload: Any(json!({ "reason": "logout" })),
            note: None,
        }
    }
}

/// `Any` is a wrapper for poem-openapi; on the wire it is the value alone.
mod any {
    use poem_openapi::types::Any;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    pub(super) fn serialize<S: Serializer>(
        value: &Any<Value>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.0.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Any<Value>, D::Error> {
        Value::deserialize(deserializer).map(Any)
    }
}
