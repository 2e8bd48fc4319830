//! Proving who one is: with the password, and with a second factor.
//!
//! Every try goes through the throttle, whichever endpoint it came to, and the
//! answer to a wrong one is the same whatever was wrong with it.

mod code;
mod passkey;
mod password;

use countersign_domain::{Account, AccountCommand, FactorCommand};
use countersign_events::{AccountId, Actor, CredentialId, FactorKind, SessionId, SignalKind};
use countersign_log::VaultKey;
use countersign_openapi as wire;
use countersign_passkey::Purpose;
use countersign_throttle::{Admitted, Refused, Target, Try};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::grant::Proof;

/// What somebody presents as a second factor.
pub(crate) enum Presented<'a> {
    /// The code of an authenticator app.
    Totp(&'a str),
    /// A recovery code.
    RecoveryCode(&'a str),
    /// What a passkey has signed.
    Passkey(&'a wire::PasskeyLogin),
}

impl Presented<'_> {
    /// Which factor it would prove.
    pub(crate) fn kind(&self) -> FactorKind {
        match self {
            Self::Totp(_) => FactorKind::Totp,
            Self::RecoveryCode(_) => FactorKind::RecoveryCode,
            Self::Passkey(_) => FactorKind::Passkey,
        }
    }
}

impl App {
    /// Checks a second factor. None: it was wrong, and that was counted.
    pub(crate) async fn prove_factor(
        &self,
        request: &Circumstances,
        id: AccountId,
        account: &Account,
        presented: &Presented<'_>,
        purpose: Purpose,
        session: Option<SessionId>,
    ) -> Result<Option<Proof>, Denied> {
        // Whoever has a session is no stranger: others who guess do not make
        // them wait. Who has only begun to log in may have begun many times.
        let device = match purpose {
            Purpose::StepUp => session.map(SessionId::uuid),
            Purpose::SecondFactor | Purpose::SignIn => None,
        };
        // What is not tried any more is as wrong as what is wrong.
        let not_tried = |denied| match denied {
            Denied::Exhausted => Ok(None),
            other => Err(other),
        };
        match presented {
            Presented::Totp(code) => {
                let factor = account.live_factors(FactorKind::Totp).next();
                let proved = self.prove_totp(request, id, factor, code, device).await;
                proved.or_else(not_tried)
            }
            Presented::RecoveryCode(code) => {
                let proved = self
                    .prove_recovery_code(request, id, account, code, device)
                    .await;
                proved.or_else(not_tried)
            }
            Presented::Passkey(signed) => {
                let asked = (purpose, Some(id), session);
                let proved = self
                    .prove_passkey(request, id, account, signed, asked)
                    .await?;
                Ok(
                    proved.map(|assertion| match (purpose, assertion.user_verified) {
                        (Purpose::SignIn | Purpose::StepUp, true) => Proof::PASSKEY_VERIFIED,
                        _ => Proof::PASSKEY,
                    }),
                )
            }
        }
    }

    /// A live credential of an account.
    pub(super) async fn secret(
        &self,
        id: AccountId,
        credential: CredentialId,
    ) -> Result<Zeroizing<Vec<u8>>, Denied> {
        let found = self
            .log
            .vault()
            .get(VaultKey::Credential(id, credential))
            .await?;
        found.ok_or_else(|| Denied::Broken("a live credential is not in the vault".into()))
    }

    /// Asks the throttle, for whichever endpoint.
    pub(super) async fn admit(
        &self,
        request: &Circumstances,
        target: Target,
        device: Option<Uuid>,
    ) -> Result<Admitted, Denied> {
        let ip = request.ip;
        let tried = Try { ip, target, device };
        match self.throttle.admit(&tried, request.now).await {
            Ok(admitted) => Ok(admitted),
            Err(Refused::Exhausted) => {
                self.exhausted(request, target).await?;
                Err(Denied::Exhausted)
            }
            Err(refused) => {
                let denied = Denied::from(refused);
                if let Denied::Throttled { .. } = denied {
                    let account = match target {
                        Target::Account { account, .. } => Some(account),
                        Target::Address(_) => None,
                    };
                    self.observe(request, SignalKind::Throttled, account).await;
                }
                Err(denied)
            }
        }
    }

    /// Disables what has failed too often. Done with the last failure, but for
    /// a process that died in between.
    async fn exhausted(&self, request: &Circumstances, target: Target) -> Result<(), Denied> {
        let Target::Account {
            account: id,
            factor,
        } = target
        else {
            return Ok(());
        };
        let account = self.accounts.recent(id).await?;
        let live = match factor {
            FactorKind::Password => account.state.password,
            FactorKind::RecoveryCode => account.state.recovery.map(|set| set.credential),
            kind @ (FactorKind::Totp | FactorKind::Passkey) => {
                let mut live = account.state.live_factors(kind);
                live.next().map(|factor| factor.credential)
            }
        };
        if let Some(credential) = live {
            let most = self.config.throttle.most_failures;
            self.disable(request, id, factor, credential, most).await?;
        }
        Ok(())
    }

    async fn disable(
        &self,
        request: &Circumstances,
        id: AccountId,
        kind: FactorKind,
        credential: CredentialId,
        failures: u32,
    ) -> Result<(), Denied> {
        let meta = request.meta(Actor::System, None)?;
        let command = AccountCommand::Factor(FactorCommand::Disable {
            kind,
            credential,
            failures,
        });
        self.accounts.execute(id, &meta, &command).await?;
        Ok(())
    }

    /// Counts a failure, and disables what has failed too often.
    pub(super) async fn failed(
        &self,
        request: &Circumstances,
        admitted: Admitted,
        kind: SignalKind,
        account: Option<AccountId>,
        live: Option<(AccountId, FactorKind, CredentialId)>,
    ) -> Result<(), Denied> {
        let outcome = admitted.failed().await?;
        self.observe(request, kind, account).await;
        if let (true, Some((id, kind, credential))) = (outcome.disable, live) {
            let failures = outcome.consecutive;
            self.disable(request, id, kind, credential, failures)
                .await?;
        }
        Ok(())
    }
}
