//! What a reader of the log can prove about it later.
//!
//! A stream can lose acknowledged messages to a flipped bit and then give
//! their sequences to new ones, without a word. So the projector links what it
//! reads into one hash chain a shard and keeps the heads outside the log. Over
//! ciphertext as stored, so that erasing a person breaks nothing.

use aws_lc_rs::digest::{Context, SHA256};
use countersign_events::Position;
use countersign_log::RawMessage;

mod chain;
mod file;

pub(crate) use chain::Chain;
pub use file::{CheckpointFile, CheckpointFileError, KeyError, Signer};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The head of a chain without messages.
pub const GENESIS: Hash = [0; 32];

/// Every so many sequences the head is kept for good.
pub const KEEP_EVERY: u64 = 1_000;

/// What of a message is hashed: `shard` (1 byte), `sequence` (8 bytes, big
/// end first), the length of `subject` (2 bytes, big end first), `subject`,
/// `payload`. The payload's end is the end, so nothing is ambiguous.
fn absorb(context: &mut Context, position: Position, subject: &str, payload: &[u8]) {
    let length = u16::try_from(subject.len()).unwrap_or(u16::MAX);
    context.update(&[position.shard]);
    context.update(&position.sequence.to_be_bytes());
    context.update(&length.to_be_bytes());
    context.update(subject.as_bytes());
    context.update(payload);
}

fn finish(context: Context) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// `SHA-256(previous | message)`: the next head of a chain.
pub fn link(previous: &Hash, position: Position, subject: &str, payload: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(previous);
    absorb(&mut context, position, subject, payload);
    finish(context)
}

/// `SHA-256(0x00 | message)`: a message alone, as a leaf of RFC 6962, so that
/// a Merkle tree can be grown over the same leaves one day.
pub fn leaf(position: Position, subject: &str, payload: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    absorb(&mut context, position, subject, payload);
    finish(context)
}

/// The leaf of a message of the log with this prefix.
pub fn leaf_of(prefix: &str, message: &RawMessage) -> Hash {
    leaf(
        message.position,
        &message.subject.with_prefix(prefix),
        &message.payload,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: &Hash) -> String {
        use std::fmt::Write as _;
        hash.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    const SUBJECT: &str = "cs.evt.3.account.00000000-0000-0000-0000-000000000001";

    fn position(sequence: u64) -> Position {
        Position { shard: 3, sequence }
    }

    /// Computed by Python's hashlib over the bytes that `absorb` documents.
    #[test]
    fn known_answers() {
        let first = link(&GENESIS, position(1), SUBJECT, b"{\"envelope\":1}");
        assert_eq!(
            hex(&first),
            "34d9bd7210939904c438eeedfea7dc26a1ff34be74c917ece02ee72583aeee40"
        );
        let second = link(&first, position(8412), SUBJECT, b"");
        assert_eq!(
            hex(&second),
            "862399c4a50c02d575039044f8fa8dc308be8f02b7e7e53339fa7e1524bf42bb"
        );
        assert_eq!(
            hex(&leaf(position(1), SUBJECT, b"{\"envelope\":1}")),
            "5aa45800cc4187c82cba50426e0310cf04cf19ffde113490b7b12f5ce2bdf997"
        );
    }

    #[test]
    fn whatever_changes_changes_the_head() {
        let head = link(&GENESIS, position(1), SUBJECT, b"payload");
        let mut other = GENESIS;
        other[31] = 1;
        assert_ne!(head, link(&other, position(1), SUBJECT, b"payload"));
        assert_ne!(head, link(&GENESIS, position(2), SUBJECT, b"payload"));
        assert_ne!(head, link(&GENESIS, position(1), SUBJECT, b"payloae"));
        assert_ne!(head, link(&GENESIS, position(1), &SUBJECT[1..], b"payload"));
        let moved = format!("{SUBJECT}p");
        assert_ne!(head, link(&GENESIS, position(1), &moved, b"ayload"));
        assert_ne!(head, leaf(position(1), SUBJECT, b"payload"));
    }
}
