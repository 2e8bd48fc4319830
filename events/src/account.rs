//! What happens to an account.

use serde::{Deserialize, Serialize};

use crate::set::event_set;
use crate::{CredentialId, EndReason, Noun, Sealed};

event_set! {
    /// Events on `account` subjects. Accounts live for ever, so their streams
    /// must stay short: nothing that happens at every sign-in belongs here.
    pub enum AccountEvent for AccountId (Noun::Account) {
        /// The account came to be.
        Registered = "registered" 1,
        /// A credential in the vault became the live one of its kind.
        CredentialSet = "credential_set" 1,
        /// The person changed how they are shown.
        ProfileChanged = "profile_changed" 1,
        /// All sessions that began before this event ended.
        SessionsEnded = "sessions_ended" 1,
        /// The id will never become an account: its registration was given up
        /// and its address may go to another.
        Abandoned = "abandoned" 1,
    }
}

/// The account came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registered {
    /// The address as the person typed it, trimmed.
    pub email: Sealed,
    /// How the person wants to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Sealed>,
    /// Names of the roles granted at birth.
    pub roles: Vec<String>,
}

/// What a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A password hash (PHC string, Argon2id).
    Password,
}

/// A credential in the vault became the live one of its kind. The vault held
/// it before this event was appended; what no live event refers to is refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialSet {
    /// What it is.
    pub kind: CredentialKind,
    /// Where it is in the vault.
    pub credential: CredentialId,
}

/// The person changed how they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileChanged {
    /// The new name, or none when it was cleared.
    pub display_name: Option<Sealed>,
}

/// All sessions that began before this event ended: it raises the account's
/// minimum epoch to its own sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionsEnded {
    /// Why.
    pub reason: EndReason,
}

/// The id will never become an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abandoned {}
