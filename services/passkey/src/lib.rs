//! Passkeys (`WebAuthn` Level 3): registration, second factor, step-up and
//! sign-in without a password, on webauthn-rs.
//!
//! A pure library: no I/O, no clock, nothing async. It hands out the options
//! for `navigator.credentials` and judges what comes back; who keeps what, and
//! for how long, is the caller's part:
//!
//! - a [`StoredPasskey`] and the state of an open registration live in the
//!   vault;
//! - the state of an open sign-in lives nowhere but in a [`Challenge`], sealed
//!   by [`Challenges`], which the client carries and echoes. The caller checks
//!   its expiry and purpose, and that the log has not seen its id before.
//!
//! webauthn-rs does the cryptography and most of the checks. Added here is
//! what it leaves to its callers: the user handle must name the owner of the
//! credential, the counter is compared with the one stored *now*, an origin is
//! equal or refused, and no ceremony is accepted from inside a foreign frame.

mod authentication;
mod challenge;
mod refusal;
mod registration;
mod relying_party;
mod response;
mod state;
mod stored;
#[cfg(test)]
mod tests;

pub use authentication::Assertion;
pub use challenge::{BadChallenge, Challenge, Challenges, MAX_CHALLENGE_BYTES, Purpose};
pub use refusal::{PasskeyError, PasskeyRefusal};
pub use relying_party::Passkeys;
pub use response::MAX_CREDENTIAL_BYTES;
pub use stored::StoredPasskey;
