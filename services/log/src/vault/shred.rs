//! Destroying secrets so that their bytes are overwritten.

use std::collections::HashMap;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_events::{AccountId, CredentialId};
use serde::Deserialize;

use super::{Vault, VaultKey};
use crate::{LogError, wire};

/// "no message found"
const NONE: u64 = 10037;

/// "sequence not found": it was deleted.
const DELETED: u64 = 10043;

/// The most names of one answer of nats-server.
const PAGE: usize = 100_000;

impl Vault {
    /// Forgets a secret and overwrites its bytes on disk. A secret that never
    /// was there is no error.
    ///
    /// Copies that were made of the disk before are out of reach: they die
    /// with the key-encryption key they were sealed under.
    pub async fn destroy(&self, key: VaultKey) -> Result<(), LogError> {
        let name = key.name();
        if let VaultKey::DataKey(account) = key {
            self.doubt_data_key(account);
        }
        while let Some((sequence, _)) = self.last(&name).await? {
            self.delete(sequence).await?;
        }
        // Somebody may have read it while it was being destroyed.
        if let VaultKey::DataKey(account) = key {
            self.doubt_data_key(account);
        }
        Ok(())
    }

    /// Destroys everything that is kept of an account: its credentials, and
    /// then its data key, without which nothing that was sealed for it can be
    /// read by anybody.
    pub async fn destroy_account(&self, account: AccountId) -> Result<(), LogError> {
        for (_, credential) in self.credentials(Some(account)).await? {
            self.destroy(VaultKey::Credential(account, credential))
                .await?;
        }
        self.destroy(VaultKey::DataKey(account)).await
    }

    /// The credentials that are kept of one account, or of all.
    pub async fn credentials(
        &self,
        of: Option<AccountId>,
    ) -> Result<Vec<(AccountId, CredentialId)>, LogError> {
        #[derive(Deserialize)]
        struct Info {
            state: Option<State>,
            error: Option<wire::ApiError>,
        }
        #[derive(Deserialize)]
        struct State {
            #[serde(default)]
            subjects: HashMap<String, u64>,
        }
        let of = of.map_or_else(|| "*".to_owned(), |account| account.to_string());
        let filter = format!("{}.credential.{of}.*", self.subjects());
        let mut found = Vec::new();
        loop {
            let query = serde_json::json!({ "subjects_filter": filter, "offset": found.len() });
            let name = format!("$JS.API.STREAM.INFO.{}", self.stream());
            let payload = serde_json::to_vec(&query)?.into();
            let answer = wire::request(&self.client, name, None, payload, self.deadline).await?;
            let info: Info = serde_json::from_slice(&answer.payload)?;
            let subjects = match (info.state, info.error) {
                (Some(state), None) => state.subjects,
                (_, Some(error)) => return Err(error.into()),
                (None, None) => HashMap::new(),
            };
            let page = subjects.len();
            found.extend(subjects.keys().filter_map(|subject| parse(subject)));
            if page < PAGE {
                return Ok(found);
            }
        }
    }

    /// The last value under a name, and where it stands, as the leader knows
    /// it.
    pub(super) async fn last(&self, name: &str) -> Result<Option<(u64, Vec<u8>)>, LogError> {
        #[derive(Deserialize)]
        struct Answer {
            message: Option<Stored>,
            error: Option<wire::ApiError>,
        }
        #[derive(Deserialize)]
        struct Stored {
            seq: u64,
            #[serde(default)]
            data: String,
        }
        let query = serde_json::json!({ "last_by_subj": format!("{}.{name}", self.subjects()) });
        let subject = format!("$JS.API.STREAM.MSG.GET.{}", self.stream());
        let payload = serde_json::to_vec(&query)?.into();
        let answer = wire::request(&self.client, subject, None, payload, self.deadline).await?;
        let answer: Answer = serde_json::from_slice(&answer.payload)?;
        match (answer.message, answer.error) {
            // An empty value is the mark of a key that was purged.
            (Some(stored), _) if stored.data.is_empty() => Ok(None),
            (Some(stored), _) => STANDARD
                .decode(stored.data)
                .map(|value| Some((stored.seq, value)))
                .map_err(|_| LogError::Unfit("a stored secret is not base64".into())),
            (None, Some(error)) if error.err_code == NONE => Ok(None),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Ok(None),
        }
    }

    /// Removes one stored message and overwrites its bytes.
    async fn delete(&self, sequence: u64) -> Result<(), LogError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            success: bool,
            error: Option<wire::ApiError>,
        }
        let query = serde_json::json!({ "seq": sequence, "no_erase": false });
        let subject = format!("$JS.API.STREAM.MSG.DELETE.{}", self.stream());
        let payload = serde_json::to_vec(&query)?.into();
        let answer = wire::request(&self.client, subject, None, payload, self.deadline).await?;
        let answer: Answer = serde_json::from_slice(&answer.payload)?;
        match answer.error {
            _ if answer.success => Ok(()),
            // Somebody else has deleted it meanwhile.
            Some(error) if [NONE, DELETED].contains(&error.err_code) => Ok(()),
            Some(error) => Err(error.into()),
            None => Err(LogError::Unfit("a secret cannot be destroyed".into())),
        }
    }

    fn stream(&self) -> &str {
        &self.store.stream_name
    }

    fn subjects(&self) -> String {
        format!("$KV.{}", self.store.name)
    }
}

/// The account and the credential in a subject of the bucket.
fn parse(subject: &str) -> Option<(AccountId, CredentialId)> {
    let mut words = subject.rsplit('.');
    let credential = CredentialId::from_str(words.next()?).ok()?;
    let account = AccountId::from_str(words.next()?).ok()?;
    Some((account, credential))
}
