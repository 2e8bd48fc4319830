//! The feed over HTTP: parts of it, and server-sent events.

use std::time::{Duration, Instant};

use countersign_verifier::feed::{EventId, StreamId};
use serde_json::json;

use super::{complete, feed, sessions, stored, tells};
use crate::support::{Client, Heard, Listening, PATIENCE, World, email, eventually};

const PATH: &str = "/v1/revocations/stream";

/// Somebody who listens, from after `last`.
async fn listen(client: &Client, token: &str, last: Option<EventId>) -> Listening {
    let last = last.map(|last| last.to_string());
    client.listen(PATH, token, last.as_deref()).await
}

fn id(event: &Heard) -> Option<EventId> {
    let id = event.id.as_deref();
    id.map(|id| id.parse().expect("an id"))
}

fn has_told(event: &Heard, session: uuid::Uuid) -> bool {
    event.name == "revocations" && event.data.contains(&session.to_string())
}

#[tokio::test]
async fn a_listener_hears_of_revocations_and_beats_and_goes_on_where_it_was() {
    let world = World::start().await;
    let operator = world.operator().await;
    complete(&world, &operator).await;
    let mut listener = listen(&world, &operator.access, None).await;
    let (genesis, _) = listener
        .until(|event| event.name == "beat" && event.json()["genesis"] == true)
        .await;
    assert!(genesis.id.is_some());
    let ada = world.register(&email("ada")).await;
    world.logout(&ada.refresh).await.expect(204);
    let (told, _) = listener.until(|event| has_told(event, ada.session)).await;
    let (beat, _) = listener.until(|event| event.name == "beat").await;
    let seq = |event: &Heard| id(event).expect("an id").seq;
    assert!(seq(&beat) > seq(&told), "{beat:?}");
    drop(listener);
    let grace = world.register(&email("grace")).await;
    world.logout(&grace.refresh).await.expect(204);
    let mut again = listen(&world, &operator.access, id(&told)).await;
    let (_, before) = again.until(|event| has_told(event, grace.session)).await;
    assert!(!before.iter().any(|event| has_told(event, ada.session)));
    assert!(before.iter().all(|event| event.name != "gap"), "{before:?}");
    let last = id(&told).expect("an id");
    for (seq, event) in (last.seq + 1..).zip(before) {
        assert_eq!(id(&event), Some(EventId { seq, ..last }));
    }
}

#[tokio::test]
async fn what_can_not_be_sent_any_more_is_named() {
    let world = World::start().await;
    let operator = world.operator().await;
    let page = complete(&world, &operator).await;
    let last = page["seq"].as_u64().expect("a sequence");
    let stream = stored(&world).await;
    stream.purge().sequence(last + 1).await.expect("purged");
    eventually(PATIENCE, || async {
        let answer = feed(&world, &operator).await;
        answer.status == 200 && answer.json()["since"].as_u64() > Some(last)
    })
    .await;
    let stream = page["stream"].as_str().expect("a name");
    let stream = stream.parse().expect("digits");
    let at = |seq| EventId { stream, seq };
    let mut listener = listen(&world, &operator.access, Some(at(1))).await;
    let gap = listener.next().await.expect("an event");
    assert_eq!(gap.name, "gap");
    assert_eq!(gap.json()["from"], 2);
    let to = gap.json()["to"].as_u64().expect("a sequence");
    assert!(to >= last, "{gap:?}");
    let next = listener.next().await.expect("an event");
    assert_eq!(id(&next), Some(at(to + 1)));
    // Whoever has read another stream, further than this one goes.
    // Or another stream altogether, or none.
    let foreign = EventId {
        stream: StreamId(stream.0 - 1),
        seq: to,
    };
    let others = [at(1_000_000).to_string(), foreign.to_string()];
    for last in others.into_iter().chain(["x".into(), to.to_string()]) {
        let mut other = world.listen(PATH, &operator.access, Some(&last)).await;
        let gap = other.next().await.expect("an event");
        assert_eq!(gap.name, "gap");
        assert_eq!(gap.json()["from"], 1);
    }
}

