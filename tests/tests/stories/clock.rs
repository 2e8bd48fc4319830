//! Clocks that are set back, and services whose clocks differ.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{World, email};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn paging_meets_every_event_although_a_clock_was_set_back() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let account = countersign_events::AccountId::from_uuid(ada.account);
    // Later in the log, earlier by the clock, and back again.
    for _ in 0..3 {
        world.clock.set_back(Duration::from_secs(5));
        world.rename_quietly(account).await;
        world.clock.advance(Duration::from_secs(3));
        world.rename_quietly(account).await;
    }
    let mut expected = BTreeSet::new();
    for (shard, end) in world.ends().await.iter().enumerate() {
        expected.extend((1..=*end).map(|sequence| format!("{shard}.{sequence}")));
    }
    let mut found = Vec::new();
    let mut cursor = String::new();
    for _ in 0..200 {
        let path = format!("/v1/admin/events?limit=1{cursor}");
        let page = world.get(&path).by(&operator.access).send().await;
        let items = page.items();
        found.extend(
            items
                .first()
                .map(|event| event["position"].as_str().expect("text").to_owned()),
        );
        match page.next() {
            None => break,
            Some(next) => cursor = format!("&after={next}"),
        }
    }
    let distinct: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(distinct.len(), found.len(), "twice: {found:?}");
    assert_eq!(distinct, expected);
}

#[tokio::test]
async fn a_clock_set_back_revives_nothing() {
    let world = World::start().await;
    let address = email("ada");
    let ended = world.register(&address).await;
    world.logout(&ended.refresh).await.expect(204);
    let old = world.login(&address).await;
    let new = old.renewed(&world.refresh(&old.refresh).await);
    world.later(HOUR);
    world.clock.set_back(HOUR + HOUR);
    for token in [&ended.access, &old.access, &new.access] {
        let answer = world.verify(token).await;
        assert_eq!(answer.status, 401, "{}", answer.text());
    }
    world
        .refresh(&ended.refresh)
        .await
        .refused(401, "session_revoked");
    // An hour ago by the clock: neither is that a moment ago.
    world
        .refresh(&old.refresh)
        .await
        .refused(401, "refresh_reused");
}

#[tokio::test]
async fn a_clock_that_is_a_little_off_locks_nobody_out() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    world.clock.set_back(Duration::from_secs(5));
    world.verify(&ada.access).await.expect(200);
    let ada = ada.renewed(&world.refresh(&ada.refresh).await);
    world.later(Duration::from_secs(10));
    world.verify(&ada.access).await.expect(200);
    let _ = ada.renewed(&world.refresh(&ada.refresh).await);
}
