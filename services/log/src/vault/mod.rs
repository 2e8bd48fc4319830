//! The vault: secrets beside the log, sealed, mutable, and therefore
//! destructible.

mod shred;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, kv};
use countersign_events::{AccountId, CredentialId, SecretId};
use futures_util::{StreamExt, TryStreamExt, stream};
use quick_cache::sync::Cache;
use zeroize::Zeroizing;

use crate::config::{LogConfig, vault_bucket, vault_stream};
use crate::log::ensure_stream;
use crate::patience::patiently;
use crate::seal::{DataKey, KEY_BYTES, KeyEncryptionKey, random};
use crate::{LogError, SealError};

/// Where a secret stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VaultKey {
    /// A credential of somebody: a password hash, a seed, a passkey.
    Credential(AccountId, CredentialId),
    /// The data key of an account.
    DataKey(AccountId),
    /// A secret of the deployment that an event refers to.
    Secret(SecretId),
    /// A secret of the deployment that exists once, by its name.
    Named(&'static str),
}

impl VaultKey {
    fn name(self) -> String {
        match self {
            Self::Credential(account, id) => format!("credential.{account}.{id}"),
            Self::DataKey(id) => format!("data-key.{id}"),
            Self::Secret(id) => format!("secret.{id}"),
            Self::Named(name) => format!("named.{name}"),
        }
    }
}

/// The KV bucket and the key that seals its values.
pub struct Vault {
    store: kv::Store,
    client: async_nats::Client,
    deadline: Duration,
    kek: KeyEncryptionKey,
    data_keys: Cache<AccountId, (DataKey, Instant)>,
}

/// How long a data key is believed to be there: a person who was forgotten
/// elsewhere is forgotten here after that at the latest.
const BELIEVED: Duration = Duration::from_mins(1);

/// How often a change is tried over somebody else's.
const CHANGES: u32 = 16;

/// How many data keys are fetched side by side.
const FETCHES: usize = 32;

impl Vault {
    pub(crate) async fn open(
        setup: &jetstream::Context,
        context: &jetstream::Context,
        config: &LogConfig,
    ) -> Result<Self, LogError> {
        let stream = vault_stream(&config.prefix, config.replicas);
        let found = ensure_stream(setup, stream).await?;
        if found.deny_delete {
            return Err(LogError::Unfit(
                "the vault denies deletion, so nobody could ever be erased".into(),
            ));
        }
        let name = vault_bucket(&config.prefix);
        let store = context
            .get_key_value(&name)
            .await
            .map_err(LogError::unavailable)?;
        let vault = Self {
            store,
            client: context.client(),
            deadline: config.deadline,
            kek: config.kek.clone(),
            data_keys: Cache::new(config.cache_entries),
        };
        patiently("the vault", async || vault.prove_key().await).await?;
        Ok(vault)
    }

    /// Refuses to work with a key-encryption key that did not seal this vault:
    /// half of the secrets under one key and half under another is a state
    /// nobody should have to mend.
    async fn prove_key(&self) -> Result<(), LogError> {
        let canary = || Ok(Zeroizing::new(b"countersign".to_vec()));
        match self.named("canary", canary).await {
            Ok(_) => Ok(()),
            Err(LogError::Seal(SealError::WrongKey)) => Err(LogError::Unfit(
                "the vault is sealed under another key-encryption key".into(),
            )),
            Err(error) => Err(error),
        }
    }

    /// The secret, or none if it was never there or was destroyed.
    pub async fn get(&self, key: VaultKey) -> Result<Option<Zeroizing<Vec<u8>>>, LogError> {
        let name = key.name();
        let found = self
            .store
            .get(name.as_str())
            .await
            .map_err(LogError::unavailable)?;
        let sealed = match found {
            Some(sealed) => Some(sealed),
            // A replica may be behind. What is there is never replaced by
            // anything else of that name, so only an absence has to be asked
            // of the leader.
            None => self.last(&name).await?.map(|(_, sealed)| sealed.into()),
        };
        let open = |sealed: bytes::Bytes| self.kek.open(&name, &sealed);
        Ok(sealed.map(open).transpose()?)
    }

    /// Stores a secret under a key that has none; false if it has one.
    pub async fn create(&self, key: VaultKey, secret: &[u8]) -> Result<bool, LogError> {
        let name = key.name();
        let sealed = self.kek.seal(&name, secret)?;
        match self.store.create(name.as_str(), sealed.into()).await {
            Ok(_) => Ok(true),
            // The client says so, too, when its first try was stored and the
            // answer was lost: then what is there is ours.
            Err(error) if error.kind() == kv::CreateErrorKind::AlreadyExists => {
                let stored = self.get(key).await?;
                Ok(stored.is_some_and(|stored| stored.as_slice() == secret))
            }
            Err(error) => Err(LogError::unavailable(error)),
        }
    }

