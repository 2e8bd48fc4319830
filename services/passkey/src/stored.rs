//! A passkey as it lies in the vault.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_events::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use webauthn_rs::prelude::{AuthenticationResult, Passkey};
use zeroize::Zeroizing;

use crate::refusal::PasskeyError;

/// The version of the wrapper, raised when the library's form changes.
const VERSION: u32 = 1;

/// A registered passkey and whose it is.
///
/// The owner is part of it, because a signature proves only which key made it:
/// that the key is one of the account's is checked against this.
#[derive(Clone)]
pub struct StoredPasskey {
    pub(crate) account: AccountId,
    pub(crate) passkey: Passkey,
    counter: u32,
}

#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    account: AccountId,
    passkey: &'a Passkey,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    v: u32,
    account: AccountId,
    passkey: Passkey,
}

impl StoredPasskey {
    pub(crate) fn new(account: AccountId, passkey: Passkey) -> Result<Self, PasskeyError> {
        let counter = counter_of(&passkey)?;
        Ok(Self {
            account,
            passkey,
            counter,
        })
    }

    /// From what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PasskeyError> {
        let read: Read = serde_json::from_slice(bytes).map_err(|_| PasskeyError::Stored)?;
        if read.v != VERSION {
            return Err(PasskeyError::Stored);
        }
        Self::new(read.account, read.passkey)
    }

    /// The bytes for the vault: JSON with a version.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, PasskeyError> {
        let written = Written {
            v: VERSION,
            account: self.account,
            passkey: &self.passkey,
        };
        serde_json::to_vec(&written)
            .map(Zeroizing::new)
            .map_err(|_| PasskeyError::Encoding)
    }

    /// Whose passkey it is.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The id the authenticator gave the credential.
    pub fn credential_id(&self) -> &[u8] {
        self.passkey.cred_id()
    }

    /// The id as `WebAuthn` JSON writes it: base64url without padding.
    pub fn credential_id_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.credential_id())
    }

    /// The last count of signatures seen; 0 if the authenticator does not
    /// count, as those that share keys between devices do not.
    pub fn counter(&self) -> u32 {
        self.counter
    }

    /// This passkey after an accepted assertion, if that changed anything.
    pub(crate) fn updated(
        &self,
        result: &AuthenticationResult,
    ) -> Result<Option<Self>, PasskeyError> {
        let mut passkey = self.passkey.clone();
        match passkey.update_credential(result) {
            Some(true) => Self::new(self.account, passkey).map(Some),
            Some(false) | None => Ok(None),
        }
    }
}

impl fmt::Debug for StoredPasskey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredPasskey")
            .field("account", &self.account)
            .field("counter", &self.counter)
            .finish_non_exhaustive()
    }
}

/// The library shows the counter only in the serialised form. Were the member
/// renamed, this fails instead of forgetting the counter.
fn counter_of(passkey: &Passkey) -> Result<u32, PasskeyError> {
    serde_json::to_value(passkey)
        .ok()
        .as_ref()
        .and_then(|value| value.pointer("/cred/counter"))
        .and_then(Value::as_u64)
        .and_then(|counter| u32::try_from(counter).ok())
        .ok_or(PasskeyError::Stored)
}
