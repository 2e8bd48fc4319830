//! What can be asked of the ring, and why it says no.

use core::time::Duration;

use countersign_events::{Created, Sealed, Timestamp};

/// What can be asked of the ring.
#[derive(Debug, Clone)]
pub enum KeyCommand {
    /// Give an empty ring its first key, which signs at once: nobody can have
    /// cached a key set that lacks it. On a ring that has a key, nothing
    /// happens, so several services may start at the same time.
    Found(Created),
    /// Publish the key that will sign next.
    Prepare(Created),
    /// Let another key sign, as an operator wants.
    Rotate(Rotate),
    /// Let the next key sign.
    Activate {
        /// Which one.
        kid: String,
        /// Who may know it.
        publication: Publication,
    },
    /// Publish a superseded key no more.
    Retire(Retirement),
    /// Refuse everything a key has signed and will ever sign.
    Revoke(RevokeKey),
}

/// Let another key sign, as an operator wants.
#[derive(Debug, Clone)]
pub struct Rotate {
    /// The key that signed when the operator asked. If another one does by
    /// now, what was wanted has happened.
    pub replaces: String,
    /// A key to publish if none waits.
    pub fresh: Option<Created>,
    /// Whether it is to sign at once, known to verifiers or not.
    pub is_forced: bool,
    /// Who may know the key that waits.
    pub publication: Publication,
    /// What the operator wrote, sealed.
    pub note: Option<Sealed>,
}

/// What is known of who knows the next key.
#[derive(Debug, Clone, Copy)]
pub struct Publication {
    /// The time.
    pub now: Timestamp,
    /// How long somebody may go by the published keys of before.
    pub cache: Duration,
    /// How many verifiers that report what they hold do not hold the key.
    pub lacking: usize,
}

/// Publish a superseded key no more.
#[derive(Debug, Clone)]
pub struct Retirement {
    /// Which one.
    pub kid: String,
    /// The time.
    pub now: Timestamp,
    /// How long after a key was superseded a token of it can be valid: the
    /// time it may take a service to hear of it, the longest life of a token,
    /// and how far clocks may be apart.
    pub window: Duration,
}

/// Refuse everything a key has signed and will ever sign.
#[derive(Debug, Clone)]
pub struct RevokeKey {
    /// Which one.
    pub kid: String,
    /// What the operator wrote, sealed.
    pub note: Option<Sealed>,
    /// A key that signs at once if the revoked one did and none waits.
    pub fresh: Option<Created>,
}

/// Why the ring says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// There is no such key.
    #[error("there is no such key")]
    Unknown,
    /// A key is next already.
    #[error("{kid} is next already")]
    Prepared {
        /// That one.
        kid: String,
    },
    /// The ring has, or had, this very key.
    #[error("the key is not new")]
    NotNew,
    /// So many keys are published that verifiers would not read the set.
    #[error("too many keys are published")]
    TooMany,
    /// The key waits until those who cached the published keys know it.
    #[error("the key may sign from {due}")]
    TooEarly {
        /// From when on it may sign.
        due: Timestamp,
    },
    /// A verifier that reports does not hold the key yet.
    #[error("a verifier does not hold the key yet")]
    NotHeld,
    /// Tokens of the key may be valid.
    #[error("tokens of the key are valid until {until}")]
    TokensValid {
        /// Until when.
        until: Timestamp,
    },
    /// The key signs, or will.
    #[error("the key is in use")]
    InUse,
    /// The key will never sign again.
    #[error("the key is over")]
    Over,
    /// Another key would have to sign, and there is none.
    #[error("no other key can sign")]
    NoSuccessor,
}
