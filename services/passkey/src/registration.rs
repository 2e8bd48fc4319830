//! An account adds a passkey.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_events::AccountId;
use serde_json::{Value, json};
use webauthn_rs::prelude::RegisterPublicKeyCredential;
use zeroize::Zeroizing;

use crate::refusal::{PasskeyError, PasskeyRefusal};
use crate::relying_party::Passkeys;
use crate::response::{check_id, check_origin, read};
use crate::state::{Registration, State, options};
use crate::stored::StoredPasskey;

impl Passkeys {
    /// The options for `navigator.credentials.create`, and the state for
    /// [`Self::finish_registration`], which the caller keeps in the vault.
    ///
    /// The names are shown by the authenticator when it asks which account to
    /// use; they are personal data and are in the options only. The passkeys
    /// the account has are excluded, so that one authenticator is not
    /// registered twice.
    pub fn start_registration(
        &self,
        account: AccountId,
        user_name: &str,
        display_name: &str,
        existing: &[StoredPasskey],
    ) -> Result<(Value, Zeroizing<Vec<u8>>), PasskeyError> {
        if user_name.is_empty() || display_name.is_empty() {
            return Err(PasskeyError::EmptyName);
        }
        if existing.iter().any(|key| key.account != account) {
            return Err(PasskeyError::MixedAccounts);
        }
        let ids = existing
            .iter()
            .map(|key| key.passkey.cred_id().clone())
            .collect();
        let (response, library) = self
            .ask(|library| {
                library.start_passkey_registration(
                    account.uuid(),
                    user_name,
                    display_name,
                    Some(ids),
                )
            })
            .map_err(|_| PasskeyError::Library)?;
        let mut options = options(&response)?;
        require_discoverable(&mut options)?;
        let state = State::Registration(Registration {
            account,
            excluded: existing
                .iter()
                .map(StoredPasskey::credential_id_text)
                .collect(),
            library,
        });
        Ok((options, state.to_bytes()?))
    }

    /// The new passkey, if the response answers the state's challenge and the
    /// authenticator verified its user.
    pub fn finish_registration(
        &self,
        state: &[u8],
        credential: &Value,
    ) -> Result<StoredPasskey, PasskeyRefusal> {
        let State::Registration(state) = State::from_bytes(state)? else {
            return Err(PasskeyRefusal::State);
        };
        let response: RegisterPublicKeyCredential = read(credential)?;
        check_id(&response.raw_id)?;
        check_origin(&response.response.client_data_json, self.origin())?;
        // The library refuses an excluded id too, but says that the algorithm
        // is wrong.
        let id = URL_SAFE_NO_PAD.encode(&response.raw_id);
        if state.excluded.contains(&id) {
            return Err(PasskeyRefusal::AlreadyRegistered);
        }
        let passkey =
            self.ask(|library| library.finish_passkey_registration(&response, &state.library))?;
        // The id outside is not signed; what counts is the one inside.
        if passkey.cred_id().as_slice() != response.raw_id.as_slice() {
            return Err(PasskeyRefusal::Malformed);
        }
        StoredPasskey::new(state.account, passkey).map_err(|_| PasskeyRefusal::Malformed)
    }
}

/// Asks for a credential the authenticator finds by itself: without that there
/// is no sign-in without a name. The library discourages it, to spare the few
/// places of old security keys; those can be second factors as TOTP is.
fn require_discoverable(options: &mut Value) -> Result<(), PasskeyError> {
    let selection = options
        .pointer_mut("/publicKey/authenticatorSelection")
        .and_then(Value::as_object_mut)
        .ok_or(PasskeyError::Encoding)?;
    selection.insert("residentKey".into(), json!("required"));
    selection.insert("requireResidentKey".into(), json!(true));
    Ok(())
}
