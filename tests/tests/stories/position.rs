//! Reading one's own writes.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{World, email};

#[tokio::test]
async fn r_18_a_read_with_the_position_of_a_write_sees_it() {
    let world = World::start().await;
    let operator = world.operator().await;
    let mut ada = world.register(&email("ada")).await;
    let path = format!("/v1/admin/sessions/{}", ada.session);
    let me = format!("/v1/admin/accounts/{}", ada.account);
    for round in 0..100 {
        ada = ada.renewed(&world.refresh(&ada.refresh).await);
        let read = world
            .get(&path)
            .by(&operator.access)
            .at(&ada.position)
            .send()
            .await;
        let row = read.expect(200).json();
        assert_eq!(row["generation"], round + 2, "stale");
        assert_eq!(row["position"], ada.position);

        let name = json!({ "display_name": format!("Ada {round}") });
        let renamed = world
            .patch("/v1/me", &name)
            .by(&ada.access)
            .send()
            .await
            .expect(200);
        let read = world
            .get(&me)
            .by(&operator.access)
            .at(&renamed.position())
            .send()
            .await;
        assert_eq!(
            read.expect(200).json()["display_name"],
            name["display_name"],
            "stale"
        );
    }
}

#[tokio::test]
async fn r_18_another_service_sees_it_too() {
    let world = World::start().await;
    let other = world.second_service().await;
    let mut ada = world.register(&email("ada")).await;
    for round in 0..30 {
        ada = ada.renewed(&world.refresh(&ada.refresh).await);
        let list = other
            .get("/v1/me/sessions")
            .by(&ada.access)
            .at(&ada.position)
            .send()
            .await;
        assert_eq!(list.items()[0]["generation"], round + 2, "stale");
    }
}

#[tokio::test]
async fn a_position_that_does_not_come_is_waited_for_and_then_admitted() {
    let world = World::with(&[("position_wait_millis", "150")]).await;
    let operator = world.operator().await;
    let (shard, sequence) = operator.position.split_once('.').expect("a position");
    let future = format!(
        "{shard}.{}",
        sequence.parse::<u64>().expect("a number") + 1_000
    );
    for path in [
        "/v1/me/sessions",
        "/v1/admin/sessions",
        "/v1/admin/accounts",
    ] {
        let began = Instant::now();
        let answer = world
            .get(path)
            .by(&operator.access)
            .at(&future)
            .send()
            .await;
        answer.refused(503, "position_not_reached");
        let waited = began.elapsed();
        assert!(waited >= Duration::from_millis(150), "{waited:?}");
        assert!(waited < Duration::from_millis(900), "{waited:?}");
    }
    world
        .get("/v1/admin/sessions")
        .by(&operator.access)
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn what_is_no_position_is_refused() {
    let world = World::start().await;
    let operator = world.operator().await;
    for garbage in [
        "",
        "x",
        "1",
        "1.",
        ".1",
        "-1.1",
        "1.-1",
        "01.1",
        "1.1.1",
        "1.99999999999999999999",
        "3.1",
        "255.1",
    ] {
        let answer = world
            .get("/v1/me/sessions")
            .by(&operator.access)
            .at(garbage)
            .send()
            .await;
        answer.refused(400, "validation_failed");
    }
}

#[tokio::test]
async fn nothing_is_stale_while_nobody_projects() {
    let mut world = World::with(&[("position_wait_millis", "100")]).await;
    let mut ada = world.register(&email("ada")).await;
    world.projected().await;
    world.stop_projector().await;
    ada = ada.renewed(&world.refresh(&ada.refresh).await);
    let list = world
        .get("/v1/me/sessions")
        .by(&ada.access)
        .at(&ada.position)
        .send()
        .await;
    list.refused(503, "position_not_reached");
    let list = world.get("/v1/me/sessions").by(&ada.access).send().await;
    assert_eq!(
        list.items()[0]["generation"],
        1,
        "not asked for, not waited for"
    );
    world.start_projector().await;
    world.projected().await;
    let list = world
        .get("/v1/me/sessions")
        .by(&ada.access)
        .at(&ada.position)
        .send()
        .await;
    assert_eq!(list.items()[0]["generation"], 2);
}
