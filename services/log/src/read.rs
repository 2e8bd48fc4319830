//! Reading messages.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_events::{Position, RawEnvelope, Subject};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};

use crate::wire::{self, Direct, Found};
use crate::{Log, LogError};

/// A message as stored, not decoded yet.
#[derive(Debug, Clone)]
pub struct RawMessage {
    /// Where it stands.
    pub position: Position,
    /// What it is about.
    pub subject: Subject,
    /// The stored bytes.
    pub payload: Bytes,
}

impl RawMessage {
    /// Reads the envelope.
    pub fn envelope(&self) -> Result<RawEnvelope<'_>, LogError> {
        RawEnvelope::parse(self.subject, &self.payload).map_err(|error| LogError::Decode {
            position: self.position,
            subject: self.subject,
            error,
        })
    }
}

/// A message as the leader's answer has it.
#[derive(Deserialize)]
pub(crate) struct Stored {
    subject: String,
    pub(crate) seq: u64,
    #[serde(default)]
    data: String,
    /// When the stream stored it (RFC 3339).
    pub(crate) time: String,
}

/// How many messages one batched read returns at most; the server's own limit
/// is 1,024.
pub(crate) const BATCH: usize = 500;

/// How many sequences [`Log::range`] covers at most.
pub const RANGE_MAX: u64 = 500;

impl Log {
    /// The message at a position: none if it was never there or has been
    /// forgotten.
    pub async fn message(&self, position: Position) -> Result<Option<RawMessage>, LogError> {
        #[derive(Serialize)]
        struct Query {
            seq: u64,
        }
        let query = Query {
            seq: position.sequence,
        };
        self.stored(position.shard, &query).await
    }

    /// The last message of a subject, from the leader: what it says was true
    /// after this call began.
    pub(crate) async fn last_from_leader(
        &self,
        subject: Subject,
    ) -> Result<Option<RawMessage>, LogError> {
        #[derive(Serialize)]
        struct Query {
            last_by_subj: String,
        }
        let query = Query {
            last_by_subj: subject.with_prefix(self.prefix()),
        };
        self.stored(subject.shard, &query).await
    }

    async fn stored(
        &self,
        shard: u8,
        query: &impl Serialize,
    ) -> Result<Option<RawMessage>, LogError> {
        let stored = self.ask_leader(shard, query).await?;
        stored.map(|stored| self.opened(shard, stored)).transpose()
    }

