//! What happens to a session.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::set::event_set;
use crate::{AccountId, FactorKind, Noun, Sealed, Timestamp};

event_set! {
    /// Events on `session` subjects. They carry a time to live: the session's
    /// absolute lifetime plus the retention of sessions.
    pub enum SessionEvent for SessionId (Noun::Session) {
        /// Somebody signed in.
        Started = "started" 1,
        /// The refresh token was rotated.
        Refreshed = "refreshed" 1,
        /// A refresh token that had been rotated away was presented again,
        /// too old or too late to be a lost answer.
        RefreshReused = "refresh_reused" 1,
        /// The session is over.
        Ended = "ended" 1,
        /// The password was right, and a second factor is asked for: the
        /// session may come to be.
        Attempted = "attempted" 1,
        /// The second factor was wrong.
        FactorRejected = "factor_rejected" 1,
        /// The person proved again, or better, who they are.
        SteppedUp = "stepped_up" 1,
        /// The session outlives a change of its account that ended the others.
        Continued = "continued" 1,
        /// The session is tied to where it was started.
        Bound = "bound" 1,
        /// The session was used from elsewhere.
        BindingBroken = "binding_broken" 1,
    }
}

/// Authentication context class: how strongly the person is known
/// (NIST SP 800-63B).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acr {
    /// One factor.
    Aal1,
    /// Two factors.
    Aal2,
    /// Two factors, phishing-resistant.
    Aal3,
}

impl Acr {
    /// The value of the `acr` claim.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
            Self::Aal3 => "aal3",
        }
    }
}

impl fmt::Display for Acr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Somebody signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// Whose session it is.
    pub account: AccountId,
    /// The sequence of the last account event that the decision had seen.
    pub epoch: u64,
    /// The client it was started on.
    pub client: String,
    /// The address the sign-in came from.
    pub ip: Sealed,
    /// The user agent, as the client told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Sealed>,
    /// How strongly the person was known at sign-in.
    pub acr: Acr,
    /// The methods used (RFC 8176).
    pub amr: Vec<String>,
    /// When the person authenticated.
    pub auth_time: Timestamp,
    /// When it expires unless refreshed before.
    pub idle_expires_at: Timestamp,
    /// When it expires whatever happens.
    pub expires_at: Timestamp,
    /// When the log and the read models may forget it.
    pub forget_at: Timestamp,
}

/// The refresh token was rotated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refreshed {
    /// The generation that is live from now on; the first one is 1.
    pub generation: u32,
    /// When the session expires unless refreshed before.
    pub idle_expires_at: Timestamp,
    /// The address the refresh came from.
    pub ip: Sealed,
}

/// A refresh token that had been rotated away was presented again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefreshReused {
    /// The generation that was presented.
    pub presented: u32,
    /// The generation that was live.
    pub live: u32,
    /// The address it was presented from.
    pub ip: Sealed,
}

/// Why sessions end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The person signed out.
    Logout,
    /// The person signed out everywhere.
    LogoutAll,
    /// The person ended it from another session.
    EndedByOwner,
    /// An operator ended it.
    RevokedByOperator,
    /// A rotated refresh token was used again.
    RefreshReused,
    /// The password was changed.
    PasswordChanged,
    /// A forgotten password was set anew.
    PasswordReset,
    /// A second factor was added, removed or reset.
    FactorChanged,
    /// The account was suspended.
    Suspended,
    /// The account's roles were changed.
    RolesChanged,
    /// The person was forgotten.
    Erased,
}

impl EndReason {
    /// The word used in events, answers and the console.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::LogoutAll => "logout_all",
            Self::EndedByOwner => "ended_by_owner",
            Self::RevokedByOperator => "revoked_by_operator",
            Self::RefreshReused => "refresh_reused",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::FactorChanged => "factor_changed",
            Self::Suspended => "suspended",
            Self::RolesChanged => "roles_changed",
            Self::Erased => "erased",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The session is over. Who ended it is the envelope's actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// Why.
    pub reason: EndReason,
    /// What the operator wrote, sealed: it may name people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Sealed>,
}

/// The password was right, and a second factor is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempted {
    /// Whose session it may become.
    pub account: AccountId,
    /// The sequence of the last account event that the decision had seen.
    pub epoch: u64,
    /// The address it comes from.
    pub ip: Sealed,
    /// The methods used so far (RFC 8176).
    pub amr: Vec<String>,
    /// Until when it can be completed.
    pub expires_at: Timestamp,
    /// When the log may forget it, if nothing comes of it.
    pub forget_at: Timestamp,
}

/// The second factor was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorRejected {
    /// What was tried.
    pub method: FactorKind,
    /// How many tries that makes.
    pub tries: u8,
}

/// The person proved again, or better, who they are (RFC 9470).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SteppedUp {
    /// How strongly the person is known from now on.
    pub acr: Acr,
    /// All methods used in this session (RFC 8176).
    pub amr: Vec<String>,
    /// When the person proved it.
    pub auth_time: Timestamp,
    /// The generation of the refresh token that is live from now on; higher
    /// than before if the token was replaced, and then the one before is
    /// worth nothing.
    pub generation: u32,
}

/// The session outlives a change of its account that ended the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Continued {
    /// The account's epoch from now on.
    pub epoch: u64,
}

/// The session is tied to where it was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The network and the device, as they are told apart.
    pub binding: Sealed,
}

/// The session was used from elsewhere than where it is tied to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BindingBroken {
    /// The address it was used from.
    pub ip: Sealed,
    /// The user agent it was used with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Sealed>,
}
