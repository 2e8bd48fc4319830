//! Passkeys.

use countersign_domain::{Account, FactorUseCommand, FactorUseRefusal};
use countersign_events::{
    AccountId, Actor, CredentialId, FactorId, FactorKind, SessionId, SignalKind,
};
use countersign_log::{ExecuteError, VaultKey};
use countersign_openapi as wire;
use countersign_passkey::{Assertion, Challenge, Purpose, StoredPasskey};

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;

impl App {
    /// Checks what a passkey has signed. It cannot be guessed, so nothing is
    /// counted; failures are observed.
    pub(crate) async fn prove_passkey(
        &self,
        request: &Circumstances,
        id: AccountId,
        account: &Account,
        signed: &wire::PasskeyLogin,
        (purpose, of, session): (Purpose, Option<AccountId>, Option<SessionId>),
    ) -> Result<Option<Assertion>, Denied> {
        let Ok(challenge) = self.challenges.open(signed.challenge_token.expose()) else {
            return Ok(None);
        };
        let meant = challenge.purpose == purpose
            && challenge.account == of
            && challenge.session == session
            && request.now < challenge.expires_at;
        if !meant {
            return Ok(None);
        }
        let keys = self.passkeys_of(id, account).await?;
        let stored: Vec<StoredPasskey> = keys.iter().map(|(_, key)| key.clone()).collect();
        let state = &challenge.state;
        let checked = match purpose {
            Purpose::SignIn => {
                self.passkeys()?
                    .finish_discoverable(state, &signed.credential.0, &stored)
            }
            Purpose::SecondFactor | Purpose::StepUp => {
                self.passkeys()?
                    .finish_authentication(state, &signed.credential.0, &stored)
            }
        };
        let assertion = match checked {
            Ok(assertion) => assertion,
            Err(refusal) => {
                tracing::info!(%refusal, "a passkey was refused");
                self.observe(request, SignalKind::WrongFactor, Some(id))
                    .await;
                return Ok(None);
            }
        };
        let Some((credential, key)) = keys.get(assertion.index) else {
            return Ok(None);
        };
        let accepted = self
            .accept_assertion(request, id, *credential, key, &challenge, &assertion)
            .await?;
        Ok(accepted.then_some(assertion))
    }

    async fn accept_assertion(
        &self,
        request: &Circumstances,
        id: AccountId,
        credential: CredentialId,
        key: &StoredPasskey,
        challenge: &Challenge,
        assertion: &Assertion,
    ) -> Result<bool, Denied> {
        let meta = request.meta(Actor::Account(id), Some(id))?;
        let command = FactorUseCommand::AcceptAssertion {
            account: id,
            challenge: challenge.id,
            expires_at: challenge.expires_at,
            counter: assertion.counter,
            known_counter: key.counter(),
            now: request.now,
            forget_at: request.now.plus(self.config.session_retention),
        };
        let factor = FactorId::from(credential);
        match self.factors.execute(factor, &meta, &command).await {
            Ok(_) => {}
            Err(ExecuteError::Refused(refusal)) => {
                if refusal == FactorUseRefusal::CounterWentBack {
                    tracing::warn!(account = %id, "a passkey may have been copied");
                }
                self.observe(request, SignalKind::WrongFactor, Some(id))
                    .await;
                return Ok(false);
            }
            Err(ExecuteError::Failed(error)) => return Err(error.into()),
        }
        if let Some(updated) = &assertion.updated {
            let bytes = updated
                .to_bytes()
                .map_err(|error| Denied::Broken(error.to_string()))?;
            let stored = VaultKey::Credential(id, credential);
            self.log.vault().replace(stored, &bytes).await?;
        }
        Ok(true)
    }

    /// The passkeys of an account, with their ids.
    pub(crate) async fn passkeys_of(
        &self,
        id: AccountId,
        account: &Account,
    ) -> Result<Vec<(CredentialId, StoredPasskey)>, Denied> {
        let mut keys = Vec::new();
        for factor in account.live_factors(FactorKind::Passkey) {
            let bytes = self.secret(id, factor.credential).await?;
            let key = StoredPasskey::from_bytes(&bytes)
                .map_err(|error| Denied::Broken(error.to_string()))?;
            keys.push((factor.credential, key));
        }
        Ok(keys)
    }
}