    /// The first message on subjects that `filter` matches at a sequence or
    /// after it, from the leader.
    pub(crate) async fn next_from_leader(
        &self,
        shard: u8,
        filter: &str,
        from: u64,
    ) -> Result<Option<Stored>, LogError> {
        #[derive(Serialize)]
        struct Query<'a> {
            seq: u64,
            next_by_subj: &'a str,
        }
        let query = Query {
            seq: from.max(1),
            next_by_subj: filter,
        };
        self.ask_leader(shard, &query).await
    }

    async fn ask_leader(
        &self,
        shard: u8,
        query: &impl Serialize,
    ) -> Result<Option<Stored>, LogError> {
        #[derive(Deserialize)]
        struct Answer {
            message: Option<Stored>,
            error: Option<wire::ApiError>,
        }
        /// "no message found"
        const NONE: u64 = 10037;

        let name = format!("$JS.API.STREAM.MSG.GET.{}", self.stream_name(shard));
        let payload = serde_json::to_vec(query)?.into();
        let answer = wire::request(self.client(), name, None, payload, self.deadline()).await?;
        let answer: Answer = serde_json::from_slice(&answer.payload)?;
        match (answer.message, answer.error) {
            (Some(stored), _) => Ok(Some(stored)),
            (None, Some(error)) if error.err_code == NONE => Ok(None),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Ok(None),
        }
    }

    pub(crate) fn opened(&self, shard: u8, stored: Stored) -> Result<RawMessage, LogError> {
        let payload = STANDARD
            .decode(stored.data)
            .map_err(|_| LogError::Unfit("a stored message is not base64".into()))?;
        let found = Found {
            subject: stored.subject,
            sequence: stored.seq,
            payload: payload.into(),
        };
        self.raw(shard, found)
    }

    /// The last message of a subject as any replica knows it: possibly stale,
    /// so only for what an append's expectation will prove.
    pub(crate) async fn last(&self, subject: Subject) -> Result<Option<RawMessage>, LogError> {
        let name = format!(
            "$JS.API.DIRECT.GET.{}.{}",
            self.stream_name(subject.shard),
            subject.with_prefix(self.prefix())
        );
        let answer =
            wire::request(self.client(), name, None, Bytes::new(), self.deadline()).await?;
        match wire::read_direct(answer)? {
            Direct::Found(found) => self.raw(subject.shard, found).map(Some),
            Direct::Absent | Direct::End => Ok(None),
        }
    }

    /// All messages of a subject from `from` on, oldest first.
    pub async fn history(&self, subject: Subject, from: u64) -> Result<Vec<RawMessage>, LogError> {
        let mut all = Vec::new();
        let mut next = from.max(1);
        loop {
            let filter = subject.with_prefix(self.prefix());
            let (mut batch, more) = self.read_batch(subject.shard, &filter, next, BATCH).await?;
            let Some(last) = batch.last() else {
                return Ok(all);
            };
            next = last.position.sequence + 1;
            all.append(&mut batch);
            if !more {
                return Ok(all);
            }
        }
    }

    /// At most `limit` messages of a subject from `from` on, oldest first.
    pub async fn history_page(
        &self,
        subject: Subject,
        from: u64,
        limit: usize,
    ) -> Result<Vec<RawMessage>, LogError> {
        let filter = subject.with_prefix(self.prefix());
        let count = limit.clamp(1, BATCH);
        let page = self.read_batch(subject.shard, &filter, from.max(1), count);
        Ok(page.await?.0)
    }

    /// The messages of a shard with sequences from `from` to before `before`,
    /// oldest first; those that were forgotten are missing. At most
    /// [`RANGE_MAX`] sequences at once.
    pub async fn range(
        &self,
        shard: u8,
        from: u64,
        before: u64,
    ) -> Result<Vec<RawMessage>, LogError> {
        let count = before.saturating_sub(from).min(RANGE_MAX);
        if count == 0 {
            return Ok(Vec::new());
        }
        let filter = format!("{}.evt.{shard}.>", self.prefix());
        let batch = usize::try_from(count).unwrap_or(BATCH);
        let (mut messages, _) = self.read_batch(shard, &filter, from.max(1), batch).await?;
        messages.retain(|message| message.position.sequence < before);
        Ok(messages)
    }

    /// At most `limit` messages of a shard ([`RANGE_MAX`] at most) from `from`
    /// on, oldest first, past those that were forgotten. A replica that lags
    /// may not have the last ones yet; it never leaves one out before another.
    pub async fn following(
        &self,
        shard: u8,
        from: u64,
        limit: usize,
    ) -> Result<Vec<RawMessage>, LogError> {
        let filter = format!("{}.evt.{shard}.>", self.prefix());
        let count = limit.clamp(1, BATCH);
        let page = self.read_batch(shard, &filter, from.max(1), count);
        Ok(page.await?.0)
    }

    /// One batched direct read (ADR-31 of the NATS architecture): up to
    /// `count` answers and an end marker on one inbox.
    pub(crate) async fn read_batch(
        &self,
        shard: u8,
        filter: &str,
        from: u64,
        count: usize,
    ) -> Result<(Vec<RawMessage>, bool), LogError> {
        #[derive(Serialize)]
        struct Query<'a> {
            seq: u64,
            next_by_subj: &'a str,
            batch: usize,
        }
        wire::ensure_connected(self.client())?;
        let query = Query {
            seq: from,
            next_by_subj: filter,
            batch: count,
        };
        let name = format!("$JS.API.DIRECT.GET.{}", self.stream_name(shard));
        let inbox = self.client().new_inbox();
        let mut answers = self
            .client()
            .subscribe(inbox.clone())
            .await
            .map_err(LogError::unavailable)?;
        self.client()
            .publish_with_reply(name, inbox, serde_json::to_vec(&query)?.into())
            .await
            .map_err(LogError::unavailable)?;
        let mut batch = Vec::new();
        let collect = async {
            while let Some(answer) = answers.next().await {
                match wire::read_direct(answer)? {
                    Direct::Found(found) => batch.push(self.raw(shard, found)?),
                    Direct::Absent | Direct::End => return Ok(()),
                }
            }
            Err(LogError::Unavailable("the connection closed".into()))
        };
        tokio::time::timeout(self.deadline() + Duration::from_millis(50), collect)
            .await
            .map_err(|_| LogError::Unavailable("no answer in time".into()))??;
        let more = batch.len() == count;
        Ok((batch, more))
    }

    pub(crate) fn raw(&self, shard: u8, found: Found) -> Result<RawMessage, LogError> {
        let subject = Subject::parse(self.prefix(), &found.subject)
            .ok()
            .filter(|subject| subject.shard == shard)
            .ok_or_else(|| {
                LogError::Unfit(format!(
                    "a foreign subject in shard {shard} at {}",
                    found.sequence
                ))
            })?;
        Ok(RawMessage {
            position: Position {
                shard,
                sequence: found.sequence,
            },
            subject,
            payload: found.payload,
        })
    }
}
