//! What a client sent, before any key is looked at.

use std::io;

use countersign_events::AccountId;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use uuid::Uuid;

use crate::refusal::PasskeyRefusal;

/// The largest response of an authenticator that is looked at.
pub const MAX_CREDENTIAL_BYTES: usize = 16 * 1024;

/// The longest credential id (`WebAuthn` Level 3 section 6.5.1); the library
/// allows more.
const MAX_ID_BYTES: usize = 1023;

/// The response as the library's type.
pub(crate) fn read<T: DeserializeOwned>(credential: &Value) -> Result<T, PasskeyRefusal> {
    serde_json::to_writer(Budget(MAX_CREDENTIAL_BYTES), credential)
        .map_err(|_| PasskeyRefusal::TooLarge)?;
    if credential.get("type").and_then(Value::as_str) != Some("public-key") {
        return Err(PasskeyRefusal::Malformed);
    }
    T::deserialize(credential).map_err(|_| PasskeyRefusal::Malformed)
}

/// Counts what is written and keeps nothing, so that a large value costs
/// nothing but the counting.
struct Budget(usize);

impl io::Write for Budget {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The part of `CollectedClientData` that is checked here.
#[derive(Deserialize)]
struct ClientData {
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: Option<bool>,
    #[serde(rename = "topOrigin", default)]
    top_origin: Option<IgnoredAny>,
}

/// Refuses what a page of another origin, or a frame in one, has asked for.
///
/// The library compares URLs, of which a path or credentials could differ, and
/// looks at `crossOrigin` only at registration; here the text must be equal,
/// and both ceremonies are checked.
pub(crate) fn check_origin(client_data: &[u8], origin: &str) -> Result<(), PasskeyRefusal> {
    let data: ClientData =
        serde_json::from_slice(client_data).map_err(|_| PasskeyRefusal::Malformed)?;
    if data.origin != origin {
        return Err(PasskeyRefusal::Origin);
    }
    if data.cross_origin == Some(true) || data.top_origin.is_some() {
        return Err(PasskeyRefusal::CrossOrigin);
    }
    Ok(())
}

/// Refuses ids that no authenticator may have.
pub(crate) fn check_id(id: &[u8]) -> Result<(), PasskeyRefusal> {
    if id.is_empty() || id.len() > MAX_ID_BYTES {
        return Err(PasskeyRefusal::Malformed);
    }
    Ok(())
}

/// Who the authenticator says the credential belongs to. An empty handle is
/// what some clients make of a missing one.
pub(crate) fn owner(handle: Option<&[u8]>) -> Result<Option<AccountId>, PasskeyRefusal> {
    handle
        .filter(|bytes| !bytes.is_empty())
        .map(|bytes| {
            Uuid::from_slice(bytes)
                .map(AccountId::from_uuid)
                .map_err(|_| PasskeyRefusal::OtherAccount)
        })
        .transpose()
}
