//! Email addresses: what counts as one, and how one is found without being
//! stored.

use aws_lc_rs::hmac;
use countersign_events::EmailId;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;
use zeroize::Zeroizing;

/// An address that can be registered: trimmed, as the person typed it.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(Zeroizing<String>);

/// The text is no address that mail could reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an email address")]
pub struct EmailError;

/// The most bytes of an address (RFC 5321 section 4.5.3.1.3 less the angle
/// brackets).
const MAX_BYTES: usize = 254;

impl EmailAddress {
    /// Accepts what could be delivered: one `@`, a local part of at most 64
    /// bytes, a domain, no white space or control characters. Whether it can
    /// be delivered only a mail can tell.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(EmailError);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError)?;
        let visible = |c: char| !c.is_control() && !c.is_whitespace() && !is_format(c);
        let sound = (1..=64).contains(&local.len())
            && !local.contains('@')
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !domain.is_empty()
            && domain
                .split('.')
                .all(|label| (1..=63).contains(&label.len()))
            && !domain.starts_with('-')
            && text.chars().all(visible);
        if sound {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(EmailError)
        }
    }

    /// The address as typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which two spellings of one address are the same: NFKC and
    /// lower case. Local parts are case-sensitive by the letter of RFC 5321
    /// and nowhere in practice; two accounts that differ in case only would be
    /// an invitation to fraud.
    pub fn canonical(&self) -> Zeroizing<String> {
        let folded: String = self.0.nfkc().flat_map(char::to_lowercase).collect();
        // Lower case can undo the normal form, so it is applied once more.
        Zeroizing::new(folded.nfkc().collect())
    }
}

/// Characters that take no place: zero-width, joiners, bidirectional marks.
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Finds addresses: a truncated HMAC-SHA-256 under a secret of the deployment,
/// so that neither the log nor its subjects tell who is registered.
pub struct BlindIndex(hmac::Key);

impl BlindIndex {
    /// Under a secret from the vault.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Where the address is reserved.
    pub fn of(&self, address: &EmailAddress) -> EmailId {
        let tag = hmac::sign(&self.0, address.canonical().as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&tag.as_ref()[..16]);
        EmailId::from_uuid(Uuid::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_one() {
        let index = BlindIndex::new(&[1; 32]);
        let of = |text: &str| index.of(&EmailAddress::parse(text).expect("an address"));
        let ada = of("ada@example.com");
        for spelling in [
            " ada@example.com ",
            "ADA@Example.COM",
            "ａｄａ@example.com",
            "ada@ｅxample.com",
        ] {
            assert_eq!(of(spelling), ada, "{spelling}");
        }
        assert_ne!(of("adam@example.com"), ada);
        assert_eq!(of("Å@example.com"), of("A\u{30a}@example.com"));
    }

    #[test]
    fn the_index_depends_on_the_secret() {
        let address = EmailAddress::parse("ada@example.com").expect("an address");
        assert_ne!(
            BlindIndex::new(&[1; 32]).of(&address),
            BlindIndex::new(&[2; 32]).of(&address)
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(300));
        for text in [
            "",
            "@",
            "a@",
            "@b",
            "a b@example.com",
            "a@exa mple.com",
            "a@example..com",
            "a\u{0}@example.com",
            "a\u{200b}@example.com",
            "a@b@example.com",
            "a\r\nBcc: x@example.com",
            ".a@example.com",
            long.as_str(),
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
        for text in [
            "a@b",
            "a+tag@example.com",
            "o'brien@example.com",
            "ü@example.com",
        ] {
            assert!(EmailAddress::parse(text).is_ok(), "{text:?}");
        }
    }
}
