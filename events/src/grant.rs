//! What happens to a grant: one token that a client was given for itself.

use serde::{Deserialize, Serialize};

use crate::set::event_set;
use crate::{ClientId, Noun, Timestamp};

event_set! {
    /// Events on `grant` subjects. A grant has no subject before it is
    /// revoked, and the log forgets it a while after its token has expired.
    pub enum GrantEvent for GrantId (Noun::Grant) {
        /// The token is refused from now on (RFC 7009).
        Revoked = "revoked" 1,
    }
}

/// The token is refused from now on (RFC 7009).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// Whose it was.
    pub client: ClientId,
    /// When the log may forget it.
    pub forget_at: Timestamp,
}
