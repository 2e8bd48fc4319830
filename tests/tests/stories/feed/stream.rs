//! The feed over HTTP: parts of it, and server-sent events.

use std::pin::Pin;
use std::time::{Duration, Instant};

use countersign_verifier::feed::{EventId, StreamId};
use futures_util::{Stream, StreamExt};
use serde_json::{Value, json};

use super::{complete, feed, sessions, stored, tells};
use crate::support::{Client, PATIENCE, World, email, eventually, soon};

/// One server-sent event.
#[derive(Debug, Clone, Default)]
struct Event {
    id: Option<EventId>,
    name: String,
    data: String,
}

impl Event {
    fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {}", self.data))
    }

    fn tells(&self, session: uuid::Uuid) -> bool {
        self.name == "revocations" && self.data.contains(&session.to_string())
    }
}

/// Somebody who listens.
struct Listener {
    bytes: Pin<Box<dyn Stream<Item = Vec<u8>> + Send>>,
    text: String,
}

impl Listener {
    async fn on(client: &Client, token: &str, last: Option<EventId>) -> Self {
        Self::after(client, token, last.map(|last| last.to_string())).await
    }

    async fn after(client: &Client, token: &str, last: Option<String>) -> Self {
        let url = format!("{}/v1/revocations/stream", client.url);
        let mut request = client.http.get(url).bearer_auth(token);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        let kind = answer.headers()["content-type"].to_str().expect("ASCII");
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        let bytes = answer.bytes_stream().map(|part| match part {
            Ok(part) => part.to_vec(),
            Err(error) => panic!("{error}"),
        });
        Self {
            bytes: Box::pin(bytes),
            text: String::new(),
        }
    }

    /// The next event; none if the stream is over.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let mut read = Event::default();
                for line in event.lines() {
                    match line.split_once(": ").expect("a field") {
                        ("id", id) => read.id = Some(id.parse().expect("an id")),
                        ("event", name) => name.clone_into(&mut read.name),
                        ("data", data) => data.clone_into(&mut read.data),
                        other => panic!("{other:?}"),
                    }
                }
                let read_bytes = self.text.len() - rest.len();
                self.text.drain(..read_bytes);
                return Some(read);
            }
            let part = soon(self.bytes.next()).await?;
            self.text.push_str(&String::from_utf8(part).expect("UTF-8"));
        }
    }

    /// The next event for which this holds, and those before.
    async fn until(&mut self, holds: impl Fn(&Event) -> bool) -> (Event, Vec<Event>) {
        let mut before = Vec::new();
        let reading = async {
            loop {
                let event = self.next().await.expect("it goes on");
                if holds(&event) {
                    return event;
                }
                before.push(event);
            }
        };
        let event = soon(reading).await;
        (event, before)
    }
}

#[tokio::test]
async fn a_listener_hears_of_revocations_and_beats_and_goes_on_where_it_was() {
    let world = World::start().await;
    let operator = world.operator().await;
    complete(&world, &operator).await;
    let mut listener = Listener::on(&world, &operator.access, None).await;
    let (genesis, _) = listener
        .until(|event| event.name == "beat" && event.json()["genesis"] == true)
        .await;
    assert!(genesis.id.is_some());
    let ada = world.register(&email("ada")).await;
    world.logout(&ada.refresh).await.expect(204);
    let (told, _) = listener.until(|event| event.tells(ada.session)).await;
    let (beat, _) = listener.until(|event| event.name == "beat").await;
    let seq = |event: &Event| event.id.expect("an id").seq;
    assert!(seq(&beat) > seq(&told), "{beat:?}");
    drop(listener);
    let grace = world.register(&email("grace")).await;
    world.logout(&grace.refresh).await.expect(204);
    let mut again = Listener::on(&world, &operator.access, told.id).await;
    let (_, before) = again.until(|event| event.tells(grace.session)).await;
    assert!(!before.iter().any(|event| event.tells(ada.session)));
    assert!(before.iter().all(|event| event.name != "gap"), "{before:?}");
    let last = told.id.expect("an id");
    for (seq, event) in (last.seq + 1..).zip(before) {
        assert_eq!(event.id, Some(EventId { seq, ..last }));
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
    let id = |seq| EventId { stream, seq };
    let mut listener = Listener::on(&world, &operator.access, Some(id(1))).await;
    let gap = listener.next().await.expect("an event");
    assert_eq!(gap.name, "gap");
    assert_eq!(gap.json()["from"], 2);
    let to = gap.json()["to"].as_u64().expect("a sequence");
    assert!(to >= last, "{gap:?}");
    let next = listener.next().await.expect("an event");
    assert_eq!(next.id, Some(id(to + 1)));
    // Whoever has read another stream, further than this one goes.
    // Or another stream altogether, or none.
    let foreign = EventId {
        stream: StreamId(stream.0 - 1),
        seq: to,
    };
    let others = [id(1_000_000).to_string(), foreign.to_string()];
    for last in others.into_iter().chain(["x".into(), to.to_string()]) {
        let mut other = Listener::after(&world, &operator.access, Some(last)).await;
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
    let mut listener = Listener::on(&world, &other.access, None).await;
    let mut stays = Listener::on(&world, &operator.access, None).await;
    world.logout(&other.refresh).await.expect(204);
    listener.until(|event| event.name == "end").await;
    assert!(listener.next().await.is_none());
    stays.until(|event| event.tells(other.session)).await;
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
    let mut listener = Listener::on(&other, &operator.access, None).await;
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
    let mut quick = Listener::on(&world, &operator.access, None).await;
    let mut idle = Vec::new();
    for _ in 0..50 {
        idle.push(Listener::on(&world, &operator.access, None).await);
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..40 {
        let ada = world.register(&email("ada")).await;
        world.logout(&ada.refresh).await.expect(204);
        let acknowledged = Instant::now();
        quick.until(|event| event.tells(ada.session)).await;
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
