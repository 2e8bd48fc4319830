//! What happened: the vocabulary of the log.
//!
//! Every change in Countersign is one *decision*, stored as one message on one
//! subject. This crate names the nouns, their ids, the subjects they live on,
//! the envelope a message travels in, and every version of every event ever
//! stored. It performs no I/O and reads no clock.
//!
//! Adding an event: write its struct in the noun's file, list it in that
//! noun's `event_set!` block and store its golden bytes (see
//! `docs/howto/add-an-event.md`).

mod account;
mod email;
mod envelope;
#[cfg(test)]
mod golden;
mod id;
mod key;
mod noun;
mod position;
mod sealed;
mod session;
mod set;
mod signal;
mod subject;
mod time;

pub use account::{
    Abandoned, AccountEvent, CredentialKind, CredentialSet, ProfileChanged, Registered,
    SessionsEnded,
};
pub use email::{EmailEvent, Reserved};
pub use envelope::{Actor, AnyEvent, DecodeError, Envelope, RawEnvelope, Stored};
pub use id::{
    AccountId, CredentialId, EmailId, EntityId, KeyringId, MessageId, SecretId, SessionId,
};
pub use key::{Activated, Created, KeyAlgorithm, KeyEvent};
pub use noun::Noun;
pub use position::{Cursor, Position, PositionError};
pub use sealed::{Sealed, SealedError};
pub use session::{Acr, EndReason, Ended, RefreshReused, Refreshed, SessionEvent, Started};
pub use set::EventSet;
pub use signal::{Signal, SignalKind};
pub use subject::{Subject, SubjectError, shard_of, stream_name};
pub use time::Timestamp;
