//! Chains over whole, thinned and changed logs.

use countersign_events::{Noun, Position, Subject};
use uuid::Uuid;

use super::*;
use crate::anchor::GENESIS;

fn position(sequence: u64) -> Position {
    Position { shard: 0, sequence }
}

fn message(sequence: u64) -> RawMessage {
    RawMessage {
        position: position(sequence),
        subject: Subject {
            shard: 0,
            noun: Noun::Session,
            id: Uuid::from_u128(sequence.into()),
        },
        payload: format!("payload {sequence}").into(),
    }
}

fn start() -> Checkpoint {
    Checkpoint {
        position: position(0),
        head: GENESIS,
    }
}

fn read(mut chain: Chain, messages: &[RawMessage]) -> Chain {
    for message in messages {
        chain.push("cs", message, true);
    }
    chain
}

fn log(sequences: impl IntoIterator<Item = u64>) -> Vec<RawMessage> {
    sequences.into_iter().map(message).collect()
}

fn anchored(sequence: u64) -> Anchor {
    read(Chain::new(start()), &log(1..=sequence))
        .anchor()
        .expect("read something")
}

fn expecting(anchors: &[Anchor]) -> Chain {
    let mut chain = Chain::new(start());
    chain.expect(anchors.iter().copied());
    chain
}

#[test]
fn the_head_does_not_depend_on_where_batches_end() {
    let whole = read(Chain::new(start()), &log(1..=9));
    let half = read(Chain::new(start()), &log(1..=4));
    let rest = read(Chain::new(half.end()), &log(5..=9));
    assert_eq!(whole.end(), rest.end());
    assert_eq!(whole.anchor(), rest.anchor());
}

#[test]
fn a_log_that_is_what_it_was_agrees() {
    let chain = read(expecting(&[anchored(3), anchored(7)]), &log(1..=9));
    assert_eq!(chain.damage(), None);
    assert_eq!(chain.end(), read(Chain::new(start()), &log(1..=9)).end());
}

#[test]
fn a_changed_message_is_found_between_its_anchors() {
    let mut changed = log(1..=9);
    changed[4].payload = "other".into();
    let chain = read(
        expecting(&[anchored(3), anchored(7), anchored(9)]),
        &changed,
    );
    assert_eq!(
        chain.damage(),
        Some(Damage::Differs {
            after: 3,
            at: position(7)
        })
    );
}

#[test]
fn forgotten_messages_are_no_damage() {
    let chain = read(
        expecting(&[anchored(3), anchored(7)]),
        &log([1, 3, 6, 7, 8]),
    );
    assert_eq!(chain.damage(), None);
    let end = read(Chain::new(start()), &log(1..=8)).end();
    assert_eq!(chain.end(), end, "it goes on from the anchored heads");
}

#[test]
fn forgotten_anchors_are_passed() {
    let mut chain = read(expecting(&[anchored(3), anchored(7)]), &log([1, 5, 8]));
    assert_eq!(chain.damage(), None);
    assert_eq!(chain.end(), read(Chain::new(start()), &log(1..=8)).end());
    chain.expect([anchored(12)]);
    chain.pass(11);
    assert_eq!(chain.end().position, position(8));
    chain.pass(12);
    assert_eq!(chain.end().position, position(12));
    assert_eq!(chain.end().head, anchored(12).head);
}

#[test]
fn a_changed_message_shows_even_when_others_are_forgotten() {
    let mut thinned = log([1, 5, 7]);
    thinned[2].payload = "other".into();
    let chain = read(expecting(&[anchored(3), anchored(7)]), &thinned);
    assert_eq!(
        chain.damage(),
        Some(Damage::Differs {
            after: 3,
            at: position(7)
        })
    );
}

#[test]
fn one_in_a_thousand_is_kept() {
    let chain = read(Chain::new(start()), &log(990..=1_010));
    let kept: Vec<u64> = chain.kept().iter().map(|a| a.position.sequence).collect();
    assert_eq!(kept, [1_000]);
    let chain = read(Chain::new(start()), &log([990, 999, 1_003, 1_004, 3_500]));
    let kept: Vec<u64> = chain.kept().iter().map(|a| a.position.sequence).collect();
    assert_eq!(kept, [1_003, 3_500], "the first at or after each thousand");
}
