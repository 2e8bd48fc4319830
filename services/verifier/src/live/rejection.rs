//! What a caller is told who is not let in.

use crate::{Refusal, StepUp};

/// Why a request is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The token is not believed: 401 (RFC 6750 section 3.1).
    #[error(transparent)]
    Token(#[from] Refusal),
    /// It lacks one of these scopes, separated by spaces: 403 (RFC 6750
    /// section 3.1).
    #[error("The access token has too few scopes")]
    Scope(Box<str>),
    /// The account lacks a role: 403.
    #[error("The account lacks a role")]
    Role,
    /// The person must be authenticated more strongly, or again: 401
    /// (RFC 9470 section 3).
    #[error(transparent)]
    StepUp(#[from] StepUp),
    /// Whether the token was revoked is not known at the moment: 503.
    #[error("Revocations cannot be checked at the moment")]
    Stale,
    /// The issuer's keys could not be fetched: 503.
    #[error("The keys of the issuer are not available at the moment")]
    Keys,
}

impl Rejection {
    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Token(_) | Self::StepUp(_) => 401,
            Self::Scope(_) | Self::Role => 403,
            Self::Stale | Self::Keys => 503,
        }
    }

    /// A stable word for it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Token(refusal) => refusal.code(),
            Self::Scope(_) => "insufficient_scope",
            Self::Role => "insufficient_role",
            Self::StepUp(step_up) => step_up.code(),
            Self::Stale => "revocation_unknown",
            Self::Keys => "keys_unavailable",
        }
    }

    /// The value of `WWW-Authenticate`, where the status has one.
    pub fn www_authenticate(&self) -> Option<String> {
        match self {
            Self::Token(refusal) => Some(refusal.www_authenticate()),
            Self::StepUp(step_up) => Some(step_up.www_authenticate()),
            Self::Scope(scope) => Some(format!(
                r#"Bearer error="insufficient_scope", error_description="{self}", scope="{}""#,
                quotable(scope)
            )),
            // RFC 6750 has no code of its own for "requires higher
            // privileges than provided by the access token".
            Self::Role => Some(format!(
                r#"Bearer error="insufficient_scope", error_description="{self}""#
            )),
            Self::Stale | Self::Keys => None,
        }
    }

    /// The value of `Retry-After` in seconds, where the status has one.
    pub const fn retry_after_seconds(&self) -> Option<u64> {
        match self {
            Self::Stale | Self::Keys => Some(1),
            _ => None,
        }
    }

    /// A body: problem details (RFC 9457) with `status`, `code` and `title`.
    pub fn problem(&self) -> String {
        let title = self.to_string();
        let (status, code) = (self.status(), self.code());
        serde_json::json!({ "status": status, "code": code, "title": title }).to_string()
    }
}

/// Without what may not stand in a scope (RFC 6749 section 3.3) and would end
/// the quotes. Scopes come from the service's own code, not from callers.
fn quotable(scope: &str) -> String {
    let allowed = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    scope.chars().filter(allowed).collect()
}
