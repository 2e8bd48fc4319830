//! Claims: who may do what must not be done twice.

use std::time::Duration;

use async_nats::jetstream::kv;
use async_nats::jetstream::stream::StorageType;
use bytes::Bytes;
use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::seal::random;
use crate::{Log, LogError};

/// A bucket of claims. It forgets them after a time that is much longer than
/// anything is delivered again, and is bounded: when it is full, nothing more
/// can be claimed until older claims are forgotten, which is safe.
pub struct Claims {
    store: kv::Store,
}

/// The answer to who wants to do something.
#[derive(Debug)]
pub enum Claim {
    /// It is theirs to do.
    Granted(Held),
    /// Somebody is doing it, or was when they went away.
    Taken {
        /// When they began, by their clock.
        since: Timestamp,
    },
    /// It needs no doing any more.
    Settled,
}

/// The right to do something, until it is settled or released. One that is
/// dropped stays taken: nobody knows how far it had come.
#[derive(Debug)]
pub struct Held {
    key: String,
    revision: u64,
    written: Written,
}

#[derive(Debug, Serialize, Deserialize)]
struct Written {
    state: State,
    by: Uuid,
    at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Taken,
    Settled,
}

/// The most bytes of a bucket.
const MAX_BYTES: i64 = 256 * 1024 * 1024;
/// The most bytes of a claim.
const MAX_VALUE: i32 = 512;

impl Log {
    /// Opens the bucket `<prefix>_<name>`, made if it is missing.
    pub async fn claims(&self, name: &str, kept: Duration) -> Result<Claims, LogError> {
        let bucket = format!("{}_{name}", self.prefix());
        if let Ok(store) = self.context().get_key_value(&bucket).await {
            return Ok(Claims { store });
        }
        let shard = self.context().get_stream(self.stream_name(0)).await;
        let shard = shard.map_err(LogError::unavailable)?;
        let wanted = kv::Config {
            bucket: bucket.clone(),
            description: "Countersign claims: what was done once".into(),
            history: 1,
            max_age: kept,
            max_bytes: MAX_BYTES,
            max_value_size: MAX_VALUE,
            storage: StorageType::File,
            num_replicas: shard.cached_info().config.num_replicas,
            ..kv::Config::default()
        };
        match self.context().create_key_value(wanted).await {
            Ok(store) => Ok(Claims { store }),
            // Another instance may have been quicker.
            Err(error) => match self.context().get_key_value(&bucket).await {
                Ok(store) => Ok(Claims { store }),
                Err(_) => Err(LogError::unavailable(error)),
            },
        }
    }
}

impl Claims {
    /// Asks for the right to do what `key` names.
    ///
    /// On an error it is not granted. It may have been written nevertheless,
    /// and then nobody gets it: that is the price of "never twice".
    pub async fn claim(&self, key: &str, now: Timestamp) -> Result<Claim, LogError> {
        let written = Written {
            state: State::Taken,
            by: uuid::Builder::from_random_bytes(random::<16>()?).into_uuid(),
            at: now,
        };
        let made = self.store.create(key, encode(&written)?).await;
        let error = match made {
            Ok(revision) => {
                return Ok(Claim::Granted(Held {
                    key: key.to_owned(),
                    revision,
                    written,
                }));
            }
            Err(error) => error,
        };
        // It is there, or no answer came: what is stored tells.
        let Some(entry) = self.stored(key).await? else {
            return Err(LogError::unavailable(error));
        };
        let found: Written = serde_json::from_slice(&entry.value)?;
        Ok(match found.state {
            State::Settled => Claim::Settled,
            State::Taken if found.by == written.by => Claim::Granted(Held {
                key: key.to_owned(),
                revision: entry.revision,
                written,
            }),
            State::Taken => Claim::Taken { since: found.at },
        })
    }

    /// It was done, or must never be tried again.
    pub async fn settle(&self, held: &Held) -> Result<(), LogError> {
        let settled = Written {
            state: State::Settled,
            by: held.written.by,
            at: held.written.at,
        };
        // Over whatever is there: only who holds it writes.
        let put = self.store.put(&held.key, encode(&settled)?).await;
        put.map(|_| ()).map_err(LogError::unavailable)
    }

    /// It was certainly not done: somebody may try again.
    pub async fn release(&self, held: &Held) -> Result<(), LogError> {
        let gone = self
            .store
            .delete_expect_revision(&held.key, Some(held.revision))
            .await;
        match gone {
            Ok(()) => Ok(()),
            // It may be gone already, if only the answer was lost.
            Err(error) => match self.stored(&held.key).await? {
                None => Ok(()),
                Some(_) => Err(LogError::unavailable(error)),
            },
        }
    }

    async fn stored(&self, key: &str) -> Result<Option<kv::Entry>, LogError> {
        let found = self.store.entry(key).await;
        let found = found.map_err(LogError::unavailable)?;
        Ok(found.filter(|entry| entry.operation == kv::Operation::Put))
    }
}

fn encode(written: &Written) -> Result<Bytes, LogError> {
    Ok(serde_json::to_vec(written)?.into())
}
