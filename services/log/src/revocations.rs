//! The stream of revocations: derived from the log of record, kept beside it
//! for whoever checks tokens, and made again from it when it is lost.
//!
//! Every message is written under the sequence that its subject was last seen
//! at, so that there is one chain of messages whoever writes. What the bytes
//! mean is not known here.

mod tail;

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use tail::{RevocationTail, Tailed};

use crate::append::{Appended, ack, expecting};
use crate::log::ensure_stream;
use crate::wire::{self, Direct, NoAnswer};
use crate::{Log, LogError, config};

/// Which of the stream's subjects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevocationSubject {
    /// What a shard revokes.
    Shard(u8),
    /// How far all of them have been told.
    Beat,
}

impl RevocationSubject {
    /// The subject's name under a prefix.
    pub fn with_prefix(self, prefix: &str) -> String {
        match self {
            Self::Shard(shard) => format!("{prefix}.rev.{shard}"),
            Self::Beat => format!("{prefix}.rev.beat"),
        }
    }

    fn parse(prefix: &str, subject: &str) -> Option<Self> {
        let rest = subject.strip_prefix(prefix)?.strip_prefix(".rev.")?;
        match rest {
            "beat" => Some(Self::Beat),
            shard => shard.parse().ok().map(Self::Shard),
        }
    }
}

/// A message of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRevocation {
    /// Its sequence in the stream.
    pub seq: u64,
    /// Its subject; none if it is not one of ours.
    pub subject: Option<RevocationSubject>,
    /// What was stored.
    pub payload: Bytes,
}

/// How far the stream reaches, as its leader knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationsState {
    /// The sequence of the first message that is still there; one more than
    /// `last_seq` if there is none.
    pub first_seq: u64,
    /// The sequence of the last message ever stored.
    pub last_seq: u64,
    /// How old the first message is, by the server's own clock; none if there
    /// is no message.
    pub first_age: Option<Duration>,
    /// The server's time.
    pub server_time: OffsetDateTime,
    /// When the stream was made, in nanoseconds since 1970: another time is
    /// another stream.
    pub created: u64,
}

/// How publishing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// It stands at this sequence of the stream.
    At(u64),
    /// The subject was not at the expected sequence.
    Conflict,
}

/// How many messages [`Log::revocations_page`] reads at once.
pub const REVOCATIONS_PAGE_MAX: usize = 1_000;

impl Log {
    /// Makes the stream if it is missing.
    pub async fn ensure_revocations(&self) -> Result<(), LogError> {
        let wanted = config::revocations_stream(self.prefix(), self.replicas());
        ensure_stream(self.context(), wanted).await.map(drop)
    }

    /// The bounds of the stream; none if there is no such stream.
    pub async fn revocations_state(&self) -> Result<Option<RevocationsState>, LogError> {
        #[derive(Deserialize)]
        struct Info {
            state: Option<State>,
            #[serde(default, with = "time::serde::rfc3339::option")]
            created: Option<OffsetDateTime>,
            #[serde(default, with = "time::serde::rfc3339::option")]
            ts: Option<OffsetDateTime>,
            error: Option<wire::ApiError>,
        }
        #[derive(Deserialize)]
        struct State {
            messages: u64,
            first_seq: u64,
            last_seq: u64,
            #[serde(with = "time::serde::rfc3339")]
            first_ts: OffsetDateTime,
        }

        let subject = format!("$JS.API.STREAM.INFO.{}", self.revocations_stream());
        let answer = wire::request(self.client(), subject, None, Bytes::new(), self.deadline());
        let info: Info = serde_json::from_slice(&answer.await?.payload)?;
        match (info.state, info.created, info.ts, info.error) {
            (Some(state), Some(created), Some(server_time), None) => {
                let age = server_time - state.first_ts;
                let created = u64::try_from(created.unix_timestamp_nanos());
                let created = created.map_err(|_| LogError::Unfit("no age of a stream".into()))?;
                let first_age = (state.messages > 0).then(|| age.try_into().unwrap_or_default());
                Ok(Some(RevocationsState {
                    first_seq: if state.messages > 0 {
                        state.first_seq
                    } else {
                        state.last_seq + 1
                    },
                    last_seq: state.last_seq,
                    first_age,
                    server_time,
                    created,
                }))
            }
            (_, _, _, Some(error)) if error.err_code == NO_STREAM => Ok(None),
            (_, _, _, Some(error)) => Err(error.into()),
            _ => Err(LogError::Unfit("stream info without its state".into())),
        }
    }

