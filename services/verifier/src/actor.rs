//! Who acts for somebody else.

use crate::claims::uuid_text;
use crate::object::{Members, object};
use serde::de::{Deserializer, Error};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A chain of actors has at most this many links.
pub const MAX_ACTORS: usize = 3;

/// A service that acts for the subject of a token (RFC 8693 section 4.1).
///
/// Reading is as strict as that of [`Claims`](crate::Claims); a chain of
/// more than [`MAX_ACTORS`] is an error.
// `remote`, as in `Claims`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Actor {
    /// The client that acts.
    #[serde(with = "uuid_text")]
    pub sub: Uuid,
    /// The last event of the client that the token's decision had seen;
    /// below the client's `min_epoch` the token is refused.
    pub epoch: u64,
    /// For whom that client acted in turn: who called it.
    #[serde(
        default,
        deserialize_with = "crate::claims::given",
        skip_serializing_if = "Option::is_none"
    )]
    pub act: Option<Box<Actor>>,
}

impl Actor {
    /// This actor, then the one that called it, and so on.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |actor| actor.act.as_deref())
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let actor: Self = object(deserializer)?;
        if actor.chain().nth(MAX_ACTORS).is_some() {
            return Err(D::Error::custom("too many actors"));
        }
        Ok(actor)
    }
}

impl<'de> Members<'de> for Actor {
    const MAX_MEMBERS: usize = 16;

    fn read<D: Deserializer<'de>>(members: D) -> Result<Self, D::Error> {
        Self::deserialize(members)
    }
}
