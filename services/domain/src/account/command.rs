//! What can be asked of an account.

use countersign_events::{CredentialId, EndReason, Sealed};

/// What can be asked of an account.
#[derive(Debug, Clone)]
pub enum AccountCommand {
    /// Bring it into being. The address is reserved and the password hash is
    /// in the vault before this is asked.
    Register {
        /// The sealed address.
        email: Sealed,
        /// The sealed name to show.
        display_name: Option<Sealed>,
        /// Roles it is born with.
        roles: Vec<String>,
        /// Where its password hash is in the vault.
        password: CredentialId,
    },
    /// Put a rehashed or changed password in force. `replaces` is the hash the
    /// caller had verified: if another one is live by now, nothing happens.
    SetPassword {
        /// The credential that was live when the caller decided.
        replaces: CredentialId,
        /// The new one.
        password: CredentialId,
    },
    /// Change how the person is shown.
    SetDisplayName {
        /// The sealed name, or none to clear it.
        display_name: Option<Sealed>,
    },
    /// End every session that began before now.
    EndSessions {
        /// Why.
        reason: EndReason,
    },
    /// Make sure that this id never becomes an account.
    Abandon,
}

/// Why an account says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountRefusal {
    /// There is no such account.
    #[error("no such account")]
    Unknown,
    /// The id is an account already.
    #[error("the account exists already")]
    Exists,
    /// The registration of this id was given up.
    #[error("the registration was given up")]
    Abandoned,
}
