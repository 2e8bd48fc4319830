//! The revocation feed: what verifiers are told, and what they tell.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

/// One thing that was revoked. It has one of `session`, `account`, `key` and
/// `keys`, which says what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct FeedRecord {
    /// The sequence of the deciding message in its shard of the log.
    pub at: u64,
    /// One session, or one grant of a service, is over: the `sid` of its
    /// tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Uuid>,
    /// Tokens with this `sub` and a lower `epoch` are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Uuid>,
    /// The lowest epoch that is still good; with `account`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// From this Unix second on no token that is meant can be valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Everything this key signed is refused, for good: its `kid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `changed`: the published keys are others; fetch them again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
}

impl Example for FeedRecord {
    fn example() -> Self {
        Self {
            at: 8_412,
            session: Some(uuid!("019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07")),
            account: None,
            epoch: None,
            until: Some(1_795_358_587),
            key: None,
            keys: None,
        }
    }
}

/// Everything that a stretch of one shard of the log revokes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct FeedMessage {
    /// The version of the format: 1.
    pub v: u8,
    /// The shard.
    pub shard: u8,
    /// Earlier messages have told everything up to this sequence. If they have
    /// not, something is missing: read the feed again from its start.
    pub from: u64,
    /// This message tells everything up to this one.
    pub to: u64,
    /// What is revoked.
    pub records: Vec<FeedRecord>,
}

impl Example for FeedMessage {
    fn example() -> Self {
        Self {
            v: 1,
            shard: 3,
            from: 8_400,
            to: 8_412,
            records: vec![FeedRecord::example()],
        }
    }
}

/// How far every shard has been told, about once a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct FeedBeat {
    /// The version of the format: 1.
    pub v: u8,
    /// A sequence for each shard.
    pub cursor: Vec<u64>,
    /// Whether the messages just before have told everything again.
    pub genesis: bool,
}

impl Example for FeedBeat {
    fn example() -> Self {
        Self {
            v: 1,
            cursor: vec![8_391, 8_412],
            genesis: false,
        }
    }
}

/// One entry of the feed: a message or a beat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example, skip_serializing_if_is_none)]
pub struct FeedItem {
    /// Where it stands in the feed.
    pub seq: u64,
    /// What was revoked; left out of a beat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<FeedMessage>,
    /// How far all has been told; left out of a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beat: Option<FeedBeat>,
}

impl Example for FeedItem {
    fn example() -> Self {
        Self {
            seq: 31_007,
            message: Some(FeedMessage::example()),
            beat: None,
        }
    }
}

/// A part of the feed, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct FeedPage {
    /// Names the stream that these are of: digits. Another name, and all that
    /// was read before counts for nothing.
    pub stream: String,
    /// Its entries.
    pub items: Vec<FeedItem>,
    /// The `after` of the next part; null if there is no more yet.
    #[oai(nullable)]
    pub next: Option<u64>,
    /// Where the feed ends.
    pub seq: u64,
    /// Who has read the feed from here on knows everything that can concern a
    /// valid token.
    pub since: u64,
}

impl Example for FeedPage {
    fn example() -> Self {
        Self {
            stream: "1795358587123456789".to_owned(),
            items: vec![FeedItem::example()],
            next: None,
            seq: 31_007,
            since: 28_114,
        }
    }
}

/// What a verifier says of itself, about once a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct VerifierReport {
    /// The version of the format: 1.
    #[oai(validator(minimum(value = "1"), maximum(value = "1")))]
    pub v: u8,
    /// Drawn at random when the verifier was made.
    pub id: Uuid,
    /// What its service is called.
    #[oai(validator(min_length = 1, max_length = 64))]
    pub name: String,
    /// Where in the feed it is; null before it has read it.
    #[oai(nullable)]
    #[serde(default)]
    pub seq: Option<u64>,
    /// How far it has applied every shard; null before it knows.
    #[oai(nullable, validator(max_items = 64))]
    #[serde(default)]
    pub cursor: Option<Vec<u64>>,
    /// The ids of the keys it holds.
    #[oai(validator(max_items = 32))]
    pub kids: Vec<String>,
    /// How long ago it was proven complete, in milliseconds; null before the
    /// first proof.
    #[oai(nullable)]
    #[serde(default)]
    pub staleness_ms: Option<u64>,
    /// From how much on it trusts itself no more, in milliseconds.
    #[oai(validator(minimum(value = "1"), maximum(value = "300000")))]
    pub max_staleness_ms: u64,
    /// Whether it says good-bye.
    #[oai(default)]
    #[serde(default)]
    pub leaving: bool,
}

impl Example for VerifierReport {
    fn example() -> Self {
        Self {
            v: 1,
            id: uuid!("6f9f2e0c-52a8-4f3e-9a51-3d9b0c8a7e11"),
            name: "orders".to_owned(),
            seq: Some(31_007),
            cursor: Some(vec![8_391, 8_412]),
            kids: vec!["2uXhVd1m".to_owned()],
            staleness_ms: Some(840),
            max_staleness_ms: 10_000,
            leaving: false,
        }
    }
}

/// The answer to a report: `age_ms` before it was given, the feed up to `seq`
/// told everything that was in the log, which ended at `cursor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct ReportAnswer {
    /// The version of the format: 1.
    pub v: u8,
    /// Names the stream that is meant: digits. The answer says nothing of any
    /// other.
    pub stream: String,
    /// A sequence of the feed.
    pub seq: u64,
    /// Where the shards of the log ended.
    pub cursor: Vec<u64>,
    /// How old this knowledge is.
    pub age_ms: u64,
    /// Who has read the feed from here on knows everything that can concern a
    /// valid token.
    pub since: u64,
}

impl Example for ReportAnswer {
    fn example() -> Self {
        Self {
            v: 1,
            stream: "1795358587123456789".to_owned(),
            seq: 31_007,
            cursor: vec![8_391, 8_412],
            age_ms: 412,
            since: 28_114,
        }
    }
}
