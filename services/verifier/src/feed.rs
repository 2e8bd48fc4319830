//! What a deployment tells its verifiers, and what they tell it back.
//!
//! The feed is a stream of two kinds of JSON message: a [`Message`] says what
//! a stretch of one shard of the log revokes, a [`Beat`] says how far all
//! shards have been told. Each message names the stretch it covers, so a
//! reader sees for itself when something between two of them is missing.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The version of all messages of this module.
pub const FEED_VERSION: u8 = 1;
/// A message holds at most this many records.
pub const MAX_RECORDS: usize = 1_000;

/// Everything that shard `shard` of the log revokes after sequence `from`,
/// through `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// [`FEED_VERSION`].
    pub v: u8,
    /// Which shard.
    pub shard: u8,
    /// The sequence up to which earlier messages have told everything.
    pub from: u64,
    /// The sequence up to which this message has.
    pub to: u64,
    /// What is revoked, in the order of the log.
    pub records: Vec<Record>,
}

/// One thing that happened and that verifiers must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Record {
    /// One session, or one grant of a service, is over.
    Session {
        /// The sequence of the deciding message.
        at: u64,
        /// The `sid` of its tokens.
        session: Uuid,
        /// From this Unix second on no token of it can be valid.
        until: u64,
    },
    /// Every token of an account, or of a client, with a lower epoch is
    /// refused.
    Account {
        /// The sequence of the deciding message.
        at: u64,
        /// The `sub` of its tokens.
        account: Uuid,
        /// The lowest epoch that is still good.
        epoch: u64,
        /// From this Unix second on no token with a lower epoch can be valid.
        until: u64,
    },
    /// Every token that the key signed is refused, for good.
    Key {
        /// The sequence of the deciding message.
        at: u64,
        /// The key's id.
        key: Box<str>,
    },
    /// The published keys are no longer those of before.
    Keys {
        /// The sequence of the deciding message.
        at: u64,
        /// What became of them.
        keys: KeysChange,
    },
}

/// What became of the published keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeysChange {
    /// Some were added or taken away: fetch them again.
    Changed,
}

/// Every revocation of shard `i` up to sequence `cursor[i]` stands in the
/// stream before this message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beat {
    /// [`FEED_VERSION`].
    pub v: u8,
    /// How far each shard has been told, by its number.
    pub cursor: Vec<u64>,
    /// Whether the messages just before tell everything again that can
    /// concern a token which is still valid.
    pub genesis: bool,
}

/// Names one stream among those that have stood in the same place: when it was
/// made, in nanoseconds since 1970. Sequences of two streams have nothing to do
/// with each other. In JSON it is a string, as it has more digits than every
/// reader of numbers keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamId(pub u64);

impl From<StreamId> for String {
    fn from(id: StreamId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for StreamId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for StreamId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        digits(text).map(Self)
    }
}

/// One message of one stream, written `<stream>.<seq>`: the id of a
/// server-sent event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    /// The stream.
    pub stream: StreamId,
    /// The message's sequence in it.
    pub seq: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.stream, self.seq)
    }
}

impl FromStr for EventId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let (stream, seq) = text.split_once('.').ok_or(NotAnId)?;
        Ok(Self {
            stream: stream.parse()?,
            seq: digits(seq)?,
        })
    }
}

/// It is no [`StreamId`], or no [`EventId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected decimal digits that name a place in the feed")]
pub struct NotAnId;

fn digits(text: &str) -> Result<u64, NotAnId> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = text.parse().ok().filter(|_| is_plain);
    parsed.ok_or(NotAnId)
}

/// What a verifier says of itself, about once a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`FEED_VERSION`].
    pub v: u8,
    /// Drawn at random when the verifier was made.
    pub id: Uuid,
    /// What its service is called; at most 64 characters count.
    pub name: String,
    /// The sequence of the stream that it has applied; none before the first.
    pub seq: Option<u64>,
    /// How far it knows every shard to be applied.
    pub cursor: Option<Vec<u64>>,
    /// The ids of the keys it holds.
    pub kids: Vec<String>,
    /// How long ago it was proven complete, in milliseconds; none before the
    /// first proof.
    pub staleness_ms: Option<u64>,
    /// From how much on it no longer trusts itself, in milliseconds.
    pub max_staleness_ms: u64,
    /// Whether it says good-bye.
    pub leaving: bool,
}

