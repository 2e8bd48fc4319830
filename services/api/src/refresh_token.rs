//! Refresh tokens: opaque to clients, self-authenticating to us.
//!
//! `csr_` and the unpadded base64url of key id, session id, generation and an
//! HMAC-SHA-256 over them. The token is not stored anywhere and follows from
//! the session and its generation, so the same successor can be handed out
//! again byte for byte, a forged token is refused without I/O, and neither the
//! log nor a database holds anything that opens a session.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_events::SessionId;
use uuid::Uuid;

const PREFIX: &str = "csr_";
const KEY_ID: usize = 4;
const SIGNED: usize = KEY_ID + 16 + 4;
const BYTES: usize = SIGNED + 32;
/// Keeps this use of the secret apart from any other.
const PURPOSE: &[u8] = b"countersign refresh token v1";

/// Seals and reads refresh tokens.
pub struct RefreshTokens {
    key: hmac::Key,
    key_id: [u8; KEY_ID],
}

/// What a refresh token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session it continues.
    pub session: SessionId,
    /// Its place in the chain of rotations.
    pub generation: u32,
}

/// The token was never issued here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token of this deployment")]
pub struct Forged;

impl RefreshTokens {
    /// Under a secret of 32 bytes from the vault.
    pub fn new(secret: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, &[PURPOSE, secret].concat());
        let mut key_id = [0; KEY_ID];
        key_id.copy_from_slice(&digest.as_ref()[..KEY_ID]);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            key_id,
        }
    }

    /// The token of a session's generation: always the same bytes.
    pub fn seal(&self, token: RefreshToken) -> String {
        let mut bytes = [0; BYTES];
        bytes[..KEY_ID].copy_from_slice(&self.key_id);
        bytes[KEY_ID..KEY_ID + 16].copy_from_slice(token.session.uuid().as_bytes());
        bytes[KEY_ID + 16..SIGNED].copy_from_slice(&token.generation.to_be_bytes());
        let tag = self.tag(&bytes[..SIGNED]);
        bytes[SIGNED..].copy_from_slice(tag.as_ref());
        let mut text = String::with_capacity(PREFIX.len() + BYTES * 4 / 3 + 1);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        text
    }

    /// What a presented token says, if it was sealed here.
    pub fn open(&self, text: &str) -> Result<RefreshToken, Forged> {
        let encoded = text.strip_prefix(PREFIX).ok_or(Forged)?;
        let mut bytes = [0; BYTES + 2];
        if encoded.len() != (BYTES * 4).div_ceil(3) {
            return Err(Forged);
        }
        let length = URL_SAFE_NO_PAD
            .decode_slice(encoded, &mut bytes)
            .map_err(|_| Forged)?;
        let (signed, tag) = bytes[..length].split_at_checked(SIGNED).ok_or(Forged)?;
        if signed[..KEY_ID] != self.key_id {
            return Err(Forged);
        }
        hmac::verify(&self.key, &[PURPOSE, signed].concat(), tag).map_err(|_| Forged)?;
        let (session, generation) = signed[KEY_ID..].split_at(16);
        let session = Uuid::from_slice(session).map_err(|_| Forged)?;
        let generation = generation.try_into().map_err(|_| Forged)?;
        Ok(RefreshToken {
            session: SessionId::from_uuid(session),
            generation: u32::from_be_bytes(generation),
        })
    }

    fn tag(&self, signed: &[u8]) -> hmac::Tag {
        hmac::sign(&self.key, &[PURPOSE, signed].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> RefreshToken {
        RefreshToken {
            session: SessionId::from_uuid(Uuid::from_u128(
                0x0190_c7a2_5b1e_7a6e_9d5b_6b1f_3e2d_4c5a,
            )),
            generation: 7,
        }
    }

    #[test]
    fn a_generation_always_has_the_same_token() {
        let tokens = RefreshTokens::new(&[1; 32]);
        let text = tokens.seal(token());
        assert_eq!(text, tokens.seal(token()));
        assert_eq!(tokens.open(&text), Ok(token()));
        assert!(text.starts_with("csr_"));
    }

    #[test]
    fn every_changed_character_and_every_cut_is_refused() {
        let tokens = RefreshTokens::new(&[1; 32]);
        let text = tokens.seal(token());
        for index in 0..text.len() {
            assert_eq!(tokens.open(&text[..index]), Err(Forged));
            for other in ['A', 'B', '-', '=', ' '] {
                let mut changed = text.clone().into_bytes();
                if changed[index] == other as u8 {
                    continue;
                }
                changed[index] = other as u8;
                let changed = String::from_utf8(changed).expect("ascii");
                assert_eq!(tokens.open(&changed), Err(Forged), "{changed}");
            }
        }
        for suffix in ["A", "=", "==", "\n", " "] {
            assert_eq!(tokens.open(&format!("{text}{suffix}")), Err(Forged));
        }
    }

    #[test]
    fn a_foreign_token_is_refused() {
        let foreign = RefreshTokens::new(&[2; 32]).seal(token());
        let tokens = RefreshTokens::new(&[1; 32]);
        for text in [
            foreign.as_str(),
            "",
            "csr_",
            "csr_AAAA",
            "not a token",
            "ćsr_",
        ] {
            assert_eq!(tokens.open(text), Err(Forged));
        }
    }
}
