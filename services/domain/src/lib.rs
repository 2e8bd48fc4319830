//! What is allowed: pure, synchronous decisions.
//!
//! Each noun has a state, the commands that may be put to it, the refusals it
//! answers with, and two functions: [`Aggregate::decide`] turns a state and a
//! command into events or a refusal, [`Aggregate::evolve`] folds one event
//! into the state. Nothing here performs I/O, reads a clock or draws a random
//! number: such facts arrive inside the command. Every guard of the product is
//! in one of these `decide` functions, so no endpoint can forget it.

mod account;
mod client;
mod email;
mod factor;
mod grant;
mod key;
mod revocation;
mod session;
#[cfg(test)]
mod testing;

use countersign_events::{EntityId, EventSet, MessageId, Timestamp};
use serde_json::value::RawValue;

pub use account::{
    Account, AccountCommand, AccountRefusal, EmailChange, Factor, FactorCommand, KnownDevice,
    MOST_DEVICES, MOST_FACTORS, NewDevice, Offer, RecoveryCodes, Request, SealedIn, Standing,
};
pub use client::{Client, ClientCommand, ClientRefusal, ClientSecret, MOST_SECRETS};
pub use email::{EmailCommand, EmailRefusal, EmailReservation};
pub use factor::{FactorUse, FactorUseCommand, FactorUseRefusal};
pub use grant::{Grant, GrantCommand, GrantRefusal};
pub use key::{
    Key, KeyCommand, KeyRefusal, KeyState, Keyring, MOST_PUBLISHED, Publication, Retirement,
    RevokeKey, Rotate,
};
pub use revocation::{Revocation, RevocationCommand, RevocationRefusal};
pub use session::{
    Attempt, Live, MOST_TRIES, Pending, Place, Refresh, Session, SessionCommand, SessionRefusal,
    Start, StepUp,
};

/// A consistency boundary: one subject of the log.
pub trait Aggregate: Default + Clone + Send + Sync + 'static {
    /// Its id.
    type Id: EntityId;
    /// What can happen to it.
    type Event: EventSet<Id = Self::Id>;
    /// What can be asked of it.
    type Command: Send + Sync;
    /// Why it may say no.
    type Refusal: std::error::Error + Send + Sync + 'static;

    /// The rules: what happens if `command` meets this state. No events means
    /// that the command's aim is met already.
    fn decide(&self, command: &Self::Command) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Folds one event.
    fn evolve(&mut self, event: &Self::Event, fact: Fact);

    /// When the log may forget this entity's messages; none for identity
    /// facts, which live for ever.
    fn forget_at(&self) -> Option<Timestamp> {
        None
    }

    /// Whether [`Aggregate::snapshot`] gives one.
    const SNAPSHOTS: bool = false;

    /// What to store beside the events, so that the next load needs only the
    /// last message; none for nouns whose streams stay short.
    ///
    /// It must not depend on the sequence of the message it is stored in.
    fn snapshot(&self) -> Option<Box<RawValue>> {
        None
    }

    /// Reads a snapshot back; none if it is of another version, and then the
    /// whole subject is folded.
    fn restore(_snapshot: &RawValue) -> Option<Self> {
        None
    }
}

/// The circumstances of a stored event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// When it was decided.
    pub occurred_at: Timestamp,
    /// Its message's sequence in its shard.
    pub sequence: u64,
    /// Its message, which is part of what seals its personal data.
    pub message: MessageId,
}
