//! One chain of messages, whoever writes it.

use super::{BOUND, complete, feed, holds_together, sessions, tells};
use crate::support::{World, email, eventually, logged};

#[tokio::test]
async fn two_services_write_one_chain_that_tells_everything_once() {
    let (world, others) = World::start_several(1).await;
    let other = &others[0];
    let operator = world.operator().await;
    complete(&world, &operator).await;
    let mut gone = Vec::new();
    for round in 0..24 {
        let ada = world.register(&email("ada")).await;
        let client = if round % 2 == 0 {
            &world.client
        } else {
            &other.client
        };
        client.logout(&ada.refresh).await.expect(204);
        gone.push(ada.session);
    }
    for client in [&world.client, &other.client] {
        eventually(BOUND, || async {
            let told = sessions(&feed(client, &operator).await.json());
            gone.iter().all(|session| told.contains_key(session))
        })
        .await;
        let page = feed(client, &operator).await.expect(200).json();
        holds_together(&page, world.log.shards().into());
        let told = sessions(&page);
        for session in &gone {
            assert_eq!(told[session], 1, "told once");
        }
    }
    let ends = |page: serde_json::Value| page["since"].clone();
    let here = ends(feed(&world, &operator).await.json());
    assert_eq!(here, ends(feed(other, &operator).await.json()));
}

#[tokio::test]
async fn when_the_writer_stops_another_goes_on() {
    let (world, others) = World::start_several(2).await;
    let operator = world.operator().await;
    complete(&world, &operator).await;
    let mut gone = Vec::new();
    for other in others {
        for _ in 0..3 {
            let ada = world.register(&email("ada")).await;
            other.logout(&ada.refresh).await.expect(204);
            gone.push(ada.session);
        }
        other.stop().await;
        let ada = world.register(&email("ada")).await;
        world.logout(&ada.refresh).await.expect(204);
        tells(&world, &operator, ada.session).await;
        gone.push(ada.session);
    }
    let page = feed(&world, &operator).await.expect(200).json();
    holds_together(&page, world.log.shards().into());
    let told = sessions(&page);
    assert!(gone.iter().all(|session| told[session] == 1));
}

#[tokio::test]
async fn a_service_begins_where_a_complete_stream_ends_and_knows_who_was_sent_away() {
    let logged = logged();
    let world = World::start().await;
    let operator = world.operator().await;
    complete(&world, &operator).await;
    let ada = world.register(&email("ada")).await;
    let everywhere = world.register(&email("ada")).await;
    world.logout(&ada.refresh).await.expect(204);
    let all = world
        .post_nothing("/v1/auth/logout-all")
        .by(&everywhere.access);
    all.send().await.expect(204);
    tells(&world, &operator, ada.session).await;
    let other = world.second_service().await;
    for gone in [&ada, &everywhere] {
        other
            .verify(&gone.access)
            .await
            .refused(401, "token_revoked");
    }
    other.verify(&operator.access).await.expect(200);
    let prefix = format!("prefix=\"{}\"", world.log.prefix());
    let text = logged.text();
    let begun = text
        .lines()
        .filter(|line| line.contains(&prefix) && line.contains("begins where the stream"));
    assert_eq!(begun.count(), 1, "the second, and not the first");
}
