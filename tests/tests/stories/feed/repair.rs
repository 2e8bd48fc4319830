//! The stream is derived: it may be lost, and nobody takes it for complete
//! before everything is told again.

use std::time::Duration;

use async_nats::jetstream::{self, stream};

use super::{complete, feed, holds_together, sessions, stored};
use crate::support::{PATIENCE, SignedIn, World, email, eventually};

/// Somebody who was sent away, after the feed was complete.
async fn sent_away(world: &World) -> (SignedIn, SignedIn) {
    let operator = world.operator().await;
    complete(world, &operator).await;
    let ada = world.register(&email("ada")).await;
    world.logout(&ada.refresh).await.expect(204);
    super::tells(world, &operator, ada.session).await;
    (operator, ada)
}

/// What must hold although the stream has just lost something: whoever starts
/// refuses her, and the feed comes back and tells of her.
async fn still_refused(world: &World, operator: &SignedIn, ada: &SignedIn, before: u64) {
    let other = world.second_service().await;
    other
        .verify(&ada.access)
        .await
        .refused(401, "token_revoked");
    let her = ada.session.to_string();
    eventually(PATIENCE, || async {
        let stored = copy(world).await;
        stored
            .iter()
            .any(|(_, payload)| String::from_utf8_lossy(payload).contains(&her))
    })
    .await;
    for client in [&world.client, &other.client] {
        eventually(PATIENCE, || async {
            let answer = feed(client, operator).await;
            let page = answer.json();
            answer.status == 200
                && page["since"].as_u64() != Some(before)
                && sessions(&page).contains_key(&ada.session)
        })
        .await;
    }
    let page = complete(world, operator).await;
    holds_together(&page, world.log.shards().into());
    let grace = world.register(&email("grace")).await;
    other.logout(&grace.refresh).await.expect(204);
    super::tells(world, operator, grace.session).await;
    super::tells(&other, operator, grace.session).await;
    // And whoever starts now finds all of it there.
    let third = world.second_service().await;
    for gone in [ada, &grace] {
        third
            .verify(&gone.access)
            .await
            .refused(401, "token_revoked");
    }
}

async fn since(world: &World, operator: &SignedIn) -> u64 {
    let page = feed(world, operator).await.expect(200).json();
    page["since"].as_u64().expect("a sequence")
}

#[tokio::test]
async fn a_purged_stream_lets_nobody_in_and_is_made_again() {
    let world = World::start().await;
    let (operator, ada) = sent_away(&world).await;
    let before = since(&world, &operator).await;
    stored(&world).await.purge().await.expect("purged");
    still_refused(&world, &operator, &ada, before).await;
}

#[tokio::test]
async fn a_stream_that_lost_its_beginning_lets_nobody_in() {
    let world = World::start().await;
    let (operator, ada) = sent_away(&world).await;
    let page = feed(&world, &operator).await.expect(200).json();
    let before = page["since"].as_u64().expect("a sequence");
    let last = page["seq"].as_u64().expect("a sequence");
    let stream = stored(&world).await;
    let purged = stream.purge().sequence(last + 1).await;
    purged.expect("purged");
    still_refused(&world, &operator, &ada, before).await;
}

#[tokio::test]
async fn a_deleted_stream_lets_nobody_in_and_is_made_again() {
    let world = World::start().await;
    let (operator, ada) = sent_away(&world).await;
    let context = jetstream::new(world.log.client().clone());
    let name = format!("{}_REVOCATIONS", world.log.prefix());
    context.delete_stream(name).await.expect("deleted");
    // The sequences begin anew, so where it begins may be the same.
    still_refused(&world, &operator, &ada, u64::MAX).await;
}

#[tokio::test]
async fn a_stream_restored_from_before_lets_nobody_in() {
    let world = World::start().await;
    let operator = world.operator().await;
    complete(&world, &operator).await;
    let copy = copy(&world).await;
    let (operator, ada) = sent_away(&world).await;
    restore(&world, &copy).await;
    still_refused(&world, &operator, &ada, u64::MAX).await;
}

#[tokio::test]
async fn a_stream_of_another_log_is_not_believed() {
    let world = World::start().await;
    let (operator, ada) = sent_away(&world).await;
    // A genesis that claims to know more than there is.
    let ends = world.ends().await;
    let beyond: Vec<u64> = ends.iter().map(|end| end + 1_000).collect();
    let claim = serde_json::json!({"v": 1, "shard": 0, "from": 0, "to": beyond[0], "records": []});
    let beat = serde_json::json!({"v": 1, "cursor": beyond, "genesis": true});
    let forged = [("0", claim), ("beat", beat)];
    let messages = forged.map(|(subject, json)| {
        let subject = format!("{}.rev.{subject}", world.log.prefix());
        (subject, json.to_string().into_bytes())
    });
    restore(&world, &messages).await;
    still_refused(&world, &operator, &ada, u64::MAX).await;
}

#[tokio::test]
async fn what_nobody_here_wrote_is_no_part_of_a_complete_feed() {
    let world = World::start().await;
    let (operator, ada) = sent_away(&world).await;
    let before = since(&world, &operator).await;
    let subject = format!("{}.rev.1", world.log.prefix());
    let context = jetstream::new(world.log.client().clone());
    let published = context.publish(subject, "{}".into()).await;
    published.expect("sent").await.expect("stored");
    eventually(PATIENCE, || async {
        let answer = feed(&world, &operator).await;
        answer.status == 200 && answer.json()["since"].as_u64() > Some(before)
    })
    .await;
    let page = feed(&world, &operator).await.expect(200).json();
    assert!(sessions(&page).contains_key(&ada.session));
}

/// Every message of the stream as NATS has it, as subject and payload.
async fn copy(world: &World) -> Vec<(String, Vec<u8>)> {
    let context = jetstream::new(world.log.client().clone());
    let name = format!("{}_REVOCATIONS", world.log.prefix());
    let mut copy = Vec::new();
    // It may be gone just now.
    let Ok(stream) = context.get_stream(name).await else {
        return copy;
    };
    let state = &stream.cached_info().state;
    for sequence in state.first_sequence..=state.last_sequence {
        if let Ok(message) = stream.get_raw_message(sequence).await {
            copy.push((message.subject.to_string(), message.payload.to_vec()));
        }
    }
    copy
}

/// Puts these in the place of what is in the stream.
async fn restore(world: &World, messages: &[(String, Vec<u8>)]) {
    let context = jetstream::new(world.log.client().clone());
    let name = format!("{}_REVOCATIONS", world.log.prefix());
    let made: stream::Config = stored(world).await.cached_info().config.clone();
    context.delete_stream(&name).await.expect("deleted");
    // A service may be quicker to make it.
    let _ = context.create_stream(made).await;
    for (subject, payload) in messages {
        let sent = context.publish(subject.clone(), payload.clone().into());
        sent.await.expect("sent").await.expect("stored");
    }
}

#[tokio::test]
async fn the_stream_is_kept_longer_than_a_token_lives() {
    let world = World::start().await;
    let operator = world.operator().await;
    complete(&world, &operator).await;
    let stream = stored(&world).await;
    let config = &stream.cached_info().config;
    let least = countersign_api::MAX_ACCESS_TOKEN + Duration::from_mins(5);
    assert!(config.max_age > least, "{:?}", config.max_age);
}
