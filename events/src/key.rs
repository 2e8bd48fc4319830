//! What happens to the ring of token-signing keys.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::set::event_set;
use crate::{Noun, Sealed, SecretId};

event_set! {
    /// Events on the one `key` subject. Keys share a subject so that a
    /// rotation is one decision over the whole ring.
    pub enum KeyEvent for KeyringId (Noun::Key) {
        /// A key pair was made; its public half is published from now on.
        Created = "created" 1,
        /// An operator wants the next key to sign as soon as it may.
        RotationRequested = "rotation_requested" 1,
        /// The key signs new tokens from now on.
        Activated = "activated" 1,
        /// The last token it signed has expired: it is published no more.
        Retired = "retired" 1,
        /// Every token it signed is refused, for good.
        Revoked = "revoked" 1,
    }
}

/// Signature algorithms of access tokens (RFC 7518 section 3.1, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        })
    }
}

/// A key pair was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Created {
    /// The RFC 7638 thumbprint of the public key.
    pub kid: String,
    /// What it signs with.
    pub algorithm: KeyAlgorithm,
    /// The public key: the uncompressed point of an EC key, or the 32 bytes of
    /// an Ed25519 key, in unpadded base64url.
    pub public: String,
    /// Where the private half is in the vault.
    pub secret: SecretId,
}

/// An operator wants the next key to sign as soon as it may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotationRequested {
    /// Which one.
    pub kid: String,
    /// What the operator wrote, sealed under the operator's data key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Sealed>,
}

/// The key signs new tokens from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activated {
    /// Which one.
    pub kid: String,
}

/// The last token it signed has expired: it is published no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retired {
    /// Which one.
    pub kid: String,
}

/// Every token it signed is refused, for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// Which one.
    pub kid: String,
    /// What the operator wrote, sealed under the operator's data key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Sealed>,
}
