//! Why a request was not granted.
//!
//! Rules refuse in their own words ([`countersign_domain`]), parts fail in
//! theirs ([`LogError`], [`ViewError`]); both become one of these, and the one
//! table from here to HTTP is in `problem.rs` beside it.

use countersign_domain::{
    AccountRefusal, ClientRefusal, EmailRefusal, FactorUseRefusal, GrantRefusal, KeyRefusal,
    RevocationRefusal, SessionRefusal,
};
use countersign_events::EndReason;
use countersign_log::{ExecuteError, LogError, SealError, Transient};
use countersign_throttle::Refused;
use countersign_verifier::{Acr, Refusal as TokenRefusal, StepUp};
use countersign_views::ViewError;

use crate::password::{HashError, Shed, Weakness};

/// Why a request was not granted.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// The address or the password is wrong; which one is not said.
    #[error("wrong address or password")]
    InvalidCredentials,
    /// The address belongs to an account.
    #[error("the address has an account")]
    EmailTaken,
    /// A field of the request cannot be used.
    #[error("{field}: {message}")]
    Invalid {
        /// A JSON pointer (RFC 6901) into the body.
        field: &'static str,
        /// What would be right.
        message: &'static str,
    },
    /// A parameter of the request cannot be used.
    #[error("{name}: {message}")]
    InvalidParameter {
        /// Its name.
        name: &'static str,
        /// What would be right.
        message: &'static str,
    },
    /// The chosen password is not accepted.
    #[error("weak password: {0}")]
    PasswordWeak(#[from] Weakness),
    /// The access token does not let its bearer in.
    #[error(transparent)]
    Token(#[from] TokenRefusal),
    /// A second factor was wrong.
    #[error("wrong second factor")]
    MfaInvalid,
    /// The second step of a login is over, or never was.
    #[error("no sign-in waits for this")]
    MfaTokenInvalid,
    /// The authentication is too weak or too old for this.
    #[error("a stronger or newer authentication is needed")]
    StepUp(StepUp),
    /// The session is tied to another place.
    #[error("the session is used from elsewhere")]
    Elsewhere,
    /// Too many failures: wait.
    #[error("too many tries")]
    Throttled {
        /// For how long, in seconds.
        retry_after_seconds: u64,
    },
    /// It failed so often that it is not tried any more.
    #[error("it failed too often to be tried again")]
    Exhausted,
    /// A cookie came without the CSRF token of its session.
    #[error("the CSRF token does not fit")]
    CsrfInvalid,
    /// The page of another site is behind the request.
    #[error("the request comes from another site")]
    CrossSite,
    /// The token from a mail is not good any more.
    #[error("the link is not good any more")]
    LinkInvalid,
    /// The person was forgotten.
    #[error("the account was erased")]
    Erased,
    /// Passkeys need a public URL with a name.
    #[error("passkeys need a public URL with a host name")]
    NoPasskeys,
    /// The caller's roles do not permit this.
    #[error("not permitted")]
    Forbidden,
    /// The refresh token was never issued here.
    #[error("not a refresh token of this deployment")]
    RefreshInvalid,
    /// The session's time is up.
    #[error("the session has expired")]
    RefreshExpired,
    /// The refresh token had been used before; the session is over.
    #[error("the refresh token was used before")]
    RefreshReused,
    /// The session is over.
    #[error("the session has ended")]
    SessionRevoked,
    /// There is no such thing, or it is somebody else's.
    #[error("not found")]
    NotFound,
    /// Somebody else changed the same thing at the same time.
    #[error("conflict")]
    Conflict,
    /// A rebuild of the read models is under way, or was asked for.
    #[error("a rebuild is under way")]
    Rebuilding,
    /// Nobody would take up a rebuild.
    #[error("no projector is running")]
    NoProjector,
    /// Too much to do.
    #[error("overloaded")]
    Overloaded,
    /// The read models have not reached the position that was asked for.
    #[error("the position was not reached in time")]
    PositionNotReached,
    /// Revocations may be missing here, so no token is believed.
    #[error("revocations may be missing")]
    Blind,
    /// No key is known to be good for signing here at the moment.
    #[error("no key is known to be good for signing")]
    NoKey,
    /// The log did not do what was asked of it.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The read models did not answer.
    #[error(transparent)]
    Views(#[from] ViewError),
    /// A fault of ours. The text is for the log, not for the caller.
    #[error("{0}")]
    Broken(String),
}

impl From<SealError> for Denied {
    fn from(error: SealError) -> Self {
        Self::Log(error.into())
    }
}

impl From<HashError> for Denied {
    fn from(error: HashError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<Shed> for Denied {
    fn from(shed: Shed) -> Self {
        match shed {
            Shed::Full => Self::Overloaded,
            Shed::Failed(error) => error.into(),
        }
    }
}

impl From<SessionRefusal> for Denied {
    fn from(refusal: SessionRefusal) -> Self {
        match refusal {
            SessionRefusal::Ended(EndReason::RefreshReused) => Self::RefreshReused,
            SessionRefusal::Ended(_) | SessionRefusal::Fenced => Self::SessionRevoked,
            SessionRefusal::Expired => Self::RefreshExpired,
            SessionRefusal::Unknown | SessionRefusal::NeverIssued | SessionRefusal::Replaced => {
                Self::RefreshInvalid
            }
            SessionRefusal::AttemptOver => Self::MfaTokenInvalid,
            SessionRefusal::FactorMissing => Self::StepUp(StepUp {
                acr: Some(Acr::Aal2),
                max_age_seconds: None,
                is_too_weak: true,
            }),
            SessionRefusal::Elsewhere => Self::Elsewhere,
            SessionRefusal::Exists => Self::Broken("a session id was drawn twice".into()),
        }
    }
}

impl From<AccountRefusal> for Denied {
    fn from(refusal: AccountRefusal) -> Self {
        match refusal {
            AccountRefusal::Unknown | AccountRefusal::Erased | AccountRefusal::NoSuchFactor => {
                Self::NotFound
            }
            AccountRefusal::Exists => Self::EmailTaken,
            AccountRefusal::Suspended => Self::SessionRevoked,
            AccountRefusal::Fenced => Self::Token(TokenRefusal::Revoked),
            AccountRefusal::RequestClosed => Self::LinkInvalid,
            AccountRefusal::CodeSpent => Self::MfaInvalid,
            AccountRefusal::Abandoned
            | AccountRefusal::Changed
            | AccountRefusal::FactorExists
            | AccountRefusal::TooManyFactors => Self::Conflict,
        }
    }
}

impl From<EmailRefusal> for Denied {
    fn from(refusal: EmailRefusal) -> Self {
        match refusal {
            EmailRefusal::Taken { .. } => Self::EmailTaken,
        }
    }
}

impl From<FactorUseRefusal> for Denied {
    fn from(_: FactorUseRefusal) -> Self {
        Self::MfaInvalid
    }
}

impl From<ClientRefusal> for Denied {
    fn from(refusal: ClientRefusal) -> Self {
        match refusal {
            ClientRefusal::Unknown | ClientRefusal::NoSuchSecret => Self::NotFound,
            ClientRefusal::TooManySecrets => Self::Conflict,
            ClientRefusal::Exists => Self::Broken("a client id was drawn twice".into()),
        }
    }
}

impl From<GrantRefusal> for Denied {
    fn from(refusal: GrantRefusal) -> Self {
        match refusal {}
    }
}

impl From<RevocationRefusal> for Denied {
    fn from(refusal: RevocationRefusal) -> Self {
        match refusal {
            RevocationRefusal::Unknown => Self::NotFound,
            RevocationRefusal::Exists
            | RevocationRefusal::Completed
            | RevocationRefusal::Cancelled => Self::Conflict,
        }
    }
}

impl From<Refused> for Denied {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Wait {
                retry_after_seconds,
            } => Self::Throttled {
                retry_after_seconds,
            },
            Refused::Exhausted => Self::Exhausted,
            Refused::Failed(error) => Self::Log(error),
        }
    }
}

impl From<KeyRefusal> for Denied {
    fn from(refusal: KeyRefusal) -> Self {
        match refusal {
            KeyRefusal::Unknown => Self::NotFound,
            KeyRefusal::NotNew => Self::Broken("a key was made twice".into()),
            KeyRefusal::Prepared { .. }
            | KeyRefusal::TooMany
            | KeyRefusal::TooEarly { .. }
            | KeyRefusal::NotHeld
            | KeyRefusal::TokensValid { .. }
            | KeyRefusal::InUse
            | KeyRefusal::Over
            | KeyRefusal::NoSuccessor => Self::Conflict,
        }
    }
}

impl<R> From<ExecuteError<R>> for Denied
where
    R: std::error::Error + 'static,
    Self: From<R>,
{
    fn from(error: ExecuteError<R>) -> Self {
        match error {
            ExecuteError::Refused(refusal) => refusal.into(),
            ExecuteError::Failed(error) => Self::Log(error),
        }
    }
}

impl Transient for Denied {
    fn passes(&self) -> bool {
        matches!(self, Self::Log(error) if error.is_transient())
    }
}
