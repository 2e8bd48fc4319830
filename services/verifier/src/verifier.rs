//! The check itself.

use crate::header::Header;
use crate::object::object_from_str;
use crate::token::Token;
use crate::{Actor, Claims, KeyRing, Refusal, RevocationSet};
use std::sync::Arc;

/// How far clocks may differ when `exp` and `nbf` are checked.
pub const DEFAULT_LEEWAY_SECONDS: u64 = 10;
/// The most leeway that can be set. It stays below
/// [`FORGET_MARGIN_SECONDS`](crate::FORGET_MARGIN_SECONDS), so that a
/// revocation outlives every token it refuses.
pub const MAX_LEEWAY_SECONDS: u64 = 120;
/// The longest an access token may live, unless set otherwise.
pub const DEFAULT_MAX_LIFETIME_SECONDS: u64 = 30 * 60;
/// The largest token that is looked at, unless set otherwise.
pub const DEFAULT_MAX_TOKEN_BYTES: usize = 8 * 1024;
/// How far ahead of this clock a token may have been minted.
pub const MAX_IAT_AHEAD_SECONDS: u64 = 60;

/// Checks access tokens for one service.
///
/// It can be shared between threads; keys and revocations change beneath
/// it.
#[derive(Debug)]
pub struct Verifier {
    issuer: String,
    audience: String,
    leeway_seconds: u64,
    max_lifetime_seconds: u64,
    max_token_bytes: usize,
    keys: Arc<KeyRing>,
    revocations: Arc<RevocationSet>,
}

impl Verifier {
    /// A verifier for tokens of `issuer` that name the service `audience`,
    /// both compared byte for byte.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: Arc<KeyRing>,
        revocations: Arc<RevocationSet>,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            leeway_seconds: DEFAULT_LEEWAY_SECONDS,
            max_lifetime_seconds: DEFAULT_MAX_LIFETIME_SECONDS,
            max_token_bytes: DEFAULT_MAX_TOKEN_BYTES,
            keys,
            revocations,
        }
    }

    /// Sets how far clocks may differ; more than [`MAX_LEEWAY_SECONDS`]
    /// counts as that.
    #[must_use]
    pub fn with_leeway_seconds(mut self, seconds: u64) -> Self {
        self.leeway_seconds = seconds.min(MAX_LEEWAY_SECONDS);
        self
    }

    /// Sets the longest an access token may live. Whoever feeds the
    /// revocations must keep them at least as long.
    #[must_use]
    pub const fn with_max_lifetime_seconds(mut self, seconds: u64) -> Self {
        self.max_lifetime_seconds = seconds;
        self
    }

    /// Sets the largest token that is looked at.
    #[must_use]
    pub const fn with_max_token_bytes(mut self, bytes: usize) -> Self {
        self.max_token_bytes = bytes;
        self
    }

    /// The keys it checks with.
    pub const fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    /// The revocations it heeds.
    pub const fn revocations(&self) -> &Arc<RevocationSet> {
        &self.revocations
    }

    /// Checks a bearer token as of `now_unix_seconds`.
    ///
    /// In this order: size and shape, `typ` and header (RFC 9068 section 4),
    /// key by `kid`, `alg`, signature; and only then what it says: issuer,
    /// audience, times, binding, revocation. Nothing before the signature
    /// allocates more than the token's size or asks anybody.
    pub fn check(&self, token: &str, now_unix_seconds: u64) -> Result<Claims, Refusal> {
        self.check_for(&self.audience, token, now_unix_seconds)
    }

    /// [`Self::check`] for another of this service's names.
    pub fn check_for(
        &self,
        audience: &str,
        token: &str,
        now_unix_seconds: u64,
    ) -> Result<Claims, Refusal> {
        let token = Token::split(token, self.max_token_bytes)?;
        let header = Header::read(token.header()?)?;
        header.check()?;
        let keys = self.keys.current();
        let key = header
            .key_id()
            .and_then(|kid| keys.get(kid))
            .ok_or(Refusal::UnknownKey)?;
        if header.algorithm() != Some(key.algorithm().name()) {
            return Err(Refusal::WrongAlgorithm);
        }
        key.verify(token.signed, token.signature())
            .map_err(|_| Refusal::BadSignature)?;

        let claims: Claims =
            object_from_str(token.payload()?).map_err(|_| Refusal::MalformedClaims)?;
        self.check_addressee(&claims, audience)?;
        self.check_times(&claims, now_unix_seconds)?;
        if claims.cnf.is_some() {
            return Err(Refusal::ProofRequired);
        }
        self.check_revocation(&claims, key.key_id())?;
        Ok(claims)
    }

    fn check_revocation(&self, claims: &Claims, key_id: &str) -> Result<(), Refusal> {
        let known = &self.revocations;
        let mut actors = claims.act.iter().flat_map(Actor::chain);
        if known.is_key_revoked(key_id)
            || known.is_revoked(claims.sid, claims.sub, claims.epoch)
            || actors.any(|actor| known.is_outdated(actor.sub, actor.epoch))
        {
            return Err(Refusal::Revoked);
        }
        Ok(())
    }

    fn check_addressee(&self, claims: &Claims, audience: &str) -> Result<(), Refusal> {
        if claims.iss != self.issuer {
            return Err(Refusal::WrongIssuer);
        }
        if !claims.aud.contains(audience) {
            return Err(Refusal::WrongAudience);
        }
        Ok(())
    }

    fn check_times(&self, claims: &Claims, now: u64) -> Result<(), Refusal> {
        if now >= claims.exp.saturating_add(self.leeway_seconds) {
            return Err(Refusal::Expired);
        }
        if claims.nbf > now.saturating_add(self.leeway_seconds) {
            return Err(Refusal::NotYetValid);
        }
        if claims.iat > now.saturating_add(MAX_IAT_AHEAD_SECONDS) {
            return Err(Refusal::IssuedInFuture);
        }
        if claims.exp.saturating_sub(claims.iat) > self.max_lifetime_seconds {
            return Err(Refusal::LifetimeTooLong);
        }
        Ok(())
    }
}
