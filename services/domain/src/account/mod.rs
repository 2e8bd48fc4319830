//! An account: who it is, what proves it, and since when its sessions count.

mod command;
mod decide;
#[cfg(test)]
mod tests;

use countersign_events::{
    AccountEvent, AccountId, CredentialId, CredentialKind, MessageId, Sealed, Timestamp,
};

use crate::{Aggregate, Fact};

pub use command::{AccountCommand, AccountRefusal};

/// The state of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    stage: Stage,
    /// The address.
    pub email: Option<SealedIn>,
    /// The name to show, if one is set.
    pub display_name: Option<SealedIn>,
    /// Granted roles.
    pub roles: Vec<String>,
    /// The live password hash in the vault.
    pub password: Option<CredentialId>,
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
    Abandoned,
}

/// A sealed value with the message that sealed it, which is needed to open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedIn {
    /// The message whose id is part of the seal.
    pub message: MessageId,
    /// The ciphertext.
    pub value: Sealed,
}

/// What a session must know of its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether the account may have sessions at all.
    pub active: bool,
    /// Sessions with an older epoch are over.
    pub min_epoch: u64,
    /// The epoch of a session that starts now.
    pub epoch: u64,
}

impl Account {
    /// Whether it was registered.
    pub fn exists(&self) -> bool {
        self.stage == Stage::Active
    }

    /// Whether its registration was given up, so that its address is free.
    pub fn is_abandoned(&self) -> bool {
        self.stage == Stage::Abandoned
    }

    /// What its sessions must know.
    pub fn standing(&self) -> Standing {
        Standing {
            active: self.exists(),
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
        let sealed = |value: &Sealed| SealedIn {
            message: fact.message,
            value: value.clone(),
        };
        match event {
            AccountEvent::Registered(registered) => {
                self.stage = Stage::Active;
                self.email = Some(sealed(&registered.email));
                self.display_name = registered.display_name.as_ref().map(sealed);
                self.roles.clone_from(&registered.roles);
                self.created_at = fact.occurred_at;
            }
            AccountEvent::CredentialSet(set) => match set.kind {
                CredentialKind::Password => self.password = Some(set.credential),
            },
            AccountEvent::ProfileChanged(changed) => {
                self.display_name = changed.display_name.as_ref().map(sealed);
            }
            AccountEvent::SessionsEnded(_) => self.min_epoch = fact.sequence,
            AccountEvent::Abandoned(_) => self.stage = Stage::Abandoned,
        }
        self.epoch = fact.sequence;
    }
}
