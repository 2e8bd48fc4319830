//! Sealing: AES-256-GCM (NIST SP 800-38D) with random nonces.
//!
//! Two kinds of keys: the key-encryption key of the deployment seals what is
//! in the vault; one data key an account seals that person's fields in events.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_events::{AccountId, MessageId, Sealed};
use zeroize::Zeroizing;

/// The length of all keys here, in bytes.
pub(crate) const KEY_BYTES: usize = 32;

/// The first byte of everything sealed: this layout, this cipher.
const FORMAT: u8 = 1;

/// A value could not be sealed or opened. Says nothing of the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The operating system gave no random bytes.
    #[error("no randomness")]
    Randomness,
    /// The ciphertext is cut, changed, or stands where it was not sealed.
    #[error("a sealed value does not open")]
    Broken,
    /// The value was sealed under a key that is not this one.
    #[error("sealed under another key")]
    WrongKey,
    /// The key is not 32 bytes of base64.
    #[error("the key-encryption key is not 32 bytes in base64")]
    Key,
}

/// `N` bytes from the operating system's generator.
pub fn random<const N: usize>() -> Result<[u8; N], SealError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| SealError::Randomness)?;
    Ok(bytes)
}

fn cipher(key: &[u8]) -> Result<LessSafeKey, SealError> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| SealError::Key)?;
    Ok(LessSafeKey::new(key))
}

/// `header | nonce | ciphertext | tag`.
fn seal(key: &LessSafeKey, header: &[u8], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let nonce = random::<NONCE_LEN>()?;
    let mut text = Zeroizing::new(plain.to_vec());
    let tag = key
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad),
            &mut text,
        )
        .map_err(|_| SealError::Broken)?;
    Ok([header, &nonce, &text, tag.as_ref()].concat())
}

fn open(
    key: &LessSafeKey,
    header: usize,
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, text) = sealed
        .get(header..)
        .and_then(|rest| rest.split_first_chunk::<NONCE_LEN>())
        .ok_or(SealError::Broken)?;
    let mut text = Zeroizing::new(text.to_vec());
    let length = key
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(aad),
            &mut text,
        )
        .map_err(|_| SealError::Broken)?
        .len();
    text.truncate(length);
    Ok(text)
}

/// The key of the deployment that seals everything in the vault. It comes from
/// the configuration and is stored nowhere else.
#[derive(Clone)]
pub struct KeyEncryptionKey {
    key: Arc<LessSafeKey>,
    id: [u8; 8],
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyEncryptionKey")
    }
}

impl KeyEncryptionKey {
    /// From 32 bytes in standard base64, white space around it ignored.
    pub fn from_base64(text: &str) -> Result<Self, SealError> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| SealError::Key)?);
        if bytes.len() != KEY_BYTES {
            return Err(SealError::Key);
        }
        let digest = digest::digest(&digest::SHA256, &bytes);
        let mut id = [0; 8];
        id.copy_from_slice(&digest.as_ref()[..8]);
        Ok(Self {
            key: Arc::new(cipher(&bytes)?),
            id,
        })
    }

    /// A new key in the form [`Self::from_base64`] reads.
    pub fn generate() -> Result<Zeroizing<String>, SealError> {
        let bytes = Zeroizing::new(random::<KEY_BYTES>()?);
        Ok(Zeroizing::new(STANDARD.encode(bytes.as_slice())))
    }

    /// Seals a vault value; `name` is where it will stand.
    pub(crate) fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut header = [FORMAT; 9];
        header[1..].copy_from_slice(&self.id);
        seal(&self.key, &header, name.as_bytes(), plain)
    }

    /// Opens what was sealed for the same `name`.
    pub(crate) fn open(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        match sealed.split_first_chunk::<9>() {
            Some(([FORMAT, id @ ..], _)) if *id == self.id => {
                open(&self.key, 9, name.as_bytes(), sealed)
            }
            Some(([FORMAT, ..], _)) => Err(SealError::WrongKey),
            _ => Err(SealError::Broken),
        }
    }
}

/// The key of one account: seals and opens that person's data.
#[derive(Clone)]
pub struct DataKey(Arc<LessSafeKey>);

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

impl DataKey {
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, SealError> {
        cipher(bytes).map(|key| Self(Arc::new(key)))
    }

