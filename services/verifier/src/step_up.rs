//! Asking for a stronger or a fresher authentication (RFC 9470).

use crate::Claims;

/// How strongly a person was authenticated; a later one satisfies an
/// earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Acr {
    /// One factor.
    Aal1,
    /// Two factors.
    Aal2,
    /// Two factors, one of which cannot be phished.
    Aal3,
}

impl Acr {
    /// The value of the `acr` claim.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
            Self::Aal3 => "aal3",
        }
    }

    /// The level with this exact name. An unknown name is no level, and so
    /// satisfies nothing.
    pub fn from_claim(acr: &str) -> Option<Self> {
        [Self::Aal1, Self::Aal2, Self::Aal3]
            .into_iter()
            .find(|level| level.as_str() == acr)
    }
}

/// A route needs more than the token shows. It carries the route's whole
/// requirement, so that one step-up satisfies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.description())]
pub struct StepUp {
    /// The level the route needs.
    pub acr: Option<Acr>,
    /// How many seconds old the authentication may be.
    pub max_age_seconds: Option<u64>,
    /// Whether the level is what the token lacks; else it is the age.
    pub is_too_weak: bool,
}

impl StepUp {
    /// The problem code, which is also RFC 9470's error code.
    #[expect(clippy::unused_self, reason = "it is asked like `Refusal::code`")]
    pub const fn code(self) -> &'static str {
        "insufficient_user_authentication"
    }

    /// The value of `WWW-Authenticate` for a 401 answer (RFC 9470
    /// section 3).
    pub fn www_authenticate(self) -> String {
        use std::fmt::Write as _;

        let mut value = format!(
            r#"Bearer error="{}", error_description="{}""#,
            self.code(),
            self.description()
        );
        // Writing to a `String` cannot fail.
        if let Some(acr) = self.acr {
            let _ = write!(value, r#", acr_values="{}""#, acr.as_str());
        }
        if let Some(seconds) = self.max_age_seconds {
            let _ = write!(value, r#", max_age="{seconds}""#);
        }
        value
    }

    const fn description(self) -> &'static str {
        if self.is_too_weak {
            "A different authentication level is required"
        } else {
            "More recent authentication is required"
        }
    }
}

/// Checks that the person behind `claims` was authenticated strongly enough,
/// and not more than `max_age_seconds` before `now_unix_seconds`.
///
/// What is absent satisfies nothing: a token without `acr` has no level, and
/// one without `auth_time`, or with one that has not come yet, has no age.
/// An age of exactly the maximum is allowed.
pub fn require(
    claims: &Claims,
    acr: Option<Acr>,
    max_age_seconds: Option<u64>,
    now_unix_seconds: u64,
) -> Result<(), StepUp> {
    let own = claims.acr.as_deref().and_then(Acr::from_claim);
    // `None` is less than every level.
    let is_too_weak = own < acr;
    let age_seconds = claims
        .auth_time
        .and_then(|auth_time| now_unix_seconds.checked_sub(auth_time));
    let is_too_old = max_age_seconds.is_some_and(|max| age_seconds.is_none_or(|age| age > max));
    if is_too_weak || is_too_old {
        return Err(StepUp {
            acr,
            max_age_seconds,
            is_too_weak,
        });
    }
    Ok(())
}
