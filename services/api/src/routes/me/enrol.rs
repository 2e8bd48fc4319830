//! What all ways to add a factor have in common.

use countersign_domain::{Account, AccountCommand, FactorCommand};
use countersign_events::{AccountId, CredentialId, FactorKind, Position};
use countersign_log::{VaultKey, random};
use countersign_openapi as wire;
use zeroize::Zeroizing;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::factor::recovery;
use crate::grant::Proof;
use crate::guard::Caller;
use crate::routes::answer::{Written, written};

/// A factor that its owner has shown to have.
pub(super) struct Confirmation {
    pub(super) credential: CredentialId,
    pub(super) name: Option<String>,
    /// What showing it has proved.
    pub(super) proof: Proof,
}

impl App {
    /// Stores a secret and offers it as a factor.
    pub(crate) async fn offer(
        &self,
        request: &Circumstances,
        id: AccountId,
        kind: FactorKind,
        secret: &[u8],
        asks: impl FnOnce(AccountCommand) -> AccountCommand,
    ) -> Result<(CredentialId, Position), Denied> {
        let credential = CredentialId::generate(id, request.now, random()?);
        let stored = VaultKey::Credential(id, credential);
        self.log.vault().create(stored, secret).await?;
        let before = self.accounts.recent(id).await?.state.offer;
        let meta = request.meta(countersign_events::Actor::Account(id), None)?;
        let command = AccountCommand::Factor(FactorCommand::Offer {
            kind,
            credential,
            now: request.now,
            expires_at: request.now.plus(self.config.factor_offer),
        });
        match self.accounts.execute(id, &meta, &asks(command)).await {
            Ok(offered) => {
                if let Some(before) = before {
                    self.discard(id, before.credential).await;
                }
                Ok((credential, offered.position))
            }
            Err(error) => {
                if let countersign_log::ExecuteError::Refused(_) = error {
                    self.discard(id, credential).await;
                }
                Err(error.into())
            }
        }
    }

    /// The secret of a factor that waits to be confirmed.
    pub(super) async fn offered(
        &self,
        request: &Circumstances,
        id: AccountId,
        kind: FactorKind,
        credential: CredentialId,
    ) -> Result<Zeroizing<Vec<u8>>, Denied> {
        let account = self.accounts.current(id).await?;
        account
            .state
            .offer
            .filter(|offer| offer.credential == credential && offer.kind == kind)
            .filter(|offer| request.now < offer.expires_at)
            .ok_or(Denied::NotFound)?;
        let stored = VaultKey::Credential(id, credential);
        let secret = self.log.vault().get(stored).await?;
        secret.ok_or(Denied::NotFound)
    }

    /// Makes a factor count, with recovery codes if it is the first, and lets
    /// the session that added it go on.
    pub(super) async fn confirm(
        &self,
        request: &Circumstances,
        caller: &Caller,
        confirmation: Confirmation,
    ) -> Result<Written<wire::FactorConfirmed>, Denied> {
        let (id, session) = (caller.account(), caller.session());
        let (set, codes) = self.draw_codes(request, id).await?;
        let meta = request.meta(caller.actor(), Some(id))?;
        let key = self.data_key(id).await?;
        let name = confirmation.name.as_deref();
        let command = AccountCommand::Factor(FactorCommand::Confirm {
            credential: confirmation.credential,
            now: request.now,
            name: name
                .map(|name| key.seal(name, id, meta.message, "factor_name"))
                .transpose()?,
            recovery_codes: (set, recovery::CODES),
        });
        let command = caller.asks(command);
        let confirmed = match self.accounts.execute(id, &meta, &command).await {
            Ok(confirmed) => confirmed,
            Err(error) => {
                if let countersign_log::ExecuteError::Refused(_) = error {
                    self.discard(id, set).await;
                }
                return Err(error.into());
            }
        };
        let state: &Account = &confirmed.state.state;
        let is_first = state.refers_to(set);
        if !is_first {
            self.discard(id, set).await;
        }
        // The failures at what it replaces are not its own.
        for kind in [FactorKind::Totp, FactorKind::RecoveryCode] {
            self.forgive(request, id, kind).await;
        }
        self.continue_session(request, session, id, state).await?;
        // Whoever has just shown the factor has proved it for this session.
        let granted = self
            .step_up(request, session, id, state, confirmation.proof, false)
            .await?;
        let factors = self.show_factors(id, state).await?;
        let factor = factors
            .into_iter()
            .find(|factor| factor.id == confirmation.credential.uuid());
        let answer = wire::FactorConfirmed {
            factor: factor.ok_or(Denied::NotFound)?,
            recovery_codes: is_first.then_some(codes),
            token: granted.access_token(),
        };
        Ok(written(answer, granted.position))
    }

    /// Draws recovery codes and stores their hashes.
    pub(crate) async fn draw_codes(
        &self,
        request: &Circumstances,
        id: AccountId,
    ) -> Result<(CredentialId, Vec<wire::Secret>), Denied> {
        let codes = recovery::draw()?;
        let hashes = recovery::Hashes::of(&codes, &self.hashing).await?;
        let credential = CredentialId::generate(id, request.now, random()?);
        let stored = VaultKey::Credential(id, credential);
        let bytes = hashes.to_bytes()?;
        self.log.vault().create(stored, &bytes).await?;
        let shown = codes.iter().map(|code| wire::Secret::new(code.as_str()));
        Ok((credential, shown.collect()))
    }

    /// Forgets the failures at a factor that was replaced.
    pub(crate) async fn forgive(&self, request: &Circumstances, id: AccountId, kind: FactorKind) {
        if let Err(error) = self.throttle.clear(id, kind, request.now).await {
            tracing::warn!(%error, "failures at what was replaced still count");
        }
    }

    /// The factors of an account as its owner sees them.
    pub(crate) async fn show_factors(
        &self,
        id: AccountId,
        account: &Account,
    ) -> Result<Vec<wire::Factor>, Denied> {
        let key = self.data_key(id).await?;
        let state = |disabled| {
            if disabled {
                wire::FactorState::Disabled
            } else {
                wire::FactorState::Active
            }
        };
        let mut shown = Vec::new();
        for factor in &account.factors {
            let name = factor.name.as_ref();
            let name = name.map(|name| key.open(&name.value, id, name.message, "factor_name"));
            shown.push(wire::Factor {
                id: factor.credential.uuid(),
                kind: match factor.kind {
                    FactorKind::Passkey => wire::MfaMethod::Passkey,
                    _ => wire::MfaMethod::Totp,
                },
                name: name.transpose()?,
                state: state(factor.disabled),
                added_at: Some(factor.added_at.to_datetime()),
                left: None,
            });
        }
        if let Some(set) = &account.recovery {
            shown.push(wire::Factor {
                id: set.credential.uuid(),
                kind: wire::MfaMethod::RecoveryCode,
                name: None,
                state: state(set.disabled),
                added_at: None,
                left: Some(set.left()),
            });
        }
        Ok(shown)
    }
}
