//! What can be asked of a session.

use core::time::Duration;

use countersign_events::{AccountId, Acr, EndReason, Sealed, Timestamp};

use crate::Standing;

/// What can be asked of a session.
#[derive(Debug, Clone)]
pub enum SessionCommand {
    /// Begin it: the person has authenticated.
    Start(Start),
    /// Rotate its refresh token.
    Refresh(Refresh),
    /// End it.
    End {
        /// Why.
        reason: EndReason,
        /// What the operator wrote, sealed.
        note: Option<Sealed>,
    },
}

/// A sign-in that succeeded.
#[derive(Debug, Clone)]
pub struct Start {
    /// Whose session it is.
    pub account: AccountId,
    /// The account as the sign-in saw it.
    pub standing: Standing,
    /// The client it is started on.
    pub client: String,
    /// The sealed address it comes from.
    pub ip: Sealed,
    /// The sealed user agent.
    pub user_agent: Option<Sealed>,
    /// How strongly the person is known.
    pub acr: Acr,
    /// How the person authenticated.
    pub amr: Vec<String>,
    /// The time.
    pub now: Timestamp,
    /// How long it lives without a refresh.
    pub idle: Duration,
    /// How long it lives at most.
    pub absolute: Duration,
    /// How long the log keeps it after that.
    pub retention: Duration,
}

/// A refresh token was presented whose seal was found good.
#[derive(Debug, Clone)]
pub struct Refresh {
    /// The generation it names.
    pub presented: u32,
    /// The account as the service knows it. It may be stale: the epoch in the
    /// token that comes of it is refused by everybody who knows better.
    pub standing: Standing,
    /// The sealed address it comes from.
    pub ip: Sealed,
    /// The time.
    pub now: Timestamp,
    /// How long the session lives without the next refresh.
    pub idle: Duration,
    /// How long the predecessor may ask for its successor again.
    pub grace: Duration,
}

/// Why a session says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    /// There is no such session.
    #[error("no such session")]
    Unknown,
    /// The id is a session already.
    #[error("the session exists already")]
    Exists,
    /// It is over.
    #[error("the session has ended: {0}")]
    Ended(EndReason),
    /// Its account has ended all sessions of its time, or may have none.
    #[error("the account has ended its sessions")]
    Fenced,
    /// Its time is up.
    #[error("the session has expired")]
    Expired,
    /// The generation was never handed out. As its seal was good, the log is
    /// behind what it once held, or a key has leaked.
    #[error("the refresh token was never issued")]
    NeverIssued,
}
