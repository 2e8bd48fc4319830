//! The password.

use std::sync::Arc;

use countersign_domain::{Account, AccountCommand};
use countersign_events::{
    AccountId, Actor, CredentialId, EmailId, FactorKind, SessionId, SignalKind,
};
use countersign_log::{Loaded, VaultKey, random};
use countersign_throttle::{Admitted, Target};

use crate::app::App;
use crate::carrier::Carrier;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::email::EmailAddress;
use crate::password::{Password, PasswordHash, Verdict};

/// An account whose password can be checked.
pub(crate) struct Found {
    pub(crate) id: AccountId,
    pub(crate) account: Arc<Loaded<Account>>,
    credential: CredentialId,
    hash: PasswordHash,
}

impl Found {
    /// Whether the right password lets anybody in.
    fn lets_in(&self) -> bool {
        self.account.state.is_active() && !self.account.state.password_disabled
    }
}

/// The password was right, and nothing that failed before counts any more.
async fn proven(found: &Found, admitted: Admitted) -> Result<Found, Denied> {
    admitted.succeeded().await?;
    Ok(Found {
        id: found.id,
        account: Arc::clone(&found.account),
        credential: found.credential,
        hash: found.hash.clone(),
    })
}

impl App {
    /// Checks a password given with an address. An unknown address and a wrong
    /// password are one answer, after the same time and the same waits.
    pub(crate) async fn prove_login(
        &self,
        request: &Circumstances,
        address: &str,
        typed: &str,
        carrier: &Carrier,
    ) -> Result<Found, Denied> {
        let password = Password::new(typed);
        if !self.password_policy.is_plausible(&password) {
            return Err(Denied::InvalidCredentials);
        }
        let index = match EmailAddress::parse(address) {
            Ok(address) => self.blind_index.of(&address),
            Err(_) => EmailId::from_uuid(uuid::Uuid::max()),
        };
        let found = self.find(index, false).await?;
        let target = match &found {
            Some(found) => Target::Account {
                account: found.id,
                factor: FactorKind::Password,
            },
            None => Target::Address(index),
        };
        let device = found
            .as_ref()
            .and_then(|found| carrier.device(self, found.id, &found.account.state))
            .map(|device| device.id);
        let admitted = self.admit(request, target, device).await?;
        let verdict = self.verify(request, found.as_ref(), password).await?;
        // The right password of an account that lets nobody in is counted and
        // answered like a wrong one, or it would be told from one.
        if let (Some(found), Verdict::Right { outdated }) = (&found, verdict)
            && found.lets_in()
        {
            if outdated {
                self.rehash(request, found, typed).await;
            }
            return proven(found, admitted).await;
        }
        // Another instance may have changed the password a moment ago, or
        // reinstated the account. Asked for an unknown address, too, so that
        // the time tells nobody.
        let again = self.find(index, true).await?;
        let credential = found.as_ref().map(|found| found.credential);
        if let Some(again) = &again
            && again.lets_in()
        {
            let verdict = if credential == Some(again.credential) {
                verdict
            } else {
                let password = Password::new(typed);
                self.verify(request, Some(again), password).await?
            };
            if let Verdict::Right { .. } = verdict {
                return proven(again, admitted).await;
            }
        }
        let account = found.as_ref().map(|found| found.id);
        let kind = account.map_or(SignalKind::UnknownAccount, |_| SignalKind::WrongPassword);
        let live = found
            .as_ref()
            .map(|found| (found.id, FactorKind::Password, found.credential));
        self.failed(request, admitted, kind, account, live).await?;
        Err(Denied::InvalidCredentials)
    }

