//! A state hint is never wrong: it says what the events before it and beside
//! it say, or it is of another version and ignored.

use std::collections::BTreeMap;

use countersign_domain::{Aggregate, Fact, Session};
use countersign_events::{Noun, RawEnvelope, SessionEvent, Subject};
use serde_json::Value;
use uuid::Uuid;

use super::tree::Tree;

/// The stored messages of sessions by session, in the order of time.
fn golden_sessions() -> Vec<Vec<(&'static str, &'static str)>> {
    let mut sessions: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (path, text) in Tree::repository().ending(".json") {
        if !path.starts_with("events/golden/session.") {
            continue;
        }
        let message: Value = serde_json::from_str(text).expect("JSON");
        let id = message["subject_id"].as_str().expect("an id").to_owned();
        let at = message["occurred_at"].as_i64().expect("a time");
        sessions.entry(id).or_default().push((at, path, text));
    }
    let stories = sessions.into_values().map(|mut story| {
        story.sort_unstable();
        story
            .into_iter()
            .map(|(_, path, text)| (path, text))
            .collect()
    });
    stories.collect()
}

#[test]
fn a_stored_hint_says_what_the_events_say() {
    let mut compared = 0;
    for story in golden_sessions() {
        let mut folded = Session::default();
        for (sequence, (path, text)) in (1..).zip(story) {
            let message: Value = serde_json::from_str(text).expect("JSON");
            let id = message["subject_id"].as_str().expect("an id");
            let subject = Subject {
                shard: 0,
                noun: Noun::Session,
                id: Uuid::try_parse(id).expect("a UUID"),
            };
            let envelope = RawEnvelope::parse(subject, text.as_bytes()).expect("a golden file");
            let header = envelope.header();
            for event in envelope.events::<SessionEvent>().expect("a golden file") {
                let fact = Fact {
                    occurred_at: header.occurred_at,
                    sequence,
                    message: header.id,
                };
                folded.evolve(&event, fact);
            }
            let hint = envelope.state().expect("session messages carry a hint");
            let Some(restored) = Session::restore(hint) else {
                continue; // of another version: the subject is folded instead
            };
            let again = restored.snapshot().expect("a session that was started");
            assert_eq!(again.get(), hint.get(), "{path}");
            // A story without its beginning has nothing to compare with.
            if folded.get().is_some() {
                assert_eq!(restored, folded, "{path}");
                compared += 1;
            }
        }
    }
    let current = serde_json::json!({ "v": 0 }).to_string();
    let foreign = serde_json::value::RawValue::from_string(current).expect("JSON");
    assert_eq!(
        Session::restore(&foreign),
        None,
        "a hint of another version"
    );
    assert!(compared >= 5, "only {compared} hints were compared");
}
