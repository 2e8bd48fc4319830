//! Action tokens: what a link in a mail carries.
//!
//! `csa_` and the unpadded base64url of version, key id, purpose, account id,
//! request id and an HMAC-SHA-256 over them. A token follows from the event
//! that asked for it, so the reactor can make it without being told a secret,
//! and neither the log nor a database holds anything that opens an account.
//! Whether the request is still open is the account's to say.

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_events::{AccountId, CredentialId};
use uuid::Uuid;
use zeroize::Zeroizing;

const PREFIX: &str = "csa_";
const VERSION: u8 = 1;
const KEY_ID: usize = 4;
/// Version, key id and purpose.
const HEAD: usize = 1 + KEY_ID + 1;
const SIGNED: usize = HEAD + 16 + 16;
const BYTES: usize = SIGNED + 32;
/// Keeps this use of the secret apart from any other.
const LABEL: &[u8] = b"countersign action token v1";

/// What a token is good for, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Proving that the address is one's own.
    VerifyEmail,
    /// Making another address the account's.
    ChangeEmail,
    /// Setting another password.
    ResetPassword,
}

impl Purpose {
    const fn byte(self) -> u8 {
        match self {
            Self::VerifyEmail => 1,
            Self::ChangeEmail => 2,
            Self::ResetPassword => 3,
        }
    }
}

/// The token was never issued here, or for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an action token of this deployment")]
pub struct BadToken;

/// Seals and reads action tokens.
pub struct ActionTokens {
    key: hmac::Key,
    key_id: [u8; KEY_ID],
}

impl ActionTokens {
    /// Under a secret of 32 bytes from the vault.
    pub fn new(secret: &[u8]) -> Self {
        let named = Zeroizing::new([LABEL, secret].concat());
        let digest = digest::digest(&digest::SHA256, &named);
        let mut key_id = [0; KEY_ID];
        key_id.copy_from_slice(&digest.as_ref()[..KEY_ID]);
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            key_id,
        }
    }

    /// The token of a request: always the same bytes.
    pub fn seal(
        &self,
        purpose: Purpose,
        account: AccountId,
        request: CredentialId,
    ) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        bytes[0] = VERSION;
        bytes[1..=KEY_ID].copy_from_slice(&self.key_id);
        bytes[HEAD - 1] = purpose.byte();
        bytes[HEAD..HEAD + 16].copy_from_slice(account.uuid().as_bytes());
        bytes[HEAD + 16..SIGNED].copy_from_slice(request.uuid().as_bytes());
        let tag = hmac::sign(&self.key, &[LABEL, &bytes[..SIGNED]].concat());
        bytes[SIGNED..].copy_from_slice(tag.as_ref());
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + BYTES * 4 / 3 + 4));
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut text);
        text
    }

    /// Whose request a presented token names, if it was sealed here for this
    /// purpose.
    pub fn open(
        &self,
        purpose: Purpose,
        text: &str,
    ) -> Result<(AccountId, CredentialId), BadToken> {
        let encoded = text.strip_prefix(PREFIX).ok_or(BadToken)?;
        if encoded.len() != (BYTES * 4).div_ceil(3) {
            return Err(BadToken);
        }
        let mut bytes = Zeroizing::new([0; BYTES + 2]);
        let length = URL_SAFE_NO_PAD
            .decode_slice(encoded, bytes.as_mut_slice())
            .map_err(|_| BadToken)?;
        let (signed, tag) = bytes[..length].split_at_checked(SIGNED).ok_or(BadToken)?;
        if signed[0] != VERSION || signed[1..=KEY_ID] != self.key_id {
            return Err(BadToken);
        }
        // In constant time.
        hmac::verify(&self.key, &[LABEL, signed].concat(), tag).map_err(|_| BadToken)?;
        if signed[HEAD - 1] != purpose.byte() {
            return Err(BadToken);
        }
        let id = |from: usize| Uuid::from_slice(&signed[from..from + 16]).map_err(|_| BadToken);
        Ok((
            AccountId::from_uuid(id(HEAD)?),
            CredentialId::from_uuid(id(HEAD + 16)?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Purpose; 3] = [
        Purpose::VerifyEmail,
        Purpose::ChangeEmail,
        Purpose::ResetPassword,
    ];

    fn ids() -> (AccountId, CredentialId) {
        (
            AccountId::from_uuid(Uuid::from_u128(0x0190_c7a2_5b1e_7a6e_9d5b_6b1f_3e2d_4c5a)),
            CredentialId::from_uuid(Uuid::from_u128(0x42)),
        )
    }

    fn sealed(secret: u8, purpose: Purpose) -> String {
        let (account, request) = ids();
        let tokens = ActionTokens::new(&[secret; 32]);
        tokens.seal(purpose, account, request).to_string()
    }

    #[test]
    fn a_request_always_has_the_same_token() {
        let tokens = ActionTokens::new(&[1; 32]);
        for purpose in ALL {
            let text = sealed(1, purpose);
            assert_eq!(text, sealed(1, purpose));
            assert_eq!(tokens.open(purpose, &text), Ok(ids()));
            assert!(text.starts_with("csa_"));
        }
    }

    #[test]
    fn a_token_opens_nothing_but_what_it_was_made_for() {
        let tokens = ActionTokens::new(&[1; 32]);
        for made_for in ALL {
            for asked in ALL.into_iter().filter(|asked| *asked != made_for) {
                let text = sealed(1, made_for);
                assert_eq!(tokens.open(asked, &text), Err(BadToken));
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let tokens = ActionTokens::new(&[1; 32]);
        let text = sealed(1, Purpose::ResetPassword);
        let bytes = URL_SAFE_NO_PAD.decode(&text[4..]).expect("base64url");
        assert_eq!(bytes.len(), BYTES);
        for bit in 0..BYTES * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = format!("csa_{}", URL_SAFE_NO_PAD.encode(changed));
            for purpose in ALL {
                assert_eq!(tokens.open(purpose, &changed), Err(BadToken), "bit {bit}");
            }
        }
    }

    #[test]
    fn every_cut_and_every_other_spelling_is_refused() {
        let tokens = ActionTokens::new(&[1; 32]);
        let text = sealed(1, Purpose::VerifyEmail);
        let open = |text: &str| tokens.open(Purpose::VerifyEmail, text);
        for end in 0..text.len() {
            assert_eq!(open(&text[..end]), Err(BadToken));
        }
        for suffix in ["A", "=", "==", "\n", " "] {
            assert_eq!(open(&format!("{text}{suffix}")), Err(BadToken));
        }
        // The last character holds bits that mean nothing and must be zero.
        let last = text.chars().next_back().expect("not empty");
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= ";
        for other in alphabet.chars().filter(|other| *other != last) {
            let changed = format!("{}{other}", &text[..text.len() - 1]);
            assert_eq!(open(&changed), Err(BadToken), "{changed}");
        }
    }

    #[test]
    fn a_foreign_token_is_refused() {
        let tokens = ActionTokens::new(&[1; 32]);
        for text in [
            &*sealed(2, Purpose::VerifyEmail),
            "",
            "csa_",
            "csr_AAAA",
            "ćsa_",
        ] {
            assert_eq!(tokens.open(Purpose::VerifyEmail, text), Err(BadToken));
        }
    }
}
