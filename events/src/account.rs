//! What happens to an account.

use serde::{Deserialize, Serialize};

use crate::set::event_set;
use crate::{CredentialId, EndReason, FactorKind, Noun, Sealed, SessionId, Timestamp};

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
        /// The person was asked to prove that the address is theirs.
        VerificationRequested = "verification_requested" 1,
        /// The person proved that the address is theirs.
        EmailVerified = "email_verified" 1,
        /// The person wants another address, and has to prove that it is theirs.
        EmailChangeRequested = "email_change_requested" 1,
        /// Another address is the account's from now on.
        EmailChanged = "email_changed" 1,
        /// Somebody forgot the password.
        PasswordResetRequested = "password_reset_requested" 1,
        /// A second factor was offered, and has to be confirmed.
        FactorOffered = "factor_offered" 1,
        /// A second factor is asked for from now on.
        FactorAdded = "factor_added" 1,
        /// A second factor goes by another name.
        FactorRenamed = "factor_renamed" 1,
        /// A second factor counts no more.
        FactorRemoved = "factor_removed" 1,
        /// Too many failures in a row: what they were tried at counts no more
        /// until it is set anew.
        FactorDisabled = "factor_disabled" 1,
        /// The password was right and the second factor was not.
        ChallengeFailed = "challenge_failed" 1,
        /// A new set of recovery codes replaced the one before.
        RecoveryCodesSet = "recovery_codes_set" 1,
        /// A recovery code was used up.
        RecoveryCodeUsed = "recovery_code_used" 1,
        /// Somebody signed in from a device that was not known.
        DeviceAdded = "device_added" 1,
        /// The account may have no sessions until it is reinstated.
        Suspended = "suspended" 1,
        /// The account may have sessions again.
        Reinstated = "reinstated" 1,
        /// The account has these roles from now on.
        RolesChanged = "roles_changed" 1,
        /// An operator wrote why.
        Noted = "noted" 1,
        /// The person is forgotten.
        Erased = "erased" 1,
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

/// The person was asked to prove that the address is theirs. The mail carries
/// a token that names this request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerificationRequested {
    /// The request; the newest one counts.
    pub request: CredentialId,
    /// When its token is worth nothing any more.
    pub expires_at: Timestamp,
}

/// The person proved that the address is theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailVerified {}

/// The person wants another address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailChangeRequested {
    /// The request; the newest one counts.
    pub request: CredentialId,
    /// The address to be.
    pub email: Sealed,
    /// When its token is worth nothing any more.
    pub expires_at: Timestamp,
}

/// Another address is the account's from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailChanged {
    /// The address.
    pub email: Sealed,
    /// The address before, which is told of the change.
    pub previous: Sealed,
}

/// Somebody forgot the password. Who knows the token of this request, which is
/// only in the mail, may set another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordResetRequested {
    /// The request; the newest one counts.
    pub request: CredentialId,
    /// When its token is worth nothing any more.
    pub expires_at: Timestamp,
}

/// A second factor was offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorOffered {
    /// What it is.
    pub kind: FactorKind,
    /// Its secret in the vault: a TOTP seed, or the state of a passkey's
    /// registration.
    pub credential: CredentialId,
    /// Until when it can be confirmed.
    pub expires_at: Timestamp,
}

/// A second factor is asked for from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorAdded {
    /// What it is.
    pub kind: FactorKind,
    /// What proves it, in the vault; also the factor's id.
    pub credential: CredentialId,
    /// What the person calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Sealed>,
}

/// A second factor goes by another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorRenamed {
    /// Which.
    pub credential: CredentialId,
    /// The name, or none when it was cleared.
    pub name: Option<Sealed>,
}

/// A second factor counts no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorRemoved {
    /// What it was.
    pub kind: FactorKind,
    /// Which.
    pub credential: CredentialId,
}

/// Too many failures in a row (NIST SP 800-63B-4 section 3.2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FactorDisabled {
    /// What it is.
    pub kind: FactorKind,
    /// Which.
    pub credential: CredentialId,
    /// How many failures it took.
    pub failures: u32,
}

/// The password was right and the second factor was not: somebody may know the
/// password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeFailed {
    /// The sign-in that came to nothing, or not yet to anything.
    pub session: SessionId,
    /// What was tried.
    pub method: FactorKind,
    /// The address it was tried from.
    pub ip: Sealed,
}

/// A new set of recovery codes replaced the one before. The vault holds their
/// hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryCodesSet {
    /// Where the hashes are in the vault.
    pub credential: CredentialId,
    /// How many codes there are.
    pub count: u8,
}

/// A recovery code was used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryCodeUsed {
    /// The set.
    pub credential: CredentialId,
    /// Which of the set, from 0.
    pub index: u8,
    /// How many are left.
    pub left: u8,
}

/// Somebody signed in from a device that was not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceAdded {
    /// The sign-in.
    pub session: SessionId,
    /// The address it came from.
    pub ip: Sealed,
    /// The user agent, as the client told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Sealed>,
}

/// The account may have no sessions until it is reinstated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspended {
    /// What the operator wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Sealed>,
}

/// The account may have sessions again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reinstated {
    /// What the operator wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Sealed>,
}

/// The account has these roles from now on, and no others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolesChanged {
    /// Their names.
    pub roles: Vec<String>,
    /// What the operator wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Sealed>,
}

/// An operator wrote why they did what else is in this message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noted {
    /// What they wrote.
    pub note: Sealed,
}

/// The person is forgotten: the data key is destroyed after this event, and
/// what was sealed under it cannot be read by anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erased {}
