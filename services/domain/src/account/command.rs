//! What can be asked of an account.

use countersign_events::{CredentialId, EndReason, FactorKind, Sealed, SessionId, Timestamp};

/// What can be asked of an account.
#[derive(Debug, Clone)]
pub enum AccountCommand {
    /// What its owner asks, by an access token of this epoch. If the sessions
    /// of that time were ended meanwhile, the answer is no: that the token was
    /// good when the request came is not enough.
    AsOwner {
        /// The token's epoch.
        epoch: u64,
        /// What is asked.
        command: Box<AccountCommand>,
    },
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
        /// What its owner must answer to prove the address, unless it is
        /// taken for proven.
        verification: Option<Request>,
        /// What it is registered from, if that is signed in at once.
        device: Option<NewDevice>,
    },
    /// Put a rehashed password in force: the same password, hashed better.
    /// `replaces` is the hash the caller had verified: if another one is live
    /// by now, nothing happens.
    Rehash {
        /// The credential that was live when the caller decided.
        replaces: CredentialId,
        /// The new one.
        password: CredentialId,
    },
    /// Put another password in force, and end every session of before.
    ChangePassword {
        /// The credential that was live when the caller decided.
        replaces: CredentialId,
        /// The new one.
        password: CredentialId,
    },
    /// Ask for another password by mail.
    RequestReset(Request),
    /// Put another password in force, by a token that came by mail.
    ResetPassword {
        /// The request that the token names.
        request: CredentialId,
        /// The time.
        now: Timestamp,
        /// The new one.
        password: CredentialId,
    },
    /// Ask for proof of the address.
    RequestVerification(Request),
    /// The address is proven, by a token that came by mail.
    VerifyEmail {
        /// The request that the token names.
        request: CredentialId,
        /// The time.
        now: Timestamp,
    },
    /// Ask for another address, which its token must prove.
    RequestEmailChange {
        /// The request.
        request: Request,
        /// The address to be.
        email: Sealed,
    },
    /// Make the asked-for address the account's. It is reserved before.
    ChangeEmail {
        /// The request that the token names.
        request: CredentialId,
        /// The time.
        now: Timestamp,
        /// The address to be, sealed for this message.
        email: Sealed,
        /// The address before, sealed for this message.
        previous: Sealed,
    },
    /// Change how the person is shown.
    SetDisplayName {
        /// The sealed name, or none to clear it.
        display_name: Option<Sealed>,
    },
    /// What concerns second factors.
    Factor(FactorCommand),
    /// Note a sign-in from a device that was not known.
    AddDevice(NewDevice),
    /// End every session that began before now.
    EndSessions {
        /// Why.
        reason: EndReason,
        /// What the operator wrote, if one did it.
        note: Option<Sealed>,
    },
    /// Allow no sessions until it is reinstated.
    Suspend {
        /// What the operator wrote.
        note: Option<Sealed>,
    },
    /// Allow sessions again.
    Reinstate {
        /// What the operator wrote.
        note: Option<Sealed>,
    },
    /// Give it these roles, and no others.
    SetRoles {
        /// Their names.
        roles: Vec<String>,
        /// What the operator wrote.
        note: Option<Sealed>,
    },
    /// Forget the person.
    Erase,
    /// Make sure that this id never becomes an account.
    Abandon,
}

/// What can be asked of an account's second factors.
#[derive(Debug, Clone)]
pub enum FactorCommand {
    /// Offer one, to be confirmed. Its secret is in the vault.
    Offer {
        /// What it is.
        kind: FactorKind,
        /// Its secret.
        credential: CredentialId,
        /// The time.
        now: Timestamp,
        /// Until when it can be confirmed.
        expires_at: Timestamp,
    },
    /// Ask for it from now on: the person has shown that they have it.
    Confirm {
        /// The one that was offered.
        credential: CredentialId,
        /// The time.
        now: Timestamp,
        /// What the person calls it.
        name: Option<Sealed>,
        /// The codes that come with a first factor, with their number.
        recovery_codes: (CredentialId, u8),
    },
    /// Call it something else.
    Rename {
        /// Which.
        credential: CredentialId,
        /// The name.
        name: Option<Sealed>,
    },
    /// Ask for it no more.
    Remove {
        /// Which.
        credential: CredentialId,
    },
    /// Ask for none any more: the operator's way for somebody who has lost
    /// them all.
    Reset {
        /// What the operator wrote.
        note: Option<Sealed>,
    },
    /// Replace the recovery codes.
    SetRecoveryCodes {
        /// Their hashes.
        credential: CredentialId,
        /// Their number.
        count: u8,
    },
    /// Use up a recovery code that was found to be right.
    UseRecoveryCode {
        /// The set it was found in.
        credential: CredentialId,
        /// Which of the set.
        index: u8,
    },
    /// Trust it no more, after too many failures.
    Disable {
        /// What it is.
        kind: FactorKind,
        /// Which.
        credential: CredentialId,
        /// How many failures it took.
        failures: u32,
    },
    /// Note that the password was right and the second factor was not. Once
    /// for each sign-in is enough.
    NoteFailure {
        /// The sign-in.
        session: SessionId,
        /// What was tried.
        method: FactorKind,
        /// The sealed address it was tried from.
        ip: Sealed,
    },
}

/// A sign-in from a device that was not known.
#[derive(Debug, Clone)]
pub struct NewDevice {
    /// The sign-in.
    pub session: SessionId,
    /// The sealed address it came from.
    pub ip: Sealed,
    /// The sealed user agent.
    pub user_agent: Option<Sealed>,
}

/// Something that a token in a mail answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Its id, which the token names.
    pub id: CredentialId,
    /// When the token is worth nothing any more.
    pub expires_at: Timestamp,
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
    /// It is suspended.
    #[error("the account is suspended")]
    Suspended,
    /// The sessions of the time of the caller's token were ended.
    #[error("the caller's session was ended")]
    Fenced,
    /// The person was forgotten.
    #[error("the account was erased")]
    Erased,
    /// What the caller had seen is not so any more.
    #[error("the account has changed")]
    Changed,
    /// The token is not the newest, was used, has expired, or what it was for
    /// has changed.
    #[error("the request is not open any more")]
    RequestClosed,
    /// There is no such factor.
    #[error("no such factor")]
    NoSuchFactor,
    /// There is a factor of which an account has only one.
    #[error("there is such a factor already")]
    FactorExists,
    /// An account has no more than so many.
    #[error("there are too many factors")]
    TooManyFactors,
    /// It was used before, or replaced.
    #[error("the recovery code was used up")]
    CodeSpent,
}
