//! Counters beside the log of record: how often something was tried, shared by
//! every service on it.
//!
//! A counter is the last message of its subject. It is changed only by whoever
//! has seen that message, so that two services never count one try for two.
//! What a counter's bytes mean is not known here.

mod follow;

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use follow::{CounterBatch, CounterTail};

use crate::append::{Appended, ack, expecting};
use crate::wire::{self, NoAnswer};
use crate::{Log, LogError, random};

/// A family of counters. Each is one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counters {
    /// About what exists: kept for as long as it takes.
    Attempts,
    /// About what a stranger may make up: forgotten after a day, and the
    /// oldest make room once there are [`Counters::WINDOWS_MAX`].
    Windows,
}

impl Counters {
    /// The most counters of [`Counters::Windows`] there are at a time.
    pub const WINDOWS_MAX: u32 = 100_000;

    /// How long those live.
    pub const WINDOWS_LIVE: Duration = Duration::from_hours(24);

    pub(crate) fn stream(self, prefix: &str) -> String {
        match self {
            Self::Attempts => format!("{prefix}_ATTEMPTS"),
            Self::Windows => format!("{prefix}_WINDOWS"),
        }
    }

    /// What the subjects begin with, the last dot included.
    pub(crate) fn subjects(self, prefix: &str) -> String {
        match self {
            Self::Attempts => format!("{prefix}.att."),
            Self::Windows => format!("{prefix}.win."),
        }
    }
}

/// The stored value of a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// Its name: the tokens of its subject after the family's.
    pub key: String,
    /// Where it stands in its stream.
    pub sequence: u64,
    /// What it says.
    pub payload: Bytes,
}

impl Log {
    /// The value of a counter as the stream's leader has it.
    pub async fn counter(&self, of: Counters, key: &str) -> Result<Option<Counter>, LogError> {
        #[derive(Serialize)]
        struct Query {
            last_by_subj: String,
        }
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
        /// "no message found"
        const NONE: u64 = 10037;

        let query = Query {
            last_by_subj: of.subjects(self.prefix()) + key,
        };
        let name = format!("$JS.API.STREAM.MSG.GET.{}", of.stream(self.prefix()));
        let query = serde_json::to_vec(&query)?.into();
        let answer = wire::request(self.client(), name, None, query, self.deadline()).await?;
        let answer: Answer = serde_json::from_slice(&answer.payload)?;
        match (answer.message, answer.error) {
            (Some(stored), _) => {
                let payload = STANDARD
                    .decode(stored.data)
                    .map_err(|_| LogError::Unfit("a stored counter is not base64".into()))?;
                Ok(Some(Counter {
                    key: key.to_owned(),
                    sequence: stored.seq,
                    payload: payload.into(),
                }))
            }
            (None, Some(error)) if error.err_code == NONE => Ok(None),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Ok(None),
        }
    }

    /// Stores a new value if the counter still stands at `expected` (0: there
    /// is none), and says where it stands now; none if somebody else was
    /// first. With `ttl` the counter is gone after that time.
    ///
    /// [`LogError::Unknown`] says that it may have been stored.
    pub async fn swap_counter(
        &self,
        of: Counters,
        key: &str,
        expected: u64,
        payload: Bytes,
        ttl: Option<Duration>,
    ) -> Result<Option<u64>, LogError> {
        let headers = expecting(expected, ttl);
        let subject = of.subjects(self.prefix()) + key;
        let answer = wire::request(
            self.client(),
            subject,
            Some(headers),
            payload,
            self.deadline(),
        );
        match answer.await {
            Ok(answer) => match ack(&answer.payload)? {
                Appended::At(sequence) => Ok(Some(sequence)),
                Appended::Conflict => Ok(None),
            },
            Err(NoAnswer::NotSent(error)) => Err(error),
            Err(NoAnswer::Unknown) => Err(LogError::Unknown),
        }
    }

    /// Follows all counters of a family from the first on.
    pub fn counters(&self, of: Counters) -> CounterTail {
        CounterTail::new(self.clone(), of)
    }

    /// Names for what must not be stored in the clear, under the secret of
    /// this name, which is made if there is none.
    pub async fn blind(&self, name: &'static str) -> Result<Blind, LogError> {
        let make = || Ok(Zeroizing::new(random::<32>()?.to_vec()));
        let secret = self.vault().named(name, make).await?;
        Ok(Blind(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
    }
}

/// Turns what must not be stored in the clear into a name that every service
/// of the deployment finds again and nobody else can read back.
pub struct Blind(hmac::Key);

impl Blind {
    /// The name: 32 hexadecimal digits.
    pub fn of(&self, bytes: &[u8]) -> String {
        let tag = hmac::sign(&self.0, bytes);
        let mut half = [0; 16];
        half.copy_from_slice(&tag.as_ref()[..16]);
        format!("{:032x}", u128::from_be_bytes(half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blind_name_depends_on_the_secret_and_on_every_byte() {
        let name = |secret: &[u8], bytes: &[u8]| {
            Blind(hmac::Key::new(hmac::HMAC_SHA256, secret)).of(bytes)
        };
        let one = name(b"secret", &[10, 0, 0, 1]);
        assert_eq!(one.len(), 32);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(one, name(b"secret", &[10, 0, 0, 1]));
        assert_ne!(one, name(b"other", &[10, 0, 0, 1]));
        assert_ne!(one, name(b"secret", &[10, 0, 0, 2]));
    }
}
