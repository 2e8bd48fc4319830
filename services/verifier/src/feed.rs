//! What a deployment tells its verifiers, and what they tell it back.
//!
//! The feed is a stream of two kinds of JSON message: a [`Message`] says what
//! a stretch of one shard of the log revokes, a [`Beat`] says how far all
//! shards have been told. Each message names the stretch it covers, so a
//! reader sees for itself when something between two of them is missing.

use serde::{Deserialize, Serialize};
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
}
