//! What a ceremony remembers between its two halves.

use countersign_events::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use webauthn_rs::prelude::{DiscoverableAuthentication, PasskeyRegistration};
use zeroize::Zeroizing;

use crate::refusal::{PasskeyError, PasskeyRefusal};

/// The kind is part of the state, so that a challenge made for one ceremony
/// finishes no other.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// An account adds a passkey.
    Registration(Registration),
    /// An account that is known proves that it has one of its passkeys.
    Named(Named),
    /// Somebody signs in, and the passkey says who it is.
    Discoverable(DiscoverableAuthentication),
}

/// An open registration.
#[derive(Serialize, Deserialize)]
pub(crate) struct Registration {
    pub(crate) account: AccountId,
    /// The ids the account has already, as base64url.
    pub(crate) excluded: Vec<String>,
    pub(crate) library: PasskeyRegistration,
}

/// An open authentication of a known account.
///
/// The library's state comes without its copies of the credentials: they would
/// make the sealed challenge large, and their counters are those of the start.
/// What is left has the same form for a named and a discoverable ceremony, and
/// only the type of the latter can be finished with a credential given then.
#[derive(Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) account: AccountId,
    pub(crate) library: DiscoverableAuthentication,
}

impl State {
    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, PasskeyError> {
        serde_json::to_vec(self)
            .map(Zeroizing::new)
            .map_err(|_| PasskeyError::Encoding)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, PasskeyRefusal> {
        serde_json::from_slice(bytes).map_err(|_| PasskeyRefusal::State)
    }
}

/// The options of a ceremony, as the client hands them to its browser.
pub(crate) fn options<T: Serialize>(response: &T) -> Result<Value, PasskeyError> {
    serde_json::to_value(response).map_err(|_| PasskeyError::Encoding)
}
