//! One refresh token, presented by many at the same time.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::support::{Client, SignedIn, World, email};

const RACERS: usize = 200;

/// Every racer presents the token; they share out the services.
async fn race(services: &[&Client], token: &str) -> (BTreeSet<String>, Vec<String>) {
    let racing = (0..RACERS).map(|racer| services[racer % services.len()].refresh(token));
    let (mut successors, mut access) = (BTreeSet::new(), Vec::new());
    for answer in join_all(racing).await {
        if answer.status == 200 {
            let body = answer.json();
            successors.insert(body["refresh_token"].as_str().expect("a token").to_owned());
            access.push(body["access_token"].as_str().expect("a token").to_owned());
        } else {
            // Told to come back, and not that the token is bad.
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (503, "unavailable"),
                "{}",
                answer.text()
            );
        }
    }
    (successors, access)
}

async fn rounds(world: &World, services: &[&Client], ada: SignedIn, rounds: u32) {
    let mut token = ada.refresh.clone();
    for round in 1..=rounds {
        let (successors, access) = race(services, &token).await;
        assert_eq!(successors.len(), 1, "round {round}: {successors:?}");
        assert!(!access.is_empty());
        let id = countersign_events::SessionId::from_uuid(ada.session);
        let session = world
            .app
            .sessions
            .current(id)
            .await
            .expect("the log answers");
        let live = session.state.get().expect("a session");
        assert_eq!(live.generation, round + 1, "advanced by one");
        assert_eq!(live.ended, None, "round {round}");
        token = successors.into_iter().next().expect("one");
        world.verify(access.last().expect("one")).await.expect(200);
    }
    let subject = world
        .log
        .subject_of(countersign_events::SessionId::from_uuid(ada.session));
    let history = world
        .log
        .history(subject, 1)
        .await
        .expect("the log answers");
    assert_eq!(
        history.len(),
        1 + rounds as usize,
        "started, and refreshed once a round"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ab_39_one_of_200_concurrent_refreshes_wins_and_the_others_get_the_same() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    rounds(&world, &[&world.client], ada, 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ab_39_one_wins_also_if_two_services_are_asked() {
    let world = World::start().await;
    let other = world.second_service().await;
    let ada = world.register(&email("ada")).await;
    rounds(&world, &[&world.client, &other.client], ada, 20).await;
}