/// The answer to a [`Report`].
///
/// `age_ms` before it was given, the stream up to `seq` held every revocation
/// that was then in the log, and the log ended at `cursor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportAnswer {
    /// [`FEED_VERSION`].
    pub v: u8,
    /// Which stream is meant. The answer says nothing of any other.
    pub stream: StreamId,
    /// A sequence of the stream.
    pub seq: u64,
    /// Where the shards of the log ended.
    pub cursor: Vec<u64>,
    /// How old this knowledge is, in milliseconds.
    pub age_ms: u64,
    /// Who has read the stream from this sequence on, or from before, knows
    /// of everything that can concern a token which is still valid.
    pub since: u64,
}

/// The subjects of the feed under a deployment's prefix.
pub mod subject {
    /// The stream.
    pub fn stream(prefix: &str) -> String {
        format!("{prefix}_REVOCATIONS")
    }

    /// All subjects of the stream.
    pub fn all(prefix: &str) -> String {
        format!("{prefix}.rev.>")
    }

    /// The messages of one shard.
    pub fn shard(prefix: &str, shard: u8) -> String {
        format!("{prefix}.rev.{shard}")
    }

    /// The beats.
    pub fn beat(prefix: &str) -> String {
        format!("{prefix}.rev.beat")
    }

    /// Where verifiers report, and are answered.
    pub fn report(prefix: &str) -> String {
        format!("{prefix}.ver.report")
    }

    /// Where services tell each other what was reported over HTTP.
    pub fn heard(prefix: &str) -> String {
        format!("{prefix}.ver.heard")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_has_its_own_form() {
        let session = Uuid::from_u128(7);
        let records = [
            (
                Record::Session {
                    at: 1,
                    session,
                    until: 9,
                },
                r#"{"at":1,"session":"00000000-0000-0000-0000-000000000007","until":9}"#,
            ),
            (
                Record::Account {
                    at: 1,
                    account: session,
                    epoch: 1,
                    until: 9,
                },
                r#"{"at":1,"account":"00000000-0000-0000-0000-000000000007","epoch":1,"until":9}"#,
            ),
            (
                Record::Key {
                    at: 1,
                    key: "k".into(),
                },
                r#"{"at":1,"key":"k"}"#,
            ),
            (
                Record::Keys {
                    at: 1,
                    keys: KeysChange::Changed,
                },
                r#"{"at":1,"keys":"changed"}"#,
            ),
        ];
        for (record, json) in records {
            let written = serde_json::to_string(&record).expect("JSON");
            assert_eq!(written, json);
            let read: Record = serde_json::from_str(json).expect("a record");
            assert_eq!(read, record);
        }
        assert!(serde_json::from_str::<Record>(r#"{"at":1}"#).is_err());
        assert!(serde_json::from_str::<Record>(r#"{"at":1,"keys":"gone"}"#).is_err());
    }

    #[test]
    fn a_place_in_the_feed_is_two_plain_numbers() {
        let id = EventId {
            stream: StreamId(1_795_358_587_123_456_789),
            seq: 12,
        };
        assert_eq!(id.to_string(), "1795358587123456789.12");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in [
            "",
            "12",
            ".",
            "1.",
            ".1",
            "1.2.3",
            "+1.2",
            "1.+2",
            "1.-2",
            " 1.2",
            "1.2 ",
            "x.1",
            "1.18446744073709551616",
            "18446744073709551616.1",
        ] {
            assert_eq!(text.parse::<EventId>(), Err(NotAnId), "{text}");
        }
        let json = r#""1795358587123456789""#;
        assert_eq!(serde_json::to_string(&id.stream).expect("JSON"), json);
        assert_eq!(
            serde_json::from_str::<StreamId>(json).expect("an id"),
            id.stream
        );
        assert!(serde_json::from_str::<StreamId>("1795358587123456789").is_err());
    }
}
