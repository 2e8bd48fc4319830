//! Appending the decisions of several entities at once: an atomic batch
//! (ADR-50 of the NATS architecture).
//!
//! One server writes a batch of fifty with less than half of the work of
//! fifty messages, and takes some twenty milliseconds for it. So this is for
//! what is done to many and waited for by nobody.

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use countersign_events::Subject;
use serde::Deserialize;
use uuid::Uuid;

use super::expecting;
use crate::wire::{self, ApiError, NoAnswer};
use crate::{Log, LogError, random};

/// How many entities are changed together at most. The server's own limit is
/// 1,000; a login that meets a batch waits for it.
pub const TOGETHER_MAX: usize = 64;

const BATCH_ID: &str = "Nats-Batch-Id";
const BATCH_SEQUENCE: &str = "Nats-Batch-Sequence";
const BATCH_COMMIT: &str = "Nats-Batch-Commit";

/// One message of a batch.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) subject: Subject,
    /// The sequence of the subject's last message; 0 if it has none.
    pub(crate) expected: u64,
    pub(crate) payload: Bytes,
    pub(crate) ttl: Option<Duration>,
}

impl Log {
    /// Appends to several subjects of one shard, everything or nothing. The
    /// sequence of the first message, the others follow it; none if nothing is
    /// known to be stored, which each append alone then finds out.
    pub(crate) async fn append_together(&self, entries: &[Entry]) -> Result<Option<u64>, LogError> {
        let Some((last, before)) = entries.split_last() else {
            return Ok(None);
        };
        if entries.len() > TOGETHER_MAX {
            return Err(LogError::Unfit("too much at once".into()));
        }
        if !self.takes_batches() {
            return Ok(None);
        }
        self.gate().check()?;
        self.same_log().await?;
        wire::ensure_connected(self.client())?;
        // Never one that was used before: an abandoned batch is kept open.
        let batch = Uuid::from_bytes(random()?).to_string();
        for (number, entry) in (1..).zip(before) {
            let published = self.client().publish_with_headers(
                entry.subject.with_prefix(self.prefix()),
                in_batch(entry, &batch, number),
                Bytes::clone(&entry.payload),
            );
            published.await.map_err(LogError::unavailable)?;
        }
        let mut end = in_batch(last, &batch, entries.len());
        end.insert(BATCH_COMMIT, "1");
        let answer = wire::request(
            self.client(),
            last.subject.with_prefix(self.prefix()),
            Some(end),
            Bytes::clone(&last.payload),
            self.deadline(),
        );
        match answer.await {
            Ok(answer) => {
                let committed = committed(&answer.payload, entries.len());
                if let Ok(first) = committed {
                    let end = first + entries.len() as u64 - 1;
                    self.saw(Self::position(last.subject, end));
                }
                Ok(committed
                    .inspect_err(|why| tracing::debug!(why, "nothing is appended together"))
                    .ok())
            }
            Err(NoAnswer::NotSent(error)) => Err(error),
            Err(NoAnswer::Unknown) => Ok(None),
        }
    }
}

fn in_batch(entry: &Entry, batch: &str, number: usize) -> HeaderMap {
    let mut headers = expecting(entry.expected, entry.ttl);
    headers.insert(BATCH_ID, batch);
    headers.insert(BATCH_SEQUENCE, number.to_string());
    headers
}

/// The first sequence of a batch that was stored, or why it was not.
fn committed(payload: &[u8], count: usize) -> Result<u64, String> {
    #[derive(Deserialize)]
    struct Ack {
        #[serde(default)]
        seq: u64,
        #[serde(default)]
        count: u64,
        error: Option<ApiError>,
    }
    let ack: Ack = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
    match ack.error {
        Some(error) => Err(error.description),
        None if ack.count != count as u64 => Err(format!("{} of {count} were taken", ack.count)),
        None => (ack.seq + 1)
            .checked_sub(ack.count)
            .filter(|first| *first > 0)
            .ok_or_else(|| "no sequence".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_counts_as_stored_if_the_server_says_so_of_all_of_it() {
        let answer = br#"{"stream":"S","seq":1510,"batch":"b","count":10}"#;
        assert_eq!(committed(answer, 10), Ok(1_501));
        assert_eq!(committed(answer, 9), Err("10 of 9 were taken".to_owned()));
        assert_eq!(
            committed(br#"{"stream":"S","seq":7}"#, 2),
            Err("0 of 2 were taken".to_owned()),
            "a server that knows no batches took the last alone"
        );
        let refused = br#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 7"},"stream":"S","seq":0}"#;
        assert_eq!(
            committed(refused, 2),
            Err("wrong last sequence: 7".to_owned())
        );
        assert!(committed(br#"{"stream":"S","seq":1,"count":2}"#, 2).is_err());
        assert!(committed(b"", 1).is_err());
    }
}