    /// Where a subject of the stream stands, asked of its leader; zero if it
    /// has no message, or there is no stream.
    pub async fn revocations_at(&self, subject: RevocationSubject) -> Result<u64, LogError> {
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
        }

        let query = Query {
            last_by_subj: subject.with_prefix(self.prefix()),
        };
        let name = format!("$JS.API.STREAM.MSG.GET.{}", self.revocations_stream());
        let query = serde_json::to_vec(&query)?.into();
        let answer = wire::request(self.client(), name, None, query, self.deadline()).await?;
        let answer: Answer = serde_json::from_slice(&answer.payload)?;
        match (answer.message, answer.error) {
            (Some(stored), _) => Ok(stored.seq),
            (None, Some(error)) if [NO_MESSAGE, NO_STREAM].contains(&error.err_code) => Ok(0),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Ok(0),
        }
    }

    /// Stores a message if its subject's last one is `expected` (0: there is
    /// none).
    ///
    /// [`LogError::Unknown`] says that it may have been stored. Trying again
    /// under the same expectation stores it once at most.
    pub async fn publish_revocations(
        &self,
        subject: RevocationSubject,
        expected: u64,
        payload: Bytes,
    ) -> Result<Published, LogError> {
        let mut headers = expecting(expected, None);
        headers.insert(
            async_nats::header::NATS_EXPECTED_STREAM,
            self.revocations_stream(),
        );
        let subject = subject.with_prefix(self.prefix());
        let answer = wire::request(
            self.client(),
            subject,
            Some(headers),
            payload,
            self.deadline(),
        );
        match answer.await {
            Ok(answer) => match ack(&answer.payload)? {
                Appended::At(sequence) => Ok(Published::At(sequence)),
                Appended::Conflict => Ok(Published::Conflict),
            },
            Err(NoAnswer::NotSent(error)) => Err(error),
            Err(NoAnswer::Unknown) => Err(LogError::Unknown),
        }
    }

    /// Follows the stream from its first message on.
    pub fn revocations(&self) -> RevocationTail {
        RevocationTail::new(self.clone())
    }

    /// The messages after a sequence of the stream, oldest first, `limit` at
    /// most. Any replica may answer, so the newest may be missing.
    pub async fn revocations_page(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredRevocation>, LogError> {
        #[derive(Serialize)]
        struct Query {
            seq: u64,
            next_by_subj: String,
            batch: usize,
        }

        wire::ensure_connected(self.client())?;
        let query = Query {
            seq: after.saturating_add(1),
            next_by_subj: format!("{}.rev.>", self.prefix()),
            batch: limit.clamp(1, REVOCATIONS_PAGE_MAX),
        };
        let name = format!("$JS.API.DIRECT.GET.{}", self.revocations_stream());
        let inbox = self.client().new_inbox();
        let answers = self.client().subscribe(inbox.clone()).await;
        let mut answers = answers.map_err(LogError::unavailable)?;
        self.client()
            .publish_with_reply(name, inbox, serde_json::to_vec(&query)?.into())
            .await
            .map_err(LogError::unavailable)?;
        let mut page = Vec::new();
        let collect = async {
            while let Some(answer) = answers.next().await {
                match wire::read_direct(answer)? {
                    Direct::Found(found) => page.push(StoredRevocation {
                        seq: found.sequence,
                        subject: RevocationSubject::parse(self.prefix(), &found.subject),
                        payload: found.payload,
                    }),
                    Direct::Absent | Direct::End => return Ok(()),
                }
            }
            Err(LogError::Unavailable("the connection closed".into()))
        };
        tokio::time::timeout(self.deadline(), collect)
            .await
            .map_err(|_| LogError::Unavailable("no answer in time".into()))??;
        Ok(page)
    }

    pub(crate) fn revocations_stream(&self) -> String {
        config::revocations_name(self.prefix())
    }
}

/// "stream not found"
const NO_STREAM: u64 = 10059;
/// "no message found"
const NO_MESSAGE: u64 = 10037;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_message_counts_only_if_it_is_on_a_subject_of_ours() {
        for subject in [
            RevocationSubject::Beat,
            RevocationSubject::Shard(0),
            RevocationSubject::Shard(63),
        ] {
            let name = subject.with_prefix("cs");
            assert_eq!(RevocationSubject::parse("cs", &name), Some(subject));
        }
        for foreign in [
            "cs.rev.",
            "cs.rev.x",
            "cs.rev.999",
            "cx.rev.1",
            "cs.rev.1.2",
        ] {
            assert_eq!(RevocationSubject::parse("cs", foreign), None, "{foreign}");
        }
    }
}
