//! An account: who it is, what proves it, and since when its sessions count.

mod command;
mod decide;
mod evolve;
mod factors;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use countersign_events::{
    AccountEvent, AccountId, CredentialId, FactorKind, MessageId, Sealed, SessionId, Timestamp,
};

use crate::{Aggregate, Fact};

pub use command::{AccountCommand, AccountRefusal, FactorCommand, NewDevice, Request};
pub use factors::MOST_FACTORS;

/// The state of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    stage: Stage,
    /// The address.
    pub email: Option<SealedIn>,
    /// Whether its owner has proved that the address is theirs.
    pub email_verified: bool,
    /// The name to show, if one is set.
    pub display_name: Option<SealedIn>,
    /// Granted roles.
    pub roles: Vec<String>,
    /// The live password hash in the vault.
    pub password: Option<CredentialId>,
    /// Whether the password is not believed any more, after too many failures.
    pub password_disabled: bool,
    /// The second factors, in the order in which they were added.
    pub factors: Vec<Factor>,
    /// The factor that waits to be confirmed.
    pub offer: Option<Offer>,
    /// The recovery codes.
    pub recovery: Option<RecoveryCodes>,
    /// The newest request for proof of the address.
    pub verification: Option<Request>,
    /// The newest request for another address.
    pub email_change: Option<EmailChange>,
    /// The newest request for another password.
    pub reset: Option<Request>,
    /// The devices that were noted last, the newest at the end.
    pub devices: Vec<KnownDevice>,
    /// The last sign-in whose second factor failed.
    pub challenge_failed: Option<SessionId>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Sessions and tokens with an older epoch are over.
    pub min_epoch: u64,
    /// The sequence of its last event: the epoch of what is decided now.
    pub epoch: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Absent,
    Active,
    Suspended,
    Abandoned,
    Erased,
}

/// A sealed value with the message that sealed it, which is needed to open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedIn {
    /// The message whose id is part of the seal.
    pub message: MessageId,
    /// The ciphertext.
    pub value: Sealed,
}

/// A second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// What it is.
    pub kind: FactorKind,
    /// What proves it, in the vault; also its id.
    pub credential: CredentialId,
    /// What the person calls it.
    pub name: Option<SealedIn>,
    /// When it was added.
    pub added_at: Timestamp,
    /// Whether it is not believed any more, after too many failures.
    pub disabled: bool,
}

/// A second factor that waits to be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// What it is.
    pub kind: FactorKind,
    /// Its secret in the vault.
    pub credential: CredentialId,
    /// Until when it can be confirmed.
    pub expires_at: Timestamp,
}

/// A set of recovery codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryCodes {
    /// Where their hashes are in the vault.
    pub credential: CredentialId,
    /// Which are unused: a bit each.
    unused: u32,
    /// Whether they are not believed any more, after too many failures.
    pub disabled: bool,
}

impl RecoveryCodes {
    fn new(credential: CredentialId, count: u8) -> Self {
        Self {
            credential,
            unused: 1u32
                .checked_shl(count.into())
                .map_or(u32::MAX, |bit| bit - 1),
            disabled: false,
        }
    }

    /// Whether the code of this index is unused.
    pub fn has(&self, index: u8) -> bool {
        1u32.checked_shl(index.into())
            .is_some_and(|bit| self.unused & bit != 0)
    }

    /// How many are unused.
    pub fn left(&self) -> u8 {
        u8::try_from(self.unused.count_ones()).unwrap_or(u8::MAX)
    }

    fn spend(&mut self, index: u8) {
        self.unused &= !1u32.checked_shl(index.into()).unwrap_or(0);
    }
}

/// A device that somebody signed in from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// The address it came from.
    pub ip: SealedIn,
    /// Its user agent, if it told one.
    pub user_agent: Option<SealedIn>,
}

/// How many devices are remembered.
pub const MOST_DEVICES: usize = 8;

/// Another address that waits for proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailChange {
    /// The request.
    pub request: Request,
    /// The address to be.
    pub email: SealedIn,
}

/// What a session must know of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether the account may have sessions at all.
    pub active: bool,
    /// Whether a second factor is asked for.
    pub needs_factor: bool,
    /// Sessions with an older epoch are over.
    pub min_epoch: u64,
    /// The epoch of a session that starts now.
    pub epoch: u64,
}

impl Account {
    /// Whether it was registered and not erased.
    pub fn exists(&self) -> bool {
        matches!(self.stage, Stage::Active | Stage::Suspended)
    }

    /// Whether it may have sessions.
    pub fn is_active(&self) -> bool {
        self.stage == Stage::Active
    }

    /// Whether an operator has suspended it.
    pub fn is_suspended(&self) -> bool {
        self.stage == Stage::Suspended
    }

    /// Whether the person was forgotten.
    pub fn is_erased(&self) -> bool {
        self.stage == Stage::Erased
    }

    /// Whether its registration was given up, so that its address is free.
    pub fn is_abandoned(&self) -> bool {
        self.stage == Stage::Abandoned
    }

    /// Whether a password alone is not enough. A factor that is not believed
    /// any more still counts: else failing at it would be a way round it.
    pub fn needs_factor(&self) -> bool {
        !self.factors.is_empty()
    }

    /// The second factors of a kind that are believed.
    pub fn live_factors(&self, kind: FactorKind) -> impl Iterator<Item = &Factor> {
        self.factors
            .iter()
            .filter(move |factor| factor.kind == kind && !factor.disabled)
    }

    /// Whether the vault's credential means anything to this account.
    pub fn refers_to(&self, credential: CredentialId) -> bool {
        self.password == Some(credential)
            || self
                .factors
                .iter()
                .any(|factor| factor.credential == credential)
            || self
                .offer
                .is_some_and(|offer| offer.credential == credential)
            || self
                .recovery
                .is_some_and(|set| set.credential == credential)
    }

    /// What its sessions must know.
    pub fn standing(&self) -> Standing {
        Standing {
            active: self.is_active(),
            needs_factor: self.needs_factor(),
            min_epoch: self.min_epoch,
            epoch: self.epoch,
        }
    }
}

impl Aggregate for Account {
    type Id = AccountId;
    type Event = AccountEvent;
    type Command = AccountCommand;
    type Refusal = AccountRefusal;

    fn decide(&self, command: &AccountCommand) -> Result<Vec<AccountEvent>, AccountRefusal> {
        decide::decide(self, command)
    }

    fn evolve(&mut self, event: &AccountEvent, fact: Fact) {
        evolve::evolve(self, event, fact);
    }
}
