//! Every step is an event, and every event can be read.

mod stream;

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_events::Position;
use futures_util::future::join_all;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::{Client, World, email};

/// Every page of a list, from its first to its last.
async fn all_pages(client: &Client, by: &str, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    for _ in 0..10_000 {
        let page = client.get(&format!("{path}{cursor}")).by(by).send().await;
        items.extend(page.items());
        match page.next() {
            None => return items,
            Some(next) => cursor = format!("&after={next}"),
        }
    }
    panic!("{path} does not end");
}

fn names(events: &[Value]) -> Vec<&str> {
    let name = |event: &'_ Value| event["name"].is_string();
    assert!(events.iter().all(name), "{events:?}");
    events
        .iter()
        .filter_map(|event| event["name"].as_str())
        .collect()
}

/// How often each event of each position.
type Events = BTreeMap<(String, String), usize>;

/// Fails with what differs and nothing else.
#[track_caller]
fn same(found: &Events, expected: &Events, what: &str) {
    let other = |one: &Events, two: &Events| -> Vec<_> {
        let differs = |(key, count): &(&(String, String), &usize)| two.get(*key) != Some(*count);
        one.iter()
            .filter(differs)
            .map(|(key, count)| format!("{key:?} x{count}"))
            .collect()
    };
    let (more, missing) = (other(found, expected), other(expected, found));
    assert!(
        more.is_empty() && missing.is_empty(),
        "{what}: missing {missing:?}, too many {more:?}"
    );
}

/// Each shard backwards without a step forward; over all shards by time, as
/// far as clocks and concurrent appends agree on it.
#[track_caller]
fn newest_first(events: &[Value]) {
    let mut below = BTreeMap::new();
    let mut oldest = None;
    for event in events {
        let text = |name: &str| event[name].as_str().expect("text");
        let position: Position = text("position").parse().expect("a position");
        let before = below.insert(position.shard, position.sequence);
        assert!(
            before.is_none_or(|before| position.sequence <= before),
            "{event}"
        );
        let at = OffsetDateTime::parse(text("occurred_at"), &Rfc3339).expect("a time");
        let limit = oldest.map_or(at, |oldest: OffsetDateTime| oldest + Duration::from_secs(2));
        assert!(at <= limit, "{event}");
        oldest = Some(oldest.map_or(at, |oldest| oldest.min(at)));
    }
}

/// What stands in the log: how often each event of each position.
async fn in_the_log(world: &World) -> Events {
    let mut found = BTreeMap::new();
    for (shard, end) in (0u8..).zip(world.ends().await) {
        let mut from = 1;
        while from <= end {
            let range = world.log.range(shard, from, end + 1).await;
            for message in range.expect("the log answers") {
                from = message.position.sequence + 1;
                let envelope = message.envelope().expect("readable");
                for (name, _, _) in envelope.raw_events() {
                    let key = (message.position.to_string(), name.to_owned());
                    *found.entry(key).or_insert(0) += 1;
                }
            }
        }
    }
    found
}

fn shown(events: &[Value]) -> Events {
    let mut found = BTreeMap::new();
    for event in events {
        let text = |name: &str| event[name].as_str().expect("text").to_owned();
        *found.entry((text("position"), text("name"))).or_insert(0) += 1;
    }
    found
}

