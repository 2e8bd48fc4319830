//! Somebody proves to have a passkey: as a second factor or for a step-up,
//! where the account is known, or to sign in, where the passkey says who it is.

use countersign_events::AccountId;
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    DiscoverableAuthentication, PasskeyAuthentication, PublicKeyCredential, Webauthn,
};
use zeroize::Zeroizing;

use crate::refusal::{PasskeyError, PasskeyRefusal};
use crate::relying_party::Passkeys;
use crate::response::{check_id, check_origin, owner, read};
use crate::state::{Named, State, options};
use crate::stored::StoredPasskey;

/// An accepted signature. It was checked against the keys that were handed in;
/// that its challenge is used once is for the log to say.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// Which of the keys handed in has signed.
    pub index: usize,
    /// Whether the authenticator verified its user. Every ceremony here asks
    /// for it and refuses a response without.
    pub user_verified: bool,
    /// The authenticator's count of signatures; 0 if it does not count.
    pub counter: u32,
    /// The passkey as it is to be stored from now on, if anything changed.
    pub updated: Option<StoredPasskey>,
}

impl Passkeys {
    /// The options for `navigator.credentials.get` with one of these keys, all
    /// of one account, and the state for [`Self::finish_authentication`].
    pub fn start_authentication(
        &self,
        keys: &[StoredPasskey],
    ) -> Result<(Value, Zeroizing<Vec<u8>>), PasskeyError> {
        // An empty list would ask for any passkey whatsoever.
        let account = keys.first().ok_or(PasskeyError::NoKeys)?.account;
        if keys.iter().any(|key| key.account != account) {
            return Err(PasskeyError::MixedAccounts);
        }
        let passkeys: Vec<_> = keys.iter().map(|key| key.passkey.clone()).collect();
        let (response, library) = self
            .ask(|library| library.start_passkey_authentication(&passkeys))
            .map_err(|_| PasskeyError::Library)?;
        let state = State::Named(Named {
            account,
            library: without_credentials(&library)?,
        });
        Ok((options(&response)?, state.to_bytes()?))
    }

    /// Judges the response to [`Self::start_authentication`] with the account's
    /// keys as they are now: one that was removed meanwhile is unknown, and a
    /// counter is compared with the latest.
    pub fn finish_authentication(
        &self,
        state: &[u8],
        credential: &Value,
        keys: &[StoredPasskey],
    ) -> Result<Assertion, PasskeyRefusal> {
        let State::Named(state) = State::from_bytes(state)? else {
            return Err(PasskeyRefusal::State);
        };
        let response: PublicKeyCredential = read(credential)?;
        if owner(response.get_user_unique_id())?.is_some_and(|named| named != state.account) {
            return Err(PasskeyRefusal::OtherAccount);
        }
        self.finish(state.library, &response, state.account, keys)
    }

    /// The options for `navigator.credentials.get` with whatever passkey the
    /// user has here, and the state for [`Self::finish_discoverable`].
    ///
    /// The client decides on the mediation: a form that fills itself in asks
    /// for `conditional`, a button does not.
    pub fn start_discoverable(&self) -> Result<(Value, Zeroizing<Vec<u8>>), PasskeyError> {
        let (mut response, library) = self
            .ask(Webauthn::start_discoverable_authentication)
            .map_err(|_| PasskeyError::Library)?;
        response.mediation = None;
        let state = State::Discoverable(library);
        Ok((options(&response)?, state.to_bytes()?))
    }

    /// Who the response says it is, and with which credential. Nothing is
    /// proved yet: it tells which keys to fetch for
    /// [`Self::finish_discoverable`]. A response for another origin is refused
    /// before anything is fetched.
    pub fn identify(&self, credential: &Value) -> Result<(AccountId, Vec<u8>), PasskeyRefusal> {
        let response: PublicKeyCredential = read(credential)?;
        check_id(&response.raw_id)?;
        check_origin(&response.response.client_data_json, self.origin())?;
        let account = owner(response.get_user_unique_id())?.ok_or(PasskeyRefusal::OtherAccount)?;
        Ok((account, response.raw_id))
    }

    /// Judges the response to [`Self::start_discoverable`] with the keys of
    /// the account that [`Self::identify`] named.
    pub fn finish_discoverable(
        &self,
        state: &[u8],
        credential: &Value,
        keys: &[StoredPasskey],
    ) -> Result<Assertion, PasskeyRefusal> {
        let State::Discoverable(library) = State::from_bytes(state)? else {
            return Err(PasskeyRefusal::State);
        };
        let response: PublicKeyCredential = read(credential)?;
        let account = owner(response.get_user_unique_id())?.ok_or(PasskeyRefusal::OtherAccount)?;
        self.finish(library, &response, account, keys)
    }

    fn finish(
        &self,
        library: DiscoverableAuthentication,
        response: &PublicKeyCredential,
        account: AccountId,
        keys: &[StoredPasskey],
    ) -> Result<Assertion, PasskeyRefusal> {
        check_id(&response.raw_id)?;
        check_origin(&response.response.client_data_json, self.origin())?;
        let (index, key) = keys
            .iter()
            .enumerate()
            .find(|(_, key)| key.credential_id() == response.raw_id.as_slice())
            .ok_or(PasskeyRefusal::UnknownCredential)?;
        // Without this, a passkey of one account would sign in as any other
        // whose id it puts into the handle.
        if key.account != account {
            return Err(PasskeyRefusal::OtherAccount);
        }
        let result = self.ask(|webauthn| {
            webauthn.finish_discoverable_authentication_v2(response, library, &key.passkey)
        })?;
        // The library asked for verification and has checked it; a sign-in at
        // the highest level does not hang on a policy inside a state.
        if !result.user_verified() {
            return Err(PasskeyRefusal::UserVerification);
        }
        Ok(Assertion {
            index,
            user_verified: result.user_verified(),
            counter: result.counter(),
            updated: key
                .updated(&result)
                .map_err(|_| PasskeyRefusal::Malformed)?,
        })
    }
}

/// The library's state without its copies of the credentials; see [`Named`].
fn without_credentials(
    state: &PasskeyAuthentication,
) -> Result<DiscoverableAuthentication, PasskeyError> {
    let mut value = serde_json::to_value(state).map_err(|_| PasskeyError::Encoding)?;
    let credentials = value
        .pointer_mut("/ast/credentials")
        .ok_or(PasskeyError::Encoding)?;
    *credentials = json!([]);
    serde_json::from_value(value).map_err(|_| PasskeyError::Encoding)
}
