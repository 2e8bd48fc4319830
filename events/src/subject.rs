//! Subjects: `<prefix>.evt.<shard>.<noun>.<id>`.

use core::fmt;

use uuid::Uuid;

use crate::{EntityId, Noun};

/// The shard of a placement byte in a log of `shards` shards.
pub const fn shard_of(placement: u8, shards: u8) -> u8 {
    placement % shards
}

/// The name of the JetStream stream that holds one shard.
pub fn stream_name(prefix: &str, shard: u8) -> String {
    format!("{prefix}_EVENTS_{shard}")
}

/// A subject without its deployment's prefix: which entity, in which shard.
///
/// Never personal data: subjects are visible to everyone who may look at the
/// NATS server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The shard the entity is placed in.
    pub shard: u8,
    /// What kind of entity it is.
    pub noun: Noun,
    /// Which one.
    pub id: Uuid,
}

/// The text is no subject of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a subject of this log")]
pub struct SubjectError;

impl Subject {
    /// The subject of an entity in a log of `shards` shards.
    pub fn of<I: EntityId>(id: I, shards: u8) -> Self {
        Self {
            shard: shard_of(id.placement(), shards),
            noun: I::NOUN,
            id: id.uuid(),
        }
    }

    /// The full subject under a deployment's prefix.
    pub fn with_prefix(self, prefix: &str) -> String {
        let Self { shard, noun, id } = self;
        format!("{prefix}.evt.{shard}.{noun}.{}", id.hyphenated())
    }

    /// Reads a full subject back.
    pub fn parse(prefix: &str, subject: &str) -> Result<Self, SubjectError> {
        let rest = subject
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix(".evt."))
            .ok_or(SubjectError)?;
        let mut parts = rest.splitn(3, '.');
        let mut next = || parts.next().ok_or(SubjectError);
        let (shard, noun, id) = (next()?, next()?, next()?);
        Ok(Self {
            shard: shard.parse().map_err(|_| SubjectError)?,
            noun: noun.parse().map_err(|_| SubjectError)?,
            id: Uuid::try_parse(id).map_err(|_| SubjectError)?,
        })
    }
}

/// `<noun> <id>`, for messages to people.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.noun, self.id.hyphenated())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountId, Timestamp};

    #[test]
    fn a_subject_reads_back() {
        let id = AccountId::generate(Timestamp::from_millis(1_780_000_000_000), [11; 10]);
        let subject = Subject::of(id, 8);
        let text = subject.with_prefix("cs");
        assert_eq!(text, format!("cs.evt.3.account.{id}"));
        assert_eq!(Subject::parse("cs", &text), Ok(subject));
    }

    #[test]
    fn foreign_subjects_are_refused() {
        for text in [
            "",
            "cs.evt",
            "cs.evt.1.account",
            "xx.evt.1.account.00000000-0000-0000-0000-000000000000",
            "cs.evt.1.cat.00000000-0000-0000-0000-000000000000",
            "cs.evt.300.account.00000000-0000-0000-0000-000000000000",
            "cs.evt.1.account.x",
        ] {
            assert_eq!(Subject::parse("cs", text), Err(SubjectError), "{text}");
        }
    }
}
