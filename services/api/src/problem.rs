//! The one table from why to what the caller is told.

use countersign_log::LogError;
use countersign_openapi::{FieldError, ProblemCode};
use countersign_verifier::{Refusal, StepUp};
use countersign_views::ViewError;

use crate::denied::Denied;
use crate::http::Problem;

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        use ProblemCode as Code;
        match denied {
            Denied::InvalidCredentials | Denied::Exhausted => Self::new(Code::InvalidCredentials),
            Denied::EmailTaken => Self::new(Code::EmailTaken),
            Denied::Invalid { field, message } => {
                Self::invalid(vec![FieldError::at(field, message)])
            }
            Denied::InvalidParameter { name, message } => {
                Self::invalid(vec![FieldError::parameter(name, message)])
            }
            Denied::PasswordWeak(weakness) => {
                Self::new(Code::PasswordWeak).detail(weakness.to_string())
            }
            Denied::Token(refusal) => {
                let code = match refusal {
                    Refusal::Missing => Code::TokenMissing,
                    Refusal::Expired => Code::TokenExpired,
                    Refusal::Revoked => Code::TokenRevoked,
                    _ => Code::TokenInvalid,
                };
                Self::new(code).challenge(refusal.www_authenticate())
            }
            Denied::MfaInvalid => Self::new(Code::MfaInvalid),
            Denied::MfaTokenInvalid => Self::new(Code::MfaTokenInvalid),
            Denied::StepUp(missing) => Self::new(Code::InsufficientUserAuthentication)
                .challenge(missing.www_authenticate()),
            Denied::Elsewhere => Self::new(Code::InsufficientUserAuthentication)
                .detail("The session is used from elsewhere than where it was started. Step up.")
                .challenge(
                    StepUp {
                        acr: None,
                        max_age_seconds: Some(0),
                        is_too_weak: false,
                    }
                    .www_authenticate(),
                ),
            Denied::Throttled {
                retry_after_seconds,
            } => Self::new(Code::RateLimited)
                .retry_after(u32::try_from(retry_after_seconds).unwrap_or(u32::MAX)),
            Denied::CsrfInvalid => Self::new(Code::CsrfInvalid),
            Denied::CrossSite => Self::new(Code::CsrfInvalid)
                .detail("The request comes from a page of another site."),
            Denied::LinkInvalid => Self::new(Code::LinkInvalid),
            Denied::NoPasskeys => {
                Self::new(Code::NotFound).detail("Passkeys need a public URL with a host name.")
            }
            Denied::Forbidden => Self::new(Code::InsufficientPermissions),
            Denied::RefreshInvalid => Self::new(Code::RefreshInvalid),
            Denied::RefreshExpired => Self::new(Code::RefreshExpired),
            Denied::RefreshReused => Self::new(Code::RefreshReused),
            Denied::SessionRevoked => Self::new(Code::SessionRevoked),
            Denied::NotFound | Denied::Erased => Self::new(Code::NotFound),
            Denied::Conflict => Self::new(Code::Conflict),
            Denied::Rebuilding => Self::new(Code::Conflict)
                .detail("A rebuild of the read models is under way, or was asked for."),
            Denied::NoProjector => Self::new(Code::Unavailable)
                .detail("No projector is running that could rebuild the read models."),
            Denied::Overloaded => Self::new(Code::Overloaded),
            Denied::PositionNotReached => Self::new(Code::PositionNotReached),
            Denied::Blind => Self::new(Code::Unavailable)
                .detail("This instance may have missed revocations and lets nobody in."),
            Denied::NoKey => Self::new(Code::Unavailable)
                .detail("This instance has no key to sign with at the moment."),
            Denied::Log(error) if error.is_transient() => {
                tracing::warn!(%error, "the log did not answer");
                Self::new(Code::Unavailable)
            }
            Denied::Log(LogError::ReadOnly(reason)) => {
                tracing::warn!(%reason, "the log is read-only");
                Self::new(Code::Unavailable).detail("Nothing can be changed at the moment.")
            }
            Denied::Log(LogError::TooLong { .. }) => Self::invalid(vec![FieldError::parameter(
                "as_of",
                "too much had happened by then: name an earlier time, or read the events",
            )]),
            Denied::Views(ViewError::Unavailable(error)) => {
                tracing::warn!(%error, "the read models did not answer");
                Self::new(Code::Unavailable)
            }
            Denied::Log(error) => broken(&error),
            Denied::Views(error @ ViewError::Broken(_)) => broken(&error),
            Denied::Broken(text) => broken(&text),
        }
    }
}

/// A fault of ours: told to operators, hidden from callers.
fn broken(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "a request failed");
    Problem::new(ProblemCode::InternalError)
}

impl From<Denied> for poem::Error {
    fn from(denied: Denied) -> Self {
        Problem::from(denied).into()
    }
}