    /// Stores a secret over the one that is there; false if there is none any
    /// more, or somebody else was quicker.
    pub async fn replace(&self, key: VaultKey, secret: &[u8]) -> Result<bool, LogError> {
        let name = key.name();
        let entry = self.store.entry(name.as_str()).await;
        // What was destroyed is not brought back.
        let entry = entry.map_err(LogError::unavailable)?;
        let Some(entry) = entry.filter(|entry| entry.operation == kv::Operation::Put) else {
            return Ok(false);
        };
        let sealed = self.kek.seal(&name, secret)?;
        let stored = self
            .store
            .update(name.as_str(), sealed.into(), entry.revision)
            .await;
        match stored {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(false),
            Err(error) => Err(LogError::unavailable(error)),
        }
    }

    /// Stores what `change` makes of what is there, unless it makes nothing of
    /// it. Whoever is quicker is looked at again: nothing is put over what
    /// `change` has not seen.
    pub async fn change(
        &self,
        key: VaultKey,
        change: impl Fn(Option<&[u8]>) -> Option<Zeroizing<Vec<u8>>>,
    ) -> Result<(), LogError> {
        let name = key.name();
        for _ in 0..CHANGES {
            let entry = self.store.entry(name.as_str()).await;
            let entry = entry.map_err(LogError::unavailable)?;
            let there = entry.filter(|entry| entry.operation == kv::Operation::Put);
            let known = there
                .as_ref()
                .map(|entry| self.kek.open(&name, &entry.value));
            let known = known.transpose()?;
            let Some(secret) = change(known.as_ref().map(|known| known.as_slice())) else {
                return Ok(());
            };
            let sealed = self.kek.seal(&name, &secret)?.into();
            let Some(entry) = there else {
                match self.store.create(name.as_str(), sealed).await {
                    Ok(_) => return Ok(()),
                    Err(error) if error.kind() == kv::CreateErrorKind::AlreadyExists => continue,
                    Err(error) => return Err(LogError::unavailable(error)),
                }
            };
            let stored = self.store.update(name.as_str(), sealed, entry.revision);
            match stored.await {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => {}
                Err(error) => return Err(LogError::unavailable(error)),
            }
        }
        Err(LogError::Unavailable(
            "a secret of the deployment is changed all the time".into(),
        ))
    }

    /// The secret of this name, made by `make` if there is none yet. However
    /// many instances ask at once, they get the same.
    pub async fn named(
        &self,
        name: &'static str,
        make: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, SealError>,
    ) -> Result<Zeroizing<Vec<u8>>, LogError> {
        let key = VaultKey::Named(name);
        if let Some(found) = self.get(key).await? {
            return Ok(found);
        }
        let made = make()?;
        if self.create(key, &made).await? {
            return Ok(made);
        }
        self.get(key)
            .await?
            .ok_or_else(|| LogError::Unavailable("the vault is behind its leader".into()))
    }

    /// Makes the data key of a new account.
    pub async fn create_data_key(&self, account: AccountId) -> Result<DataKey, LogError> {
        let bytes = Zeroizing::new(random::<KEY_BYTES>()?);
        if !self
            .create(VaultKey::DataKey(account), bytes.as_slice())
            .await?
        {
            return Err(LogError::Unfit("the account has a data key already".into()));
        }
        let key = DataKey::new(bytes.as_slice())?;
        self.data_keys
            .insert(account, (key.clone(), Instant::now()));
        Ok(key)
    }

    /// The data key of an account, or none if the person was erased.
    pub async fn data_key(&self, account: AccountId) -> Result<Option<DataKey>, LogError> {
        if let Some((key, read)) = self.data_keys.get(&account)
            && read.elapsed() < BELIEVED
        {
            return Ok(Some(key));
        }
        let now = Instant::now();
        let Some(bytes) = self.get(VaultKey::DataKey(account)).await? else {
            self.doubt_data_key(account);
            return Ok(None);
        };
        let key = DataKey::new(&bytes)?;
        self.data_keys.insert(account, (key.clone(), now));
        Ok(Some(key))
    }

    /// Looks at an account's data key anew at the next use: it may have been
    /// destroyed by another instance.
    pub fn doubt_data_key(&self, account: AccountId) {
        self.data_keys.remove(&account);
    }

    /// The data keys of many accounts; those of erased people are missing.
    pub async fn data_keys(
        &self,
        accounts: &[AccountId],
    ) -> Result<HashMap<AccountId, DataKey>, LogError> {
        stream::iter(accounts.iter().copied())
            .map(|account| async move { Ok((account, self.data_key(account).await?)) })
            .buffer_unordered(FETCHES)
            .try_filter_map(|(account, key)| async move { Ok(key.map(|key| (account, key))) })
            .try_collect()
            .await
    }
}
