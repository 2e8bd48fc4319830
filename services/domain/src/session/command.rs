//! What can be asked of a session.

use core::time::Duration;

use countersign_events::{AccountId, Acr, EndReason, FactorKind, Sealed, Timestamp};

use crate::Standing;

/// What can be asked of a session.
#[derive(Debug, Clone)]
pub enum SessionCommand {
    /// The password was right and is not enough: it may come to be.
    Attempt(Attempt),
    /// A second factor was wrong.
    RejectFactor {
        /// What was tried.
        method: FactorKind,
        /// The time.
        now: Timestamp,
    },
    /// Begin it: the person has authenticated.
    Start(Start),
    /// Rotate its refresh token.
    Refresh(Refresh),
    /// The person proved again, or better, who they are.
    StepUp(StepUp),
    /// Outlive the change of the account that ended the other sessions.
    Continue {
        /// The account's epoch after that change.
        epoch: u64,
    },
    /// End it.
    End {
        /// Why.
        reason: EndReason,
        /// What the operator wrote, sealed.
        note: Option<Sealed>,
    },
}

/// A sign-in that waits for its second factor.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Whose session it may become.
    pub account: AccountId,
    /// The account as the sign-in saw it.
    pub standing: Standing,
    /// The sealed address it comes from.
    pub ip: Sealed,
    /// The methods used so far.
    pub amr: Vec<String>,
    /// The time.
    pub now: Timestamp,
    /// How long it may take.
    pub lifetime: Duration,
    /// How long the log keeps it after that.
    pub retention: Duration,
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
    /// How the person authenticated, beside what an attempt has recorded.
    pub amr: Vec<String>,
    /// What it is tied to, if sessions are tied to anything.
    pub binding: Option<Sealed>,
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
    /// Whether it comes from where the session is tied to.
    pub place: Place,
    /// The time.
    pub now: Timestamp,
    /// How long the session lives without the next refresh.
    pub idle: Duration,
    /// How long the predecessor may ask for its successor again.
    pub grace: Duration,
}

/// Whether a request comes from where its session is tied to.
#[derive(Debug, Clone)]
pub enum Place {
    /// It does, or the session is tied to nothing.
    Same,
    /// It does not, and that is only noted.
    Noted {
        /// The sealed user agent.
        user_agent: Option<Sealed>,
        /// What the session is tied to from now on.
        binding: Sealed,
    },
    /// It does not, and the person has to prove again who they are.
    Refused,
}

/// The person proved again, or better, who they are.
#[derive(Debug, Clone)]
pub struct StepUp {
    /// The account as the service knows it.
    pub standing: Standing,
    /// How strongly what was proved makes the person known in this session.
    pub acr: Acr,
    /// How.
    pub amr: Vec<String>,
    /// What the session is tied to from now on, if to anything.
    pub binding: Option<Sealed>,
    /// Whether the refresh token is replaced.
    pub replaces_token: bool,
    /// The time.
    pub now: Timestamp,
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
    /// The refresh token was replaced when the person proved again who they
    /// are.
    #[error("the refresh token was replaced")]
    Replaced,
    /// The attempt was completed, has expired, or has failed too often.
    #[error("the sign-in cannot be completed any more")]
    AttemptOver,
    /// A password alone does not start a session of this account.
    #[error("the account asks for a second factor")]
    FactorMissing,
    /// The session is tied to another place.
    #[error("the session is used from elsewhere")]
    Elsewhere,
}