    /// Checks the password of somebody who is signed in.
    pub(crate) async fn prove_password(
        &self,
        request: &Circumstances,
        id: AccountId,
        account: &Arc<Loaded<Account>>,
        session: SessionId,
        typed: &str,
    ) -> Result<(), Denied> {
        let password = Password::new(typed);
        let target = Target::Account {
            account: id,
            factor: FactorKind::Password,
        };
        let found = self.with_hash(id, Arc::clone(account)).await?;
        // Whoever has a session is no stranger: others who guess do not make
        // them wait.
        let device = Some(session.uuid());
        let admitted = self.admit(request, target, device).await?;
        let plausible = self.password_policy.is_plausible(&password);
        let verdict = if plausible {
            self.verify(request, found.as_ref(), password).await?
        } else {
            Verdict::Wrong
        };
        match (&found, verdict) {
            (Some(_), Verdict::Right { .. }) if !account.state.password_disabled => {
                admitted.succeeded().await?;
                Ok(())
            }
            _ => {
                let live = found
                    .as_ref()
                    .map(|found| (id, FactorKind::Password, found.credential));
                let kind = SignalKind::WrongPassword;
                self.failed(request, admitted, kind, Some(id), live).await?;
                Err(Denied::InvalidCredentials)
            }
        }
    }

    /// The account of an address, if it has a password.
    async fn find(&self, index: EmailId, from_leader: bool) -> Result<Option<Found>, Denied> {
        let reservation = if from_leader {
            self.emails.current(index).await?
        } else {
            self.emails.recent(index).await?
        };
        let Some(id) = reservation.state.owner else {
            return Ok(None);
        };
        let account = if from_leader {
            self.accounts.current(id).await?
        } else {
            self.accounts.recent(id).await?
        };
        self.with_hash(id, account).await
    }

    async fn with_hash(
        &self,
        id: AccountId,
        account: Arc<Loaded<Account>>,
    ) -> Result<Option<Found>, Denied> {
        let live = account.state.password.filter(|_| account.state.exists());
        let Some(credential) = live else {
            return Ok(None);
        };
        let hash = if let Some(hash) = self.hashes.get(&credential) {
            hash
        } else {
            let stored = VaultKey::Credential(id, credential);
            // Replaced or erased since the account was read.
            let Some(phc) = self.log.vault().get(stored).await? else {
                return Ok(None);
            };
            let hash = PasswordHash::parse(&phc)?;
            self.hashes.insert(credential, hash.clone());
            hash
        };
        Ok(Some(Found {
            id,
            account,
            credential,
            hash,
        }))
    }

    async fn verify(
        &self,
        request: &Circumstances,
        found: Option<&Found>,
        password: Password,
    ) -> Result<Verdict, Denied> {
        let stored = found.map(|found| found.hash.clone());
        match self.hashing.verify(password, stored).await {
            Ok(verdict) => Ok(verdict),
            Err(shed) => {
                let account = found.map(|found| found.id);
                self.observe(request, SignalKind::LoginShed, account).await;
                Err(shed.into())
            }
        }
    }

    /// Stores a hash of a new password, to be made live by an event.
    pub(crate) async fn store_password(
        &self,
        request: &Circumstances,
        id: AccountId,
        typed: &str,
    ) -> Result<CredentialId, Denied> {
        let hash = self.hashing.hash(Password::new(typed)).await?;
        let credential = CredentialId::generate(id, request.now, random()?);
        let stored = VaultKey::Credential(id, credential);
        let vault = self.log.vault();
        vault.create(stored, hash.to_phc().as_bytes()).await?;
        Ok(credential)
    }

    /// Destroys a credential that nothing refers to any more. Whatever goes
    /// wrong, the janitor finds it.
    pub(crate) async fn discard(&self, id: AccountId, credential: CredentialId) {
        self.hashes.remove(&credential);
        let stored = VaultKey::Credential(id, credential);
        if let Err(error) = self.log.vault().destroy(stored).await {
            tracing::warn!(%error, "a credential that is out of use was not destroyed");
        }
    }

    /// Brings a hash up to the parameters of today. Whatever goes wrong, the
    /// sign-in goes on, and the next one tries again.
    async fn rehash(&self, request: &Circumstances, found: &Found, typed: &str) {
        let attempt = async {
            let password = self.store_password(request, found.id, typed).await?;
            let meta = request.meta(Actor::System, None)?;
            let command = AccountCommand::Rehash {
                replaces: found.credential,
                password,
            };
            let done = self.accounts.execute(found.id, &meta, &command).await?;
            let refuse = if done.events.is_empty() {
                password
            } else {
                found.credential
            };
            self.discard(found.id, refuse).await;
            Ok::<_, Denied>(())
        };
        if let Err(error) = attempt.await {
            tracing::warn!(%error, "a password was not rehashed");
        }
    }
}
