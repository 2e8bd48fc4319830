//! Codes: of authenticator apps, and for whoever has lost one.

use countersign_domain::{Account, AccountCommand, Factor, FactorCommand, FactorUseCommand};
use countersign_events::{AccountId, Actor, CredentialId, FactorId, FactorKind, SignalKind};
use countersign_log::ExecuteError;
use countersign_throttle::Target;
use uuid::Uuid;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::factor::{recovery, totp};
use crate::grant::Proof;

impl App {
    pub(super) async fn prove_totp(
        &self,
        request: &Circumstances,
        id: AccountId,
        factor: Option<&Factor>,
        code: &str,
        device: Option<Uuid>,
    ) -> Result<Option<Proof>, Denied> {
        let Some(factor) = factor else {
            return Ok(None);
        };
        let credential = factor.credential;
        let target = Target::Account {
            account: id,
            factor: FactorKind::Totp,
        };
        let admitted = self.admit(request, target, device).await?;
        let seed = self.secret(id, credential).await?;
        let now = u64::try_from(request.now.as_seconds()).unwrap_or_default();
        let step = totp::step_of(&seed, code, now)?;
        if let Some(step) = step
            && self.accept_code(request, id, credential, step).await?
        {
            admitted.succeeded().await?;
            return Ok(Some(Proof::CODE));
        }
        let live = Some((id, FactorKind::Totp, credential));
        let kind = SignalKind::WrongFactor;
        self.failed(request, admitted, kind, Some(id), live).await?;
        Ok(None)
    }

    /// Uses up a time step; false if it, or a later one, was used before.
    pub(crate) async fn accept_code(
        &self,
        request: &Circumstances,
        id: AccountId,
        credential: CredentialId,
        step: u64,
    ) -> Result<bool, Denied> {
        let meta = request.meta(Actor::Account(id), Some(id))?;
        let command = FactorUseCommand::AcceptCode {
            account: id,
            step,
            forget_at: request.now.plus(self.config.session_retention),
        };
        let factor = FactorId::from(credential);
        match self.factors.execute(factor, &meta, &command).await {
            Ok(_) => Ok(true),
            Err(ExecuteError::Refused(_)) => Ok(false),
            Err(ExecuteError::Failed(error)) => Err(error.into()),
        }
    }

    pub(super) async fn prove_recovery_code(
        &self,
        request: &Circumstances,
        id: AccountId,
        account: &Account,
        code: &str,
        device: Option<Uuid>,
    ) -> Result<Option<Proof>, Denied> {
        let Some(set) = account.recovery.filter(|set| !set.disabled) else {
            return Ok(None);
        };
        let target = Target::Account {
            account: id,
            factor: FactorKind::RecoveryCode,
        };
        let admitted = self.admit(request, target, device).await?;
        let stored = self.secret(id, set.credential).await?;
        let hashes = recovery::Hashes::parse(&stored)?;
        if let Some(index) = hashes.find(code, &self.hashing).await? {
            let meta = request.meta(Actor::Account(id), None)?;
            let command = AccountCommand::Factor(FactorCommand::UseRecoveryCode {
                credential: set.credential,
                index,
            });
            match self.accounts.execute(id, &meta, &command).await {
                Ok(_) => {
                    admitted.succeeded().await?;
                    return Ok(Some(Proof::CODE));
                }
                Err(ExecuteError::Refused(_)) => {}
                Err(ExecuteError::Failed(error)) => return Err(error.into()),
            }
        }
        let live = Some((id, FactorKind::RecoveryCode, set.credential));
        let kind = SignalKind::WrongFactor;
        self.failed(request, admitted, kind, Some(id), live).await?;
        Ok(None)
    }
}
