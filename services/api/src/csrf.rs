//! The token that proves that a page of ours is behind a request which the
//! browser alone has authenticated, by sending the cookie.
//!
//! `csx_` and the unpadded base64url of 16 random bytes and an HMAC-SHA-256
//! over the session's id and them. It is bound to its session, so a token that
//! an attacker was given for a session of their own is worth nothing in
//! somebody else's (OWASP: signed double submit, the naive one is not enough).
//! It opens nothing by itself and is stored nowhere.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_events::SessionId;
use poem::http::HeaderName;

/// The header in which a client sends it. A page of another origin cannot set
/// it without being asked about first.
pub(crate) const CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

const PREFIX: &str = "csx_";
const RANDOM: usize = 16;
const TAG: usize = 32;
const BYTES: usize = RANDOM + TAG;
/// 48 bytes fill 64 letters, so no token has a second spelling.
const LENGTH: usize = PREFIX.len() + BYTES / 3 * 4;
const _: () = assert!(BYTES.is_multiple_of(3));

/// Keeps this use of the secret apart from any other.
const PURPOSE: &[u8] = b"countersign csrf token v1";
const SECRET_MIN: usize = 32;

/// Makes and checks CSRF tokens.
pub(crate) struct CsrfTokens {
    key: hmac::Key,
}

/// The secret is shorter than 32 bytes or all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret of CSRF tokens is no secret")]
pub(crate) struct WeakSecret;

impl CsrfTokens {
    /// Under a secret of at least 32 bytes from the vault. One that is all
    /// zeros is what a library falls back on, and everybody knows it.
    pub(crate) fn new(secret: &[u8]) -> Result<Self, WeakSecret> {
        if secret.len() < SECRET_MIN || secret.iter().all(|byte| *byte == 0) {
            return Err(WeakSecret);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        Ok(Self { key })
    }

    /// A token for a session. `random` makes each one different, so that none
    /// can be found out from how well an answer compresses.
    pub(crate) fn make(&self, session: SessionId, random: [u8; RANDOM]) -> String {
        let mut bytes = [0; BYTES];
        bytes[..RANDOM].copy_from_slice(&random);
        let tag = hmac::sign(&self.key, &signed(session, &random));
        bytes[RANDOM..].copy_from_slice(tag.as_ref());
        let mut text = String::with_capacity(LENGTH);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        text
    }

    /// Whether `presented` was made here for this session. The tag is compared
    /// in constant time.
    pub(crate) fn check(&self, session: SessionId, presented: &str) -> bool {
        if presented.len() != LENGTH {
            return false;
        }
        let Some(encoded) = presented.strip_prefix(PREFIX) else {
            return false;
        };
        let mut bytes = [0; BYTES];
        match URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes) {
            Ok(BYTES) => {}
            _ => return false,
        }
        let (random, tag) = bytes.split_at(RANDOM);
        hmac::verify(&self.key, &signed(session, random), tag).is_ok()
    }
}

/// All three parts have fixed lengths, so no two sessions and random bytes run
/// together to the same.
fn signed(session: SessionId, random: &[u8]) -> Vec<u8> {
    [PURPOSE, session.uuid().as_bytes().as_slice(), random].concat()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const RANDOM_BYTES: [u8; 16] = [9; 16];

    fn session(number: u128) -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(number))
    }

    fn tokens() -> CsrfTokens {
        CsrfTokens::new(&[1; 32]).expect("a secret")
    }

    #[test]
    fn a_token_fits_its_session_and_each_is_different() {
        let tokens = tokens();
        let token = tokens.make(session(1), RANDOM_BYTES);
        assert!(tokens.check(session(1), &token));
        assert_eq!(token.len(), LENGTH);
        let other = tokens.make(session(1), [8; 16]);
        assert_ne!(token, other);
        assert!(tokens.check(session(1), &other));
    }

    #[test]
    fn ab_07_a_token_of_another_session_or_secret_is_refused() {
        let tokens = tokens();
        let token = tokens.make(session(1), RANDOM_BYTES);
        for other in [0, 2, u128::MAX] {
            assert!(!tokens.check(session(other), &token), "{other}");
        }
        let mut secret = [1; 32];
        secret[31] = 2;
        let foreign = CsrfTokens::new(&secret).expect("a secret");
        assert!(!tokens.check(session(1), &foreign.make(session(1), RANDOM_BYTES)));
        // Under an all-zero key, with the right label and without any.
        for message in [
            signed(session(1), &RANDOM_BYTES),
            RANDOM_BYTES.to_vec(),
            vec![],
        ] {
            let zero = hmac::Key::new(hmac::HMAC_SHA256, &[0; 32]);
            let tag = hmac::sign(&zero, &message);
            let bytes = [RANDOM_BYTES.as_slice(), tag.as_ref()].concat();
            let forged = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
            assert!(!tokens.check(session(1), &forged));
        }
    }

    #[test]
    fn ab_07_a_secret_that_everybody_knows_is_not_taken() {
        for secret in [&[0; 32][..], &[0; 64], &[], &[1; 31]] {
            assert_eq!(CsrfTokens::new(secret).err(), Some(WeakSecret));
        }
    }

    #[test]
    fn ab_07_every_flipped_bit_and_every_cut_is_refused() {
        let tokens = tokens();
        let text = tokens.make(session(1), RANDOM_BYTES);
        let bytes = URL_SAFE_NO_PAD
            .decode(&text[PREFIX.len()..])
            .expect("base64url");
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(changed));
            assert!(!tokens.check(session(1), &changed), "bit {bit}");
        }
        for cut in 0..text.len() {
            assert!(!tokens.check(session(1), &text[..cut]), "cut at {cut}");
        }
        for wrong in [
            text.to_uppercase(),
            text.replace("csx_", "csr_"),
            text.replace("csx_", "CSX_"),
            text[PREFIX.len()..].to_owned(),
            format!("{text}="),
            format!("{text}A"),
            format!(" {}", &text[1..]),
            format!("{}=", &text[..LENGTH - 1]),
            format!("{}ä", &text[..LENGTH - 2]),
            format!("{}+/", &text[..LENGTH - 2]),
        ] {
            assert!(!tokens.check(session(1), &wrong), "{wrong}");
        }
    }
}
