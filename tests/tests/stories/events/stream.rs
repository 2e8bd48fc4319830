//! The log, followed over HTTP.

use std::time::Duration;

use async_nats::{HeaderMap, jetstream};
use countersign_events::{AccountId, Cursor, EmailId, Position};
use countersign_log::{RawMessage, random};
use futures_util::future::join_all;
use serde_json::Value;
use uuid::Uuid;

use super::{Events, in_the_log, same, shown};
use crate::support::{Heard, Listening, PATIENCE, World, email, eventually};

const PATH: &str = "/v1/admin/events/stream";

fn events(heard: &Heard) -> Vec<Value> {
    if heard.name != "events" {
        return Vec::new();
    }
    heard.json().as_array().expect("a list").clone()
}

fn position(event: &Value) -> Position {
    let text = event["position"].as_str().expect("text");
    text.parse().expect("a position")
}

/// What stands in the log after `from`.
async fn after(world: &World, from: &[u64]) -> Events {
    let mut all = in_the_log(world).await;
    all.retain(|(position, _), _| {
        let position: Position = position.parse().expect("a position");
        position.sequence > from[usize::from(position.shard)]
    });
    all
}

/// Listens until everything that is in the log now was told.
async fn to_the_end(world: &World, listening: &mut Listening) -> Vec<Heard> {
    let end = Cursor::new(world.ends().await).to_string();
    let (last, mut heard) = listening
        .until(|event| event.id.as_ref() == Some(&end))
        .await;
    heard.push(last);
    heard
}

/// Every event once, and of each shard none before an earlier one.
#[track_caller]
fn holds(world: &World, heard: &[Heard], expected: &Events) {
    let told: Vec<Value> = heard.iter().flat_map(events).collect();
    same(&shown(&told), expected, "the stream");
    let mut last = vec![0; world.log.shards().into()];
    for at in told.iter().map(position) {
        let last = &mut last[usize::from(at.shard)];
        assert!(*last <= at.sequence, "{at} after {last}");
        *last = at.sequence;
    }
    assert!(heard.iter().all(|event| event.name != "gap"), "a gap");
}

