//! What happens to the reservation of an email address.

use serde::{Deserialize, Serialize};

use crate::set::event_set;
use crate::{AccountId, Noun};

event_set! {
    /// Events on `email` subjects. The subject's id is a blind index; the
    /// address itself is nowhere in the log but sealed in its account.
    pub enum EmailEvent for EmailId (Noun::Email) {
        /// The address belongs to an account, or to an account in the making.
        Reserved = "reserved" 1,
        /// The address belongs to nobody any more.
        Released = "released" 1,
    }
}

/// The address belongs to an account, or to one in the making. A later
/// reservation replaces an earlier one whose account was abandoned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reserved {
    /// The owner.
    pub account: AccountId,
}

/// The address belongs to nobody any more: its account was erased, or has
/// another address now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Released {
    /// The owner until now.
    pub account: AccountId,
}
