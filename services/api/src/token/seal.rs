//! Tokens that say who made them: a prefix, and the unpadded base64url of a
//! key id, a body of fixed length and an HMAC-SHA-256 over both.
//!
//! Such a token is stored nowhere. A forged one is refused without I/O, and
//! neither the log nor a database holds anything that opens a session.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const KEY_ID: usize = 4;
const TAG: usize = 32;
/// The longest body of any kind of token, with everything around it.
const MOST: usize = 128;

/// What keeps one kind of token apart from every other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// What a token of this kind begins with.
    pub(super) prefix: &'static str,
    /// Part of what is signed, so that the same secret for two kinds would not
    /// make them the same.
    pub(super) purpose: &'static str,
}

/// Seals and opens tokens of one kind with bodies of `BODY` bytes.
pub(super) struct Seal<const BODY: usize> {
    kind: Kind,
    key: hmac::Key,
    key_id: [u8; KEY_ID],
}

/// The token was never issued here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this deployment")]
pub struct Forged;

impl<const BODY: usize> Seal<BODY> {
    const SIGNED: usize = KEY_ID + BODY;
    const BYTES: usize = Self::SIGNED + TAG;

    /// Under a secret of 32 bytes from the vault.
    pub(super) fn new(kind: Kind, secret: &[u8]) -> Self {
        const { assert!(Self::BYTES + 2 <= MOST, "MOST is too small") };
        let digest = digest::digest(&digest::SHA256, &[kind.purpose.as_bytes(), secret].concat());
        let mut key_id = [0; KEY_ID];
        key_id.copy_from_slice(&digest.as_ref()[..KEY_ID]);
        Self {
            kind,
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            key_id,
        }
    }

    /// The token of a body: always the same text.
    pub(super) fn seal(&self, body: &[u8; BODY]) -> String {
        let mut bytes = [0; MOST];
        bytes[..KEY_ID].copy_from_slice(&self.key_id);
        bytes[KEY_ID..Self::SIGNED].copy_from_slice(body);
        let tag = hmac::sign(&self.key, &self.signed(&bytes[..Self::SIGNED]));
        bytes[Self::SIGNED..Self::BYTES].copy_from_slice(tag.as_ref());
        let mut text = String::with_capacity(self.kind.prefix.len() + Self::BYTES * 4 / 3 + 1);
        text.push_str(self.kind.prefix);
        URL_SAFE_NO_PAD.encode_string(&bytes[..Self::BYTES], &mut text);
        text
    }

    /// The body of a presented token, if it was sealed here.
    pub(super) fn open(&self, text: &str) -> Result<[u8; BODY], Forged> {
        let encoded = text.strip_prefix(self.kind.prefix).ok_or(Forged)?;
        if encoded.len() != (Self::BYTES * 4).div_ceil(3) {
            return Err(Forged);
        }
        let mut bytes = [0; MOST];
        let length = URL_SAFE_NO_PAD
            .decode_slice(encoded, &mut bytes)
            .map_err(|_| Forged)?;
        let (signed, tag) = bytes[..length]
            .split_at_checked(Self::SIGNED)
            .ok_or(Forged)?;
        if signed[..KEY_ID] != self.key_id {
            return Err(Forged);
        }
        hmac::verify(&self.key, &self.signed(signed), tag).map_err(|_| Forged)?;
        signed[KEY_ID..].try_into().map_err(|_| Forged)
    }

    fn signed(&self, bytes: &[u8]) -> Vec<u8> {
        [self.kind.purpose.as_bytes(), bytes].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind {
        prefix: "cst_",
        purpose: "countersign test token v1",
    };
    const BODY: [u8; 20] = [7; 20];

    #[test]
    fn a_body_always_has_the_same_token() {
        let seal = Seal::<20>::new(KIND, &[1; 32]);
        let text = seal.seal(&BODY);
        assert_eq!(text, seal.seal(&BODY));
        assert_eq!(seal.open(&text), Ok(BODY));
        assert!(text.starts_with("cst_"));
    }

    #[test]
    fn every_changed_character_and_every_cut_is_refused() {
        let seal = Seal::<20>::new(KIND, &[1; 32]);
        let text = seal.seal(&BODY);
        for index in 0..text.len() {
            assert_eq!(seal.open(&text[..index]), Err(Forged));
            for other in ['A', 'B', '-', '=', ' '] {
                let mut changed = text.clone().into_bytes();
                if changed[index] == other as u8 {
                    continue;
                }
                changed[index] = other as u8;
                let changed = String::from_utf8(changed).expect("ascii");
                assert_eq!(seal.open(&changed), Err(Forged), "{changed}");
            }
        }
        for suffix in ["A", "=", "==", "\n", " "] {
            assert_eq!(seal.open(&format!("{text}{suffix}")), Err(Forged));
        }
    }

    #[test]
    fn what_another_secret_or_kind_has_sealed_is_refused() {
        let seal = Seal::<20>::new(KIND, &[1; 32]);
        let secret = Seal::<20>::new(KIND, &[2; 32]).seal(&BODY);
        let purpose = Kind {
            purpose: "countersign other token v1",
            ..KIND
        };
        let purpose = Seal::<20>::new(purpose, &[1; 32]).seal(&BODY);
        for text in [secret.as_str(), &purpose, "", "cst_", "cst_AAAA", "ćst_"] {
            assert_eq!(seal.open(text), Err(Forged), "{text}");
        }
    }
}