#[tokio::test]
async fn a_listener_is_sent_away_when_its_token_is_revoked_or_expires() {
    let world = World::start().await;
    let operator = world.operator().await;
    complete(&world, &operator).await;
    let other = world.operator().await;
    let mut listener = listen(&world, &other.access, None).await;
    let mut stays = listen(&world, &operator.access, None).await;
    world.logout(&other.refresh).await.expect(204);
    listener.until(|event| event.name == "end").await;
    assert!(listener.next().await.is_none());
    stays.until(|event| has_told(event, other.session)).await;
    world.later(Duration::from_secs(911));
    stays.until(|event| event.name == "end").await;
    assert!(stays.next().await.is_none());
}

#[tokio::test]
async fn a_service_that_stops_ends_its_streams() {
    let world = World::start().await;
    let operator = world.operator().await;
    let other = world.second_service().await;
    complete(&other, &operator).await;
    let mut listener = listen(&other, &operator.access, None).await;
    let (stopping, ()) = futures_util::join!(
        async {
            let began = Instant::now();
            other.stop().await;
            began.elapsed()
        },
        async {
            listener.until(|event| event.name == "end").await;
            drop(listener);
        }
    );
    assert!(stopping < Duration::from_secs(5), "{stopping:?}");
}

#[tokio::test]
async fn r_11_listeners_that_read_nothing_slow_nobody() {
    let world = World::alone().await;
    let operator = world.operator().await;
    complete(&world, &operator).await;
    let mut quick = listen(&world, &operator.access, None).await;
    let mut idle = Vec::new();
    for _ in 0..50 {
        idle.push(listen(&world, &operator.access, None).await);
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..40 {
        let ada = world.register(&email("ada")).await;
        world.logout(&ada.refresh).await.expect(204);
        let acknowledged = Instant::now();
        quick.until(|event| has_told(event, ada.session)).await;
        slowest = slowest.max(acknowledged.elapsed());
    }
    assert!(slowest < super::BOUND, "{slowest:?}");
    assert_eq!(idle.len(), 50);
}

#[tokio::test]
async fn the_feed_is_read_in_parts_that_make_the_whole() {
    let world = World::start().await;
    let operator = world.operator().await;
    complete(&world, &operator).await;
    let mut gone = Vec::new();
    for _ in 0..5 {
        let ada = world.register(&email("ada")).await;
        world.logout(&ada.refresh).await.expect(204);
        tells(&world, &operator, ada.session).await;
        gone.push(ada.session);
    }
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/revocations?limit=2{cursor}");
        let page = world.get(&path).by(&operator.access).send().await;
        let page = page.expect(200).json();
        let part = page["items"].as_array().expect("items");
        assert!(part.len() <= 2);
        items.extend(part.iter().cloned());
        match page["next"].as_u64() {
            Some(next) => cursor = format!("&after={next}"),
            None => break,
        }
    }
    let whole = json!({ "items": items });
    super::holds_together(&whole, world.log.shards().into());
    let told = sessions(&whole);
    assert!(gone.iter().all(|session| told[session] == 1));
    let end = feed(&world, &operator).await.json()["seq"].as_u64();
    let after = format!("/v1/revocations?after={}", end.expect("an end") + 1_000);
    let nothing = world.get(&after).by(&operator.access).send().await;
    nothing.expect(200);
}

#[tokio::test]
async fn the_feed_is_for_verifiers_and_operators() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    let support = world.somebody(&["user", "support"]).await;
    let report = json!({"v": 1, "id": uuid::Uuid::from_u128(1), "name": "x", "kids": [], "max_staleness_ms": 10_000});
    for token in [&ada.access, &support.access] {
        for path in [
            "/v1/revocations",
            "/v1/revocations/stream",
            "/v1/admin/verifiers",
        ] {
            let answer = world.get(path).by(token).send().await;
            answer.refused(403, "insufficient_permissions");
        }
        let answer = world.post("/v1/revocations/report", &report).by(token);
        answer.send().await.refused(403, "insufficient_permissions");
    }
}
