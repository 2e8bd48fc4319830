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
mod client;
mod email;
mod envelope;
mod factor;
#[cfg(test)]
mod golden;
mod grant;
mod id;
mod key;
mod noun;
mod position;
mod revocation;
mod sealed;
mod session;
mod set;
mod signal;
mod subject;
mod time;

pub use account::{
    Abandoned, AccountEvent, ChallengeFailed, CredentialKind, CredentialSet, DeviceAdded,
    EmailChangeRequested, EmailChanged, EmailVerified, Erased, FactorAdded, FactorDisabled,
    FactorOffered, FactorRemoved, FactorRenamed, Noted, PasswordResetRequested, ProfileChanged,
    RecoveryCodeUsed, RecoveryCodesSet, Registered, Reinstated, RolesChanged, SessionsEnded,
    Suspended, VerificationRequested,
};
pub use client::{
    Changed as ClientChanged, ClientEvent, ClientProfile, Disabled as ClientDisabled,
    Enabled as ClientEnabled, KeysSet, Registered as ClientRegistered, SecretAdded, SecretRemoved,
    TokensEnded,
};
pub use email::{EmailEvent, Released, Reserved};
pub use envelope::{Actor, AnyEvent, DecodeError, Envelope, RawEnvelope, Stored};
pub use factor::{AssertionAccepted, CodeAccepted, FactorEvent, FactorKind};
pub use grant::{GrantEvent, Revoked as GrantRevoked};
pub use id::{
    AccountId, ClientId, CredentialId, EmailId, EntityId, FactorId, GrantId, KeyringId, MessageId,
    RevocationId, SecretId, SessionId,
};
pub use key::{
    Activated, Created, KeyAlgorithm, KeyEvent, Retired as KeyRetired, Revoked as KeyRevoked,
    RotationRequested,
};
pub use noun::Noun;
pub use position::{Cursor, Position, PositionError};
pub use revocation::{
    Cancelled as RevocationCancelled, Completed as RevocationCompleted,
    Counted as RevocationCounted, Requested as RevocationRequested, RevocationEvent,
};
pub use sealed::{Sealed, SealedError};
pub use session::{
    Acr, Attempted, BindingBroken, Bound, Continued, EndReason, Ended, FactorRejected,
    RefreshReused, Refreshed, SessionEvent, Started, SteppedUp,
};
pub use set::EventSet;
pub use signal::{Signal, SignalKind};
pub use subject::{Subject, SubjectError, shard_of, stream_name};
pub use time::Timestamp;
