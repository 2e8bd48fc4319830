//! Observations: what happened without changing anybody's identity.
//!
//! Signals live in a stream of their own, bounded in age and bytes, so that
//! nobody can grow the log of record by failing to sign in. No decision and no
//! read model depends on one.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AccountId, Timestamp};

/// One observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// When it was seen.
    pub occurred_at: Timestamp,
    /// What was seen.
    pub kind: SignalKind,
    /// The account it concerns, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The network it came from, truncated to /24 or /48 so that it names no
    /// person.
    pub network: String,
    /// The request it was seen in.
    pub correlation: Uuid,
}

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// Somebody tried to sign in to an address nobody has.
    UnknownAccount,
    /// Somebody gave a wrong password.
    WrongPassword,
    /// A sign-in was shed because too many were under way.
    LoginShed,
    /// A refresh token was presented that was never issued.
    ForgedRefreshToken,
    /// The password was right and a second factor was not.
    WrongFactor,
    /// Somebody was told to wait, after failures.
    Throttled,
    /// A request that changes something came from another site's page.
    CrossSite,
}

impl SignalKind {
    /// The word used in subjects and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownAccount => "unknown_account",
            Self::WrongPassword => "wrong_password",
            Self::LoginShed => "login_shed",
            Self::ForgedRefreshToken => "forged_refresh_token",
            Self::WrongFactor => "wrong_factor",
            Self::Throttled => "throttled",
            Self::CrossSite => "cross_site",
        }
    }
}
