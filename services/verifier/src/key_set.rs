//! The issuer's published keys.

use crate::object::{Members, object_from_str};
use crate::{PublicKey, jwk};
use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A JWKS document with more bytes than this is refused.
pub const MAX_JWKS_BYTES: usize = 256 * 1024;
/// A set has at most this many keys. An issuer has about four.
pub const MAX_KEYS: usize = 256;

/// Public keys by their ids.
///
/// A set does not change; a [`KeyRing`](crate::KeyRing) changes from one set
/// to the next.
#[derive(Debug, Clone, Default)]
pub struct KeySet {
    keys: BTreeMap<Box<str>, PublicKey>,
    ignored: usize,
}

/// Why there is no set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// More than [`MAX_JWKS_BYTES`], or more than [`MAX_KEYS`] keys.
    #[error("the key set is too large")]
    TooLarge,
    /// Not a JSON object with an array `keys`.
    #[error("the document is not a JSON Web Key Set")]
    Malformed,
}

impl KeySet {
    /// A set of keys.
    pub fn from_keys(keys: impl IntoIterator<Item = PublicKey>) -> Result<Self, KeySetError> {
        let mut set = Self::default();
        for key in keys {
            set.keys.insert(key.key_id().into(), key);
            if set.keys.len() > MAX_KEYS {
                return Err(KeySetError::TooLarge);
            }
        }
        Ok(set)
    }

    /// The keys of a JWKS document (RFC 7517 section 5).
    ///
    /// A key that cannot be used is passed over and counted
    /// ([`Self::ignored`]): of an unknown kind, curve or algorithm; not for
    /// signatures; too weak; malformed; published with its private part; or
    /// with a `kid` that is not its RFC 7638 thumbprint. A document without
    /// a usable key is an empty set: the caller decides whether to believe
    /// that.
    pub fn from_jwks(json: &str) -> Result<Self, KeySetError> {
        if json.len() > MAX_JWKS_BYTES {
            return Err(KeySetError::TooLarge);
        }
        let document: Jwks = object_from_str(json).map_err(|_| KeySetError::Malformed)?;
        if document.keys.len() > MAX_KEYS {
            return Err(KeySetError::TooLarge);
        }
        let usable: Vec<_> = document
            .keys
            .iter()
            .filter_map(|one| jwk::read(one.get()))
            .collect();
        let ignored = document.keys.len() - usable.len();
        Ok(Self {
            ignored,
            ..Self::from_keys(usable)?
        })
    }

    /// The set as a JWKS document, ordered by key id: equal sets give equal
    /// bytes.
    pub fn to_jwks(&self) -> String {
        let keys = self.iter().map(PublicKey::to_jwk).collect();
        // Strings and string enums only: nothing that could fail.
        serde_json::to_string(&jsonwebtoken::jwk::JwkSet { keys }).unwrap_or_default()
    }

    /// The key with exactly this id.
    pub fn get(&self, key_id: &str) -> Option<&PublicKey> {
        self.keys.get(key_id)
    }

    /// The keys, ordered by id.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.values()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys of the document could not be used.
    pub const fn ignored(&self) -> usize {
        self.ignored
    }
}

/// Each key is kept as text, so that one bad key does not spoil the others.
#[derive(Deserialize)]
struct Jwks<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

impl<'de> Members<'de> for Jwks<'de> {
    const MAX_MEMBERS: usize = 64;

    fn read<D: Deserializer<'de>>(members: D) -> Result<Self, D::Error> {
        Self::deserialize(members)
    }
}