#[tokio::test]
async fn every_event_is_told_once_in_the_order_of_its_shard() {
    let world = World::start().await;
    let other = world.second_service().await;
    let operator = world.operator().await;
    let start = world.ends().await;
    let mut listening = world.listen(PATH, &operator.access, None).await;
    let first = listening.next().await.expect("an event");
    assert_eq!(first.name, "beat", "{first:?}");
    let begin = Cursor::new(start.clone()).to_string();
    assert_eq!(first.id.as_ref(), Some(&begin), "it begins at the end");
    assert_eq!(first.json()["cursor"], begin);
    assert!(first.json()["at"].is_string(), "{first:?}");
    for _ in 0..4 {
        join_all((0..60).map(|_| world.append_something())).await;
        let ada = other.register(&email("ada")).await;
        other.logout(&ada.refresh).await.expect(204);
    }
    let heard = to_the_end(&world, &mut listening).await;
    let expected = after(&world, &start).await;
    assert!(expected.len() > 240, "only {}", expected.len());
    holds(&world, &heard, &expected);
    // The events of one decision are told together, at one place.
    for event in heard.iter().filter(|event| event.name == "events") {
        let positions: Vec<_> = events(event).iter().map(position).collect();
        assert!(positions.windows(2).all(|two| two[0] == two[1]));
        let id: Cursor = event.id.as_deref().expect("an id").parse().expect("one");
        let at = positions[0];
        assert_eq!(id.sequences()[usize::from(at.shard)], at.sequence);
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_loses_nothing_and_repeats_nothing() {
    let world = World::start().await;
    let operator = world.operator().await;
    let start = world.ends().await;
    let mut last = Cursor::new(start.clone()).to_string();
    let mut heard = Vec::new();
    for round in 0..6 {
        let appending = join_all((0..60).map(|_| world.append_something()));
        let listening = async {
            let mut listening = world.listen(PATH, &operator.access, Some(&last)).await;
            let mut told = Vec::new();
            while told.iter().flat_map(events).count() < 15 + round {
                told.push(listening.next().await.expect("it goes on"));
            }
            told
        };
        let (_, told) = tokio::join!(appending, listening);
        last = told
            .last()
            .and_then(|event| event.id.clone())
            .expect("an id");
        heard.extend(told);
    }
    let mut listening = world.listen(PATH, &operator.access, Some(&last)).await;
    heard.extend(to_the_end(&world, &mut listening).await);
    holds(&world, &heard, &after(&world, &start).await);
}

#[tokio::test]
async fn filters_leave_out_what_does_not_fit_and_nothing_else() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let start = Cursor::new(vec![0; world.log.shards().into()]).to_string();
    let account = AccountId::from_uuid(ada.account);
    world.rename_quietly(account).await;
    join_all((0..60).map(|_| world.append_something())).await;
    world.logout(&ada.refresh).await.expect(204);
    let mut listening = world.listen(PATH, &operator.access, Some(&start)).await;
    let all = to_the_end(&world, &mut listening).await;
    let all: Vec<Value> = all.iter().flat_map(events).collect();
    let by_subject = format!("subject_id={}", ada.account);
    for (filter, field, value) in [
        ("noun=session", "noun", "session"),
        ("name=ended", "name", "ended"),
        (by_subject.as_str(), "subject_id", &ada.account.to_string()),
    ] {
        let fits = |event: &&Value| event[field] == value;
        let expected: Vec<Value> = all.iter().filter(fits).cloned().collect();
        assert!(
            !expected.is_empty() && expected.len() < all.len(),
            "{filter}"
        );
        let path = format!("{PATH}?{filter}");
        let mut listening = world.listen(&path, &operator.access, Some(&start)).await;
        // Also of what it leaves out, a beat says that it was read.
        let found = to_the_end(&world, &mut listening).await;
        let found: Vec<Value> = found.iter().flat_map(events).collect();
        same(&shown(&found), &shown(&expected), filter);
    }
}

/// A reservation of shard 0, as it is stored.
async fn reservation(world: &World) -> RawMessage {
    loop {
        let before = world.ends().await;
        world.append_something().await;
        let end = world.ends().await[0];
        if end > before[0] {
            let at = Position {
                shard: 0,
                sequence: end,
            };
            let message = world.log.message(at).await.expect("the log answers");
            return message.expect("it is there");
        }
    }
}

/// Stores copies of a reservation, about others.
async fn copies(world: &World, count: usize, headers: &HeaderMap) {
    let made = reservation(world).await;
    let text = String::from_utf8(made.payload.to_vec()).expect("JSON");
    let id = made.envelope().expect("readable").header().id.to_string();
    let subject = made.subject.id.to_string();
    let context = jetstream::new(world.log.client().clone());
    let mut left = count;
    while left > 0 {
        let chunk = left.min(500);
        left -= chunk;
        let stored = (0..chunk).map(|_| async {
            let mut bytes = random::<16>().expect("randomness");
            bytes[15] = 0;
            let other = Uuid::from_bytes(bytes);
            let message = Uuid::from_bytes(random().expect("randomness"));
            let text = text.replace(&subject, &other.to_string());
            let text = text.replace(&id, &message.to_string());
            let place = world.log.subject_of(EmailId::from_uuid(other));
            assert_eq!(place.shard, 0);
            let place = place.with_prefix(world.log.prefix());
            let sent = context.publish_with_headers(place, headers.clone(), text.into());
            sent.await.expect("sent").await.expect("stored");
        });
        join_all(stored).await;
    }
}

#[tokio::test]
async fn who_is_far_behind_is_told_what_is_left_out() {
    let world = World::start().await;
    let operator = world.operator().await;
    copies(&world, 10_300, &HeaderMap::new()).await;
    let ends = world.ends().await;
    let end = ends[0];
    let from = |sequence: u64| {
        let mut after = ends.clone();
        after[0] = sequence;
        Cursor::new(after).to_string()
    };
    let count = |heard: &[Heard]| heard.iter().flat_map(events).count();
    let far = end - 10_200;
    let mut listening = world.listen(PATH, &operator.access, Some(&from(far))).await;
    let (gap, before) = listening.until(|event| event.name == "gap").await;
    assert_eq!(count(&before), 0);
    let told = gap.json();
    assert_eq!(told["shard"], 0, "{told}");
    assert_eq!(told["from"], far + 1, "{told}");
    assert_eq!(told["to"], end - 10_000, "{told}");
    assert_eq!(gap.id, Some(from(end - 10_000)));
    let rest = to_the_end(&world, &mut listening).await;
    assert_eq!(count(&rest), 10_000);
    // One fewer, and all of it is told.
    let mut listening = world
        .listen(PATH, &operator.access, Some(&from(end - 10_000)))
        .await;
    let heard = to_the_end(&world, &mut listening).await;
    assert!(heard.iter().all(|event| event.name != "gap"));
    assert_eq!(count(&heard), 10_000);
}

#[tokio::test]
async fn what_is_counted_to_leave_some_out_leaves_nothing_behind() {
    let world = World::start().await;
    world.projected().await;
    let context = jetstream::new(world.log.client().clone());
    let consumers = async || {
        let stream = context.get_stream(format!("{}_EVENTS_0", world.log.prefix()));
        let stream = stream.await.expect("the stream");
        stream.cached_info().state.consumer_count
    };
    let before = consumers().await;
    let end = world.ends().await[0];
    for from in 1..=20 {
        let count = world.log.count_from(0, from).await.expect("it answers");
        assert!(count <= end, "{count} of {end}");
    }
    // Those that follow the shard may come and go meanwhile.
    assert!(consumers().await < before + 10);
}

#[tokio::test]
async fn what_the_log_has_forgotten_is_no_gap() {
    let world = World::start().await;
    let operator = world.operator().await;
    let start = world.ends().await;
    let mut headers = HeaderMap::new();
    headers.insert("Nats-TTL", "3s");
    copies(&world, 20, &headers).await;
    world.projected().await;
    let forgotten = world.ends().await;
    join_all((0..20).map(|_| world.append_something())).await;
    let last = Position {
        shard: 0,
        sequence: forgotten[0],
    };
    let is_gone = async || world.log.message(last).await.is_ok_and(|it| it.is_none());
    eventually(PATIENCE, is_gone).await;
    let at = Cursor::new(start.clone()).to_string();
    let mut listening = world.listen(PATH, &operator.access, Some(&at)).await;
    let heard = to_the_end(&world, &mut listening).await;
    holds(&world, &heard, &after(&world, &start).await);
}

#[tokio::test]
async fn a_reader_is_sent_away_when_the_token_is_revoked_or_expires_or_the_service_stops() {
    let world = World::start().await;
    let operator = world.operator().await;
    let other = world.operator().await;
    let second = world.second_service().await;
    let mut listening = world.listen(PATH, &other.access, None).await;
    let mut stays = world.listen(PATH, &operator.access, None).await;
    let mut elsewhere = second.listen(PATH, &operator.access, None).await;
    world.logout(&other.refresh).await.expect(204);
    listening.until(|event| event.name == "end").await;
    assert!(listening.next().await.is_none());
    let is_told = |event: &Heard| event.data.contains(&other.session.to_string());
    stays.until(is_told).await;
    let ((), ()) = futures_util::join!(second.stop(), async {
        elsewhere.until(|event| event.name == "end").await;
        drop(elsewhere);
    });
    world.later(Duration::from_secs(911));
    stays.until(|event| event.name == "end").await;
    assert!(stays.next().await.is_none());
}

#[tokio::test]
async fn the_stream_is_for_those_who_read_the_log_and_for_so_many_of_them() {
    let world = World::start().await;
    let operator = world.operator().await;
    let support = world.somebody(&["user", "support"]).await;
    let refused = world.get(PATH).by(&support.access).send().await;
    refused.refused(403, "insufficient_permissions");
    let path = format!("{PATH}?noun=cat");
    let refused = world.get(&path).by(&operator.access).send().await;
    refused.refused(400, "validation_failed");
    let beyond: Vec<u64> = world.ends().await.iter().map(|end| end + 1).collect();
    for last in ["x", "1-2", &Cursor::new(beyond).to_string()] {
        let call = world.get(PATH).by(&operator.access);
        let refused = call.header("last-event-id", last).send().await;
        refused.refused(400, "validation_failed");
    }
    let mut reading = Vec::new();
    for _ in 0..64 {
        reading.push(world.listen(PATH, &operator.access, None).await);
    }
    let refused = world.get(PATH).by(&operator.access).send().await;
    refused.refused(503, "overloaded");
    drop(reading);
    let is_free = async || {
        let request = world.http.get(format!("{}{PATH}", world.url));
        let answer = request.bearer_auth(&operator.access).send().await;
        answer.is_ok_and(|answer| answer.status().as_u16() == 200)
    };
    eventually(PATIENCE, is_free).await;
}
