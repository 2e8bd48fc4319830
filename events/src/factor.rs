//! What happens to a second factor at every use.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::set::event_set;
use crate::{AccountId, Noun, Timestamp};

/// What can be tried to prove who one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// Something known.
    Password,
    /// A time-based one-time password (RFC 6238).
    Totp,
    /// A passkey (`WebAuthn` Level 3).
    Passkey,
    /// A single-use recovery code.
    RecoveryCode,
}

impl FactorKind {
    /// The word used in events, answers and the console.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::RecoveryCode => "recovery_code",
        }
    }
}

impl core::fmt::Display for FactorKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

event_set! {
    /// Events on `factor` subjects: what every use of a factor leaves behind,
    /// so that none is used twice. They carry a time to live, longer than
    /// anything can be used again.
    pub enum FactorEvent for FactorId (Noun::Factor) {
        /// A code was accepted, and none of its time step or an earlier one
        /// will be.
        CodeAccepted = "code_accepted" 1,
        /// A passkey signed a challenge, which it will not sign again.
        AssertionAccepted = "assertion_accepted" 1,
    }
}

/// A code was accepted (RFC 6238 section 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeAccepted {
    /// Whose factor it is.
    pub account: AccountId,
    /// The code's time step.
    pub step: u64,
    /// When the log may forget it.
    pub forget_at: Timestamp,
}

/// A passkey signed a challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssertionAccepted {
    /// Whose factor it is.
    pub account: AccountId,
    /// The challenge.
    pub challenge: Uuid,
    /// When the challenge would have expired.
    pub expires_at: Timestamp,
    /// The authenticator's count of signatures; 0 if it does not count.
    pub counter: u32,
    /// When the log may forget it.
    pub forget_at: Timestamp,
}
