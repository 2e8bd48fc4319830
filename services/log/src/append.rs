//! Appending one decision.

mod together;

use std::time::Duration;

use async_nats::HeaderMap;
use bytes::Bytes;
use countersign_events::{AccountId, Actor, MessageId, Position, RawEnvelope, Subject, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

use crate::wire::{self, NoAnswer, WRONG_LAST_SEQUENCE, WRONG_LAST_SEQUENCE_IN_FLIGHT};
use crate::{Log, LogError};

pub(crate) use together::Entry;
pub use together::TOGETHER_MAX;

/// The circumstances of a command: what its message will say beside the
/// events.
#[derive(Debug, Clone)]
pub struct Meta {
    /// The id of the command and of its message. Drawn once; a command that is
    /// repeated keeps it.
    pub message: MessageId,
    /// The time.
    pub now: Timestamp,
    /// Who asks.
    pub actor: Actor,
    /// Whose data key sealed the personal data in the command.
    pub account: Option<AccountId>,
    /// The request it belongs to.
    pub correlation: Uuid,
    /// The message that led to it.
    pub causation: Option<MessageId>,
    /// W3C `traceparent` of the request.
    pub trace_parent: Option<String>,
}

/// How an append ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It stands at this sequence, by this call or an earlier one with the
    /// same message id.
    At(u64),
    /// Somebody else was first.
    Conflict,
}

impl Log {
    /// Appends `payload` if the subject's last message is `expected` (0: none).
    ///
    /// An answer that does not come is not a failure: the subject is read back
    /// to see whether the message is there.
    pub(crate) async fn append(
        &self,
        subject: Subject,
        message: MessageId,
        expected: u64,
        payload: Bytes,
        ttl: Option<Duration>,
    ) -> Result<Appended, LogError> {
        self.gate().check()?;
        self.same_log().await?;
        let mut headers = expecting(expected, ttl);
        headers.insert(async_nats::header::NATS_MESSAGE_ID, message.to_string());
        let answer = wire::request(
            self.client(),
            subject.with_prefix(self.prefix()),
            Some(headers),
            payload,
            self.deadline(),
        )
        .await;
        match answer {
            Ok(answer) => match ack(&answer.payload)? {
                Appended::At(sequence) => {
                    self.saw(Self::position(subject, sequence));
                    Ok(Appended::At(sequence))
                }
                // On one server the expectation is checked before the message
                // id, so a repeated append meets its own first success here.
                Appended::Conflict => self.find(subject, message, expected).await,
            },
            Err(NoAnswer::NotSent(error)) => Err(error),
            Err(NoAnswer::Unknown) => match self.find(subject, message, expected).await {
                Ok(Appended::At(sequence)) => Ok(Appended::At(sequence)),
                // Not there now, but the server may still be about to store it.
                Ok(Appended::Conflict) | Err(_) => Err(LogError::Unknown),
            },
        }
    }

    /// Looks for a message among those after `expected`.
    async fn find(
        &self,
        subject: Subject,
        message: MessageId,
        expected: u64,
    ) -> Result<Appended, LogError> {
        let Some(last) = self.last_from_leader(subject).await? else {
            return Ok(Appended::Conflict);
        };
        if is(&last.payload, subject, message) {
            return Ok(Appended::At(last.position.sequence));
        }
        if last.position.sequence <= expected {
            return Ok(Appended::Conflict);
        }
        let since = self.history(subject, expected + 1).await?;
        let ours = since
            .iter()
            .find(|stored| is(&stored.payload, subject, message));
        Ok(match ours {
            Some(stored) => Appended::At(stored.position.sequence),
            None => Appended::Conflict,
        })
    }

    /// The position of a sequence on a subject.
    pub(crate) fn position(subject: Subject, sequence: u64) -> Position {
        Position {
            shard: subject.shard,
            sequence,
        }
    }
}

/// What is stored only if the subject's last message is `expected` (0: none),
/// and forgotten after `ttl` if there is one.
pub(crate) fn expecting(expected: u64, ttl: Option<Duration>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
        expected.to_string(),
    );
    if let Some(ttl) = ttl {
        headers.insert(
            async_nats::header::NATS_MESSAGE_TTL,
            ttl.as_secs().max(1).to_string(),
        );
    }
    headers
}

fn is(payload: &[u8], subject: Subject, message: MessageId) -> bool {
    RawEnvelope::parse(subject, payload).is_ok_and(|envelope| envelope.header().id == message)
}

pub(crate) fn ack(payload: &[u8]) -> Result<Appended, LogError> {
    #[derive(Deserialize)]
    struct Ack {
        #[serde(default)]
        seq: u64,
        error: Option<wire::ApiError>,
    }
    let ack: Ack = serde_json::from_slice(payload)?;
    match ack.error {
        None if ack.seq > 0 => Ok(Appended::At(ack.seq)),
        None => Err(LogError::Unfit(
            "an append was acknowledged without a sequence".into(),
        )),
        Some(error) => match error.err_code {
            WRONG_LAST_SEQUENCE | WRONG_LAST_SEQUENCE_IN_FLIGHT => Ok(Appended::Conflict),
            _ => Err(error.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_codes_of_a_lost_race_are_a_conflict() {
        for code in [10071, 10164] {
            let answer = format!(
                r#"{{"error":{{"code":400,"err_code":{code},"description":"wrong last sequence: 7"}},"stream":"S","seq":0}}"#
            );
            assert_eq!(
                ack(answer.as_bytes()).expect("a conflict"),
                Appended::Conflict
            );
        }
    }

    #[test]
    fn other_errors_are_never_taken_for_success_or_conflict() {
        let full =
            br#"{"error":{"code":503,"err_code":10023,"description":"insufficient resources"}}"#;
        assert!(matches!(ack(full), Err(LogError::Unavailable(_))));
        let odd = br#"{"error":{"code":400,"err_code":10070,"description":"wrong last msg ID"}}"#;
        assert!(matches!(
            ack(odd),
            Err(LogError::Refused { code: 10070, .. })
        ));
        assert!(ack(br#"{"stream":"S"}"#).is_err());
    }

    #[test]
    fn a_duplicate_counts_as_stored() {
        let answer = br#"{"stream":"S","seq":12,"duplicate":true}"#;
        assert_eq!(ack(answer).expect("stored"), Appended::At(12));
    }
}