    /// Seals one field of a message about `account`.
    pub fn seal(
        &self,
        plain: &str,
        account: AccountId,
        message: MessageId,
        field: &str,
    ) -> Result<Sealed, SealError> {
        let aad = aad(account, message, field);
        seal(&self.0, &[FORMAT], &aad, plain.as_bytes()).map(Sealed::from_bytes)
    }

    /// Opens a field where it was sealed; anywhere else it does not open.
    pub fn open(
        &self,
        sealed: &Sealed,
        account: AccountId,
        message: MessageId,
        field: &str,
    ) -> Result<String, SealError> {
        if sealed.as_bytes().first() != Some(&FORMAT) {
            return Err(SealError::Broken);
        }
        let aad = aad(account, message, field);
        let plain = open(&self.0, 1, &aad, sealed.as_bytes())?;
        String::from_utf8(plain.to_vec()).map_err(|_| SealError::Broken)
    }
}

fn aad(account: AccountId, message: MessageId, field: &str) -> Vec<u8> {
    [
        account.uuid().as_bytes().as_slice(),
        message.uuid().as_bytes().as_slice(),
        field.as_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn account(n: u128) -> AccountId {
        AccountId::from_uuid(Uuid::from_u128(n))
    }

    fn message(n: u128) -> MessageId {
        MessageId::from_uuid(Uuid::from_u128(n))
    }

    #[test]
    fn a_field_opens_only_where_it_was_sealed() {
        let key = DataKey::new(&[7; 32]).expect("key");
        let sealed = key
            .seal("ada@example.com", account(1), message(2), "email")
            .expect("seals");
        assert_eq!(
            key.open(&sealed, account(1), message(2), "email")
                .as_deref(),
            Ok("ada@example.com")
        );
        for (account, message, field) in [
            (account(3), message(2), "email"),
            (account(1), message(3), "email"),
            (account(1), message(2), "ip"),
        ] {
            assert_eq!(
                key.open(&sealed, account, message, field),
                Err(SealError::Broken)
            );
        }
        let other = DataKey::new(&[8; 32]).expect("key");
        assert_eq!(
            other.open(&sealed, account(1), message(2), "email"),
            Err(SealError::Broken)
        );
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let key = DataKey::new(&[7; 32]).expect("key");
        let sealed = key.seal("x", account(1), message(2), "ip").expect("seals");
        for index in 0..sealed.as_bytes().len() {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[index] ^= 1;
            assert!(
                key.open(&Sealed::from_bytes(bytes), account(1), message(2), "ip")
                    .is_err()
            );
            let cut = sealed.as_bytes()[..index].to_vec();
            assert!(
                key.open(&Sealed::from_bytes(cut), account(1), message(2), "ip")
                    .is_err()
            );
        }
    }

    #[test]
    fn the_same_text_never_looks_the_same() {
        let key = DataKey::new(&[7; 32]).expect("key");
        let once = key.seal("x", account(1), message(2), "ip").expect("seals");
        let again = key.seal("x", account(1), message(2), "ip").expect("seals");
        assert_ne!(once, again);
    }

    #[test]
    fn a_vault_value_tells_a_wrong_key_from_damage() {
        let kek = KeyEncryptionKey::from_base64(&STANDARD.encode([1; 32])).expect("key");
        let other = KeyEncryptionKey::from_base64(&STANDARD.encode([2; 32])).expect("key");
        let sealed = kek.seal("credential.1", b"secret").expect("seals");
        assert_eq!(
            kek.open("credential.1", &sealed)
                .map(|plain| plain.to_vec()),
            Ok(b"secret".to_vec())
        );
        assert_eq!(
            kek.open("credential.2", &sealed).map(|_| ()),
            Err(SealError::Broken)
        );
        assert_eq!(
            other.open("credential.1", &sealed).map(|_| ()),
            Err(SealError::WrongKey)
        );
    }

    #[test]
    fn a_key_that_is_not_32_bytes_is_refused() {
        for text in ["", "AAAA", "not base64 at all!"] {
            assert_eq!(
                KeyEncryptionKey::from_base64(text).map(|_| ()),
                Err(SealError::Key)
            );
        }
        let generated = KeyEncryptionKey::generate().expect("randomness");
        assert!(KeyEncryptionKey::from_base64(&format!("{}\n", generated.as_str())).is_ok());
    }
}
