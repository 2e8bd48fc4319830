//! The state of an open ceremony, sealed and carried by the client.

use core::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_events::{AccountId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::refusal::PasskeyError;

/// The longest sealed challenge that is read or made.
pub const MAX_CHALLENGE_BYTES: usize = 16 * 1024;

/// What a sealed challenge begins with, so that people and secret scanners
/// see what it is.
const PREFIX: &str = "csc_";

/// Bound into the key and the tag: nothing sealed for another use opens here.
const LABEL: &[u8] = b"countersign passkey challenge 1";

const SALT_BYTES: usize = 16;

/// What a signature is wanted for. A challenge serves no other purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To sign in without a password; nobody is known yet.
    SignIn,
    /// As the second factor of a sign-in.
    SecondFactor,
    /// To raise a session.
    StepUp,
}

/// An open ceremony.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    /// What the log remembers once it was signed.
    pub id: Uuid,
    /// What the signature is wanted for.
    pub purpose: Purpose,
    /// Who is asked to sign, where that is known.
    pub account: Option<AccountId>,
    /// The session that it is for, where there is one.
    pub session: Option<SessionId>,
    /// When it is worth nothing any more.
    pub expires_at: Timestamp,
    /// The state that finishes the ceremony.
    pub state: Vec<u8>,
}

/// Not a challenge of this service, or changed on the way. Which of the two is
/// nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a challenge of this service")]
pub struct BadChallenge;

/// Seals challenges and opens them.
///
/// Anyone may ask for a challenge, without end, so random nonces under one key
/// would run into the bound of AES-GCM (2^32 messages). Each challenge has a
/// key of its own, derived from the secret and a random salt.
pub struct Challenges {
    secret: Prk,
}

impl fmt::Debug for Challenges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenges")
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge")
            .field("id", &self.id)
            .field("purpose", &self.purpose)
            .field("account", &self.account)
            .field("session", &self.session)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    id: Uuid,
    purpose: Purpose,
    account: Option<AccountId>,
    session: Option<SessionId>,
    expires_at: Timestamp,
    /// base64url: bytes as a list of numbers would be three times as long.
    state: String,
}

impl Challenges {
    /// With a secret of the vault of at least 32 bytes.
    pub fn new(secret: &[u8]) -> Result<Self, PasskeyError> {
        if secret.len() < 32 {
            return Err(PasskeyError::ShortSecret);
        }
        let secret = Salt::new(HKDF_SHA256, LABEL).extract(secret);
        Ok(Self { secret })
    }

    /// The challenge as text for the client: `csc_` and base64url.
    pub fn seal(&self, challenge: &Challenge) -> Result<String, PasskeyError> {
        let content = Content {
            id: challenge.id,
            purpose: challenge.purpose,
            account: challenge.account,
            session: challenge.session,
            expires_at: challenge.expires_at,
            state: URL_SAFE_NO_PAD.encode(&challenge.state),
        };
        let mut text =
            Zeroizing::new(serde_json::to_vec(&content).map_err(|_| PasskeyError::Encoding)?);
        let (salt, nonce) = (random::<SALT_BYTES>()?, random::<NONCE_LEN>()?);
        let tag = self
            .key(salt)
            .ok_or(PasskeyError::Sealing)?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(LABEL),
                &mut text,
            )
            .map_err(|_| PasskeyError::Sealing)?;
        let sealed = [salt.as_slice(), &nonce, &text, tag.as_ref()].concat();
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed));
        if token.len() > MAX_CHALLENGE_BYTES {
            return Err(PasskeyError::LargeChallenge);
        }
        Ok(token)
    }

    /// What [`Self::seal`] sealed. Whether it has expired, serves the purpose
    /// at hand and was not used before is for the caller to check.
    pub fn open(&self, token: &str) -> Result<Challenge, BadChallenge> {
        self.content(token)
            .and_then(|content| {
                Some(Challenge {
                    id: content.id,
                    purpose: content.purpose,
                    account: content.account,
                    session: content.session,
                    expires_at: content.expires_at,
                    state: URL_SAFE_NO_PAD.decode(content.state).ok()?,
                })
            })
            .ok_or(BadChallenge)
    }

    fn content(&self, token: &str) -> Option<Content> {
        if token.len() > MAX_CHALLENGE_BYTES {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
        let (salt, rest) = sealed.split_first_chunk::<SALT_BYTES>()?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>()?;
        let mut text = Zeroizing::new(text.to_vec());
        let content = self
            .key(*salt)?
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(LABEL),
                &mut text,
            )
            .ok()?;
        serde_json::from_slice(content).ok()
    }

    /// The key of the one challenge with this salt.
    fn key(&self, salt: [u8; SALT_BYTES]) -> Option<LessSafeKey> {
        let info = [LABEL, &salt];
        let key = self.secret.expand(&info, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(key)))
    }
}

/// Bytes of the operating system's generator.
fn random<const N: usize>() -> Result<[u8; N], PasskeyError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| PasskeyError::Sealing)?;
    Ok(bytes)
}
