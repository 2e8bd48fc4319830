//! What a route asks of a token.

use super::Rejection;
use crate::{Acr, Claims, require};

/// What a route asks of a token beyond being valid. The default asks for
/// nothing more, and refuses while revocations may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirement {
    audience: Option<Box<str>>,
    scopes: Vec<Box<str>>,
    roles: Vec<Box<str>>,
    acr: Option<Acr>,
    max_age_seconds: Option<u64>,
    when_stale: WhenStale,
}

/// What to do with a token that is good as far as is known here, while it is
/// not known whether something was revoked: `max_staleness` has passed since
/// the last proof.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenStale {
    /// Answer 503.
    #[default]
    Refuse,
    /// Ask the issuer (RFC 7662), and answer 503 if it does not answer.
    Introspect,
    /// Let it in: for what does no harm.
    Accept,
}

impl Requirement {
    /// Asks for nothing more than a valid token.
    pub fn new() -> Self {
        Self::default()
    }

    /// The token is for this service, instead of the configured audience.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// The token has this scope, and every other that is named.
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// The account has this role, and every other that is named.
    #[must_use]
    pub fn role(mut self, role: &str) -> Self {
        self.roles.push(role.into());
        self
    }

    /// The person was authenticated at least so strongly (RFC 9470).
    #[must_use]
    pub const fn acr(mut self, acr: Acr) -> Self {
        self.acr = Some(acr);
        self
    }

    /// The person was authenticated at most so many seconds ago (RFC 9470).
    #[must_use]
    pub const fn max_age_seconds(mut self, seconds: u64) -> Self {
        self.max_age_seconds = Some(seconds);
        self
    }

    /// What to do while revocations may be missing.
    #[must_use]
    pub const fn when_stale(mut self, policy: WhenStale) -> Self {
        self.when_stale = policy;
        self
    }

    pub(crate) fn named_audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }

    pub(crate) const fn policy(&self) -> WhenStale {
        self.when_stale
    }

    /// Whether a valid token suffices.
    pub(crate) fn check(&self, claims: &Claims, now_unix_seconds: u64) -> Result<(), Rejection> {
        if !self.scopes.iter().all(|scope| claims.has_scope(scope)) {
            return Err(Rejection::Scope(self.scopes.join(" ").into()));
        }
        if !self.roles.iter().all(|role| claims.has_role(role)) {
            return Err(Rejection::Role);
        }
        require(claims, self.acr, self.max_age_seconds, now_unix_seconds)?;
        Ok(())
    }
}
