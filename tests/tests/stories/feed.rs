//! The revocation feed: its stream, how it is read, and who has applied it.

mod chain;
mod receipts;
mod repair;
mod stream;

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream;
use serde_json::Value;
use uuid::Uuid;

use crate::support::{Answer, Client, PATIENCE, SignedIn, World, eventually};

/// The bound within which a revocation is told.
const BOUND: Duration = Duration::from_secs(2);

/// The whole feed as a service gives it.
async fn feed(client: &Client, operator: &SignedIn) -> Answer {
    client
        .get("/v1/revocations?limit=1000")
        .by(&operator.access)
        .send()
        .await
}

/// Waits until a service has a feed that is complete.
async fn complete(client: &Client, operator: &SignedIn) -> Value {
    eventually(PATIENCE, || async {
        feed(client, operator).await.status == 200
    })
    .await;
    feed(client, operator).await.expect(200).json()
}

/// How often each session is told of.
fn sessions(page: &Value) -> HashMap<Uuid, usize> {
    let items = page["items"].as_array().expect("items");
    let records = items
        .iter()
        .filter_map(|item| item["message"]["records"].as_array());
    let mut told = HashMap::new();
    for record in records.flatten() {
        if let Some(session) = record["session"].as_str() {
            let session = session.parse().expect("an id");
            *told.entry(session).or_default() += 1;
        }
    }
    told
}

/// Waits until a service's feed tells of a session.
async fn tells(client: &Client, operator: &SignedIn, session: Uuid) {
    eventually(BOUND, || async {
        let answer = feed(client, operator).await;
        answer.status == 200 && sessions(&answer.json()).contains_key(&session)
    })
    .await;
}

/// Checks that nothing is missing between any two messages of a feed.
#[track_caller]
fn holds_together(page: &Value, shards: usize) {
    let mut known: Vec<Option<u64>> = vec![None; shards];
    let mut last = None;
    for item in page["items"].as_array().expect("items") {
        let seq = item["seq"].as_u64().expect("a sequence");
        assert!(last.is_none_or(|last| seq == last + 1), "{last:?} {item}");
        last = Some(seq);
        if let Some(cursor) = item["beat"]["cursor"].as_array() {
            for (known, told) in known.iter_mut().zip(cursor) {
                *known = (*known).max(told.as_u64());
            }
            continue;
        }
        let message = &item["message"];
        let number = |name: &str| message[name].as_u64().expect("a number");
        let shard = usize::try_from(number("shard")).expect("a shard");
        let (from, to) = (number("from"), number("to"));
        assert!(known[shard].is_none_or(|known| from <= known), "{message}");
        assert!(from <= to, "{message}");
        known[shard] = known[shard].max(Some(to));
        for record in message["records"].as_array().expect("records") {
            let at = record["at"].as_u64().expect("a sequence");
            assert!(at > from && at <= to, "{message}");
        }
    }
}

/// The stream as NATS has it, past the service.
async fn stored(world: &World) -> jetstream::stream::Stream {
    let context = jetstream::new(world.log.client().clone());
    let name = format!("{}_REVOCATIONS", world.log.prefix());
    context.get_stream(name).await.expect("the stream")
}
