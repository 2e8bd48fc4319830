//! What happens to a revocation: the order to end every session of a kind.

use serde::{Deserialize, Serialize};

use crate::set::event_set;
use crate::{Noun, Sealed};

event_set! {
    /// Events on `revocation` subjects. Each session's own end names the order
    /// as its cause; here stand only the order and what came of it.
    pub enum RevocationEvent for RevocationId (Noun::Revocation) {
        /// An operator ordered it.
        Requested = "requested" 1,
        /// It is known how many sessions it is about.
        Counted = "counted" 1,
        /// It was carried out.
        Completed = "completed" 1,
        /// It was given up before it was carried out.
        Cancelled = "cancelled" 1,
    }
}

/// An operator ordered it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requested {
    /// Which sessions, as JSON, sealed under the operator's data key: networks
    /// and user agents are about people.
    pub predicate: Sealed,
    /// The log as it was then, shard by shard: sessions that were started
    /// later are not meant.
    pub fence: Vec<u64>,
    /// What the operator wrote, sealed likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Sealed>,
}

/// It is known how many sessions it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// How many match.
    pub matched: u64,
}

/// It was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Completed {
    /// How many sessions it ended.
    pub ended: u64,
    /// How many had ended or expired by themselves meanwhile.
    pub already_over: u64,
    /// How many could not be ended.
    pub failed: u64,
}

/// It was given up before it was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancelled {
    /// How many sessions it ended before.
    pub ended: u64,
}
