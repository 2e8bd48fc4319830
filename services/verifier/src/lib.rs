//! The local check of Countersign access tokens.
//!
//! A service that receives `Authorization: Bearer <token>` asks a
//! [`Verifier`] whether to believe it. The answer needs no call to anybody:
//! the signature is checked with the issuer's published keys ([`KeySet`]),
//! the claims against this service's own name, and the session, the account
//! and the key against what has been revoked ([`RevocationSet`]).
//!
//! ```
//! use countersign_verifier::{
//!     Algorithm, Audience, Claims, KeyRing, KeySet, Refusal, RevocationSet, SigningKey, Verifier,
//! };
//! use std::sync::Arc;
//! use uuid::Uuid;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The issuer's side: a key, and a token that lives for 15 minutes.
//! let now = 1_800_000_000;
//! let key = SigningKey::from_pkcs8(
//!     Algorithm::Es256,
//!     &SigningKey::generate_pkcs8(Algorithm::Es256)?,
//! )?;
//! let claims = Claims {
//!     iss: "https://id.example".into(),
//!     sub: Uuid::from_u128(1),
//!     aud: Audience::from("https://api.example"),
//!     exp: now + 900,
//!     iat: now,
//!     nbf: now,
//!     jti: "1".into(),
//!     client_id: "web".into(),
//!     sid: Uuid::from_u128(2),
//!     epoch: 7,
//!     scope: "orders:read".into(),
//!     roles: vec!["user".into()],
//!     acr: Some("aal1".into()),
//!     amr: vec!["pwd".into()],
//!     auth_time: Some(now),
//!     cnf: None,
//!     act: None,
//! };
//! let token = key.mint(&claims)?;
//!
//! // The service's side: the keys it fetched, and what it has heard of.
//! let keys = Arc::new(KeyRing::new(KeySet::from_jwks(
//!     &KeySet::from_keys([key.public_key().clone()])?.to_jwks(),
//! )?));
//! let revocations = Arc::new(RevocationSet::default());
//! let verifier = Verifier::new("https://id.example", "https://api.example", keys, revocations.clone());
//! assert_eq!(verifier.check(&token, now), Ok(claims.clone()));
//!
//! revocations.revoke_session(claims.sid, claims.exp)?;
//! assert_eq!(verifier.check(&token, now), Err(Refusal::Revoked));
//! # Ok(())
//! # }
//! ```
//!
//! # What it must not know
//! It depends on nothing else of Countersign, opens no connection, reads no
//! clock (every check is given the time, in Unix seconds) and starts no
//! thread. Whoever embeds it feeds it keys and revocations.
//!
//! # Features
//! None is on unless asked for, and each is a module that does what the rest
//! does not:
//! - `live`: a `LiveVerifier` fetches the keys, follows the revocations and
//!   knows how long ago it was last proven to miss none;
//! - `axum`: a tower layer and an extractor, with a whole service as an
//!   example;
//! - `poem`: a middleware and an extractor;
//! - `test-kit`: an issuer without a network, for the tests of services.
//!
//! # Why it does not call `jsonwebtoken::decode`
//! `jsonwebtoken` 11 parses the key again on every signature it makes or
//! checks, and its process-wide provider panics in a program that has both
//! of its backends. So keys are prepared once here, on `aws-lc-rs` directly;
//! `jsonwebtoken` gives the header, the JWK types and the
//! [`JwtSigner`](jsonwebtoken::crypto::JwtSigner) trait, and the tests hold
//! the two to the same answers. `cargo run --release -p countersign-verifier
//! --example verify_rate` measures what that is worth on your machine.

mod actor;
mod algorithm;
#[cfg(feature = "axum")]
pub mod axum;
mod claims;
pub mod feed;
mod header;
mod jwk;
mod key_ring;
mod key_set;
#[cfg(feature = "live")]
pub mod live;
mod object;
#[cfg(feature = "poem")]
pub mod poem;
mod public_key;
mod refusal;
mod revocation;
mod signing_key;
mod step_up;
#[cfg(feature = "test-kit")]
pub mod test_kit;
mod token;
mod verifier;

pub use actor::{Actor, MAX_ACTORS};
pub use algorithm::Algorithm;
pub use claims::{Audience, Claims, Confirmation};
pub use key_ring::KeyRing;
pub use key_set::{KeySet, KeySetError, MAX_JWKS_BYTES, MAX_KEYS};
pub use public_key::{KeyError, PublicKey, SignatureMismatch};
pub use refusal::{Refusal, bearer};
pub use revocation::{
    DEFAULT_MAX_ENTRIES, FORGET_MARGIN_SECONDS, Full, MAX_REVOKED_KEYS, RevocationSet,
};
pub use signing_key::{MintError, SigningKey};
pub use step_up::{Acr, StepUp, require};
pub use verifier::{
    DEFAULT_LEEWAY_SECONDS, DEFAULT_MAX_LIFETIME_SECONDS, DEFAULT_MAX_TOKEN_BYTES,
    MAX_IAT_AHEAD_SECONDS, MAX_LEEWAY_SECONDS, Verifier,
};