#[tokio::test]
async fn every_step_is_an_event_that_says_who_and_in_which_request() {
    let world = World::start().await;
    let operator = world.operator().await;
    let address = email("ada");
    let ada = world.register(&address).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let form = serde_json::json!({ "refresh_token": ada.refresh });
    let refreshed = world
        .post("/v1/auth/refresh", &form)
        .header("traceparent", trace);
    let refreshed = refreshed.send().await.expect(200);
    let left = world.logout(&ada.refresh).await.expect(204);

    let path = format!("/v1/admin/accounts/{}/events?limit=1", ada.account);
    let account = all_pages(&world, &operator.access, &path).await;
    assert_eq!(
        names(&account),
        [
            "registered",
            "credential_set",
            "verification_requested",
            "device_added"
        ]
    );
    let path = format!("/v1/admin/sessions/{}/events?limit=1", ada.session);
    let session = all_pages(&world, &operator.access, &path).await;
    assert_eq!(names(&session), ["started", "refreshed", "ended"]);

    assert_eq!(
        session[1]["correlation_id"],
        refreshed.header("countersign-request-id")
    );
    assert_eq!(session[1]["trace_parent"], trace);
    assert_eq!(session[1]["position"], refreshed.position());
    assert_eq!(session[2]["position"], left.position());
    assert_eq!(session[2]["payload"]["reason"], "logout");
    for event in account.iter().chain(&session) {
        assert_eq!(event["actor"]["kind"], "account", "{event}");
        assert_eq!(event["actor"]["id"], ada.account.to_string(), "{event}");
        let text = event.to_string();
        assert!(
            !text.contains(&address) && !text.contains("127.0.0.1"),
            "{event}"
        );
    }
    let nobody = uuid::Uuid::from_u128(7);
    for kind in ["accounts", "sessions"] {
        let path = format!("/v1/admin/{kind}/{nobody}/events");
        world
            .get(&path)
            .by(&operator.access)
            .send()
            .await
            .refused(404, "not_found");
    }
}

#[tokio::test]
async fn paging_backwards_meets_every_event_exactly_once() {
    let world = World::start().await;
    let operator = world.operator().await;
    // Several stretches of every shard, unevenly filled.
    for _ in 0..30 {
        join_all((0..60).map(|_| world.append_something())).await;
    }
    let ada = world.register(&email("ada")).await;
    let account = countersign_events::AccountId::from_uuid(ada.account);
    for _ in 0..30 {
        world.rename_quietly(account).await;
    }
    let expected = in_the_log(&world).await;
    for limit in [200, 37] {
        let path = format!("/v1/admin/events?limit={limit}");
        let events = all_pages(&world, &operator.access, &path).await;
        same(&shown(&events), &expected, &format!("limit {limit}"));
        newest_first(&events);
    }
}

#[tokio::test]
async fn filters_find_all_that_fits_and_nothing_else() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    for _ in 0..12 {
        join_all((0..60).map(|_| world.append_something())).await;
        let account = countersign_events::AccountId::from_uuid(ada.account);
        world.rename_quietly(account).await;
    }
    let login = world.register(&email("grace")).await;
    world.logout(&login.refresh).await.expect(204);
    let path = "/v1/admin/events?limit=50";
    let everything = all_pages(&world, &operator.access, path).await;
    let by_subject = format!("subject_id={}", ada.account);
    for (filter, noun, name, subject) in [
        ("noun=account", Some("account"), None, None),
        ("noun=session", Some("session"), None, None),
        ("noun=key", Some("key"), None, None),
        ("name=ended", None, Some("ended"), None),
        ("name=profile_changed", None, Some("profile_changed"), None),
        (by_subject.as_str(), None, None, Some(ada.account)),
        (
            "noun=email&name=reserved",
            Some("email"),
            Some("reserved"),
            None,
        ),
        (
            "noun=session&name=registered",
            Some("session"),
            Some("registered"),
            None,
        ),
    ] {
        let fits = |event: &&Value| {
            noun.is_none_or(|noun| event["noun"] == noun)
                && name.is_none_or(|name| event["name"] == name)
                && subject.is_none_or(|id| event["subject_id"] == id.to_string())
        };
        let expected: Vec<Value> = everything.iter().filter(fits).cloned().collect();
        for limit in [200, 7] {
            let path = format!("/v1/admin/events?limit={limit}&{filter}");
            let found = all_pages(&world, &operator.access, &path).await;
            same(&shown(&found), &shown(&expected), filter);
        }
    }
    let path = "/v1/admin/events?noun=cat";
    world
        .get(path)
        .by(&operator.access)
        .send()
        .await
        .refused(400, "validation_failed");
}
