//! Two services over one log, with nothing else in common.

use std::time::{Duration, Instant};

use crate::support::{World, email, eventually};

/// The bound within which a revoked token is refused everywhere.
const BOUND: Duration = Duration::from_millis(250);

#[tokio::test]
async fn what_one_service_begins_the_other_goes_on_with() {
    let world = World::start().await;
    let other = world.second_service().await;
    for round in 0..10 {
        let address = email("ada");
        let ada = world.register(&address).await;
        other.verify(&ada.access).await.expect(200);
        let ada = ada.renewed(&other.refresh(&ada.refresh).await);
        let ada = ada.renewed(&world.refresh(&ada.refresh).await);
        world.verify(&ada.access).await.expect(200);
        let again = other.login(&address).await;
        assert_eq!(again.account, ada.account, "round {round}");
        // A lost answer may be asked for again anywhere.
        let here = world.refresh(&again.refresh).await;
        let there = other.refresh(&again.refresh).await;
        assert_eq!(again.renewed(&here).refresh, again.renewed(&there).refresh);
    }
}

#[tokio::test]
async fn a_session_that_ends_at_one_service_is_refused_by_the_other_within_the_bound() {
    let world = World::alone().await;
    let other = world.second_service().await;
    let mut slowest = Duration::ZERO;
    for round in 0..20 {
        let address = email("ada");
        let ada = world.register(&address).await;
        world.verify(&ada.access).await.expect(200);
        match round % 3 {
            0 => drop(other.logout(&ada.refresh).await.expect(204)),
            1 => {
                let all = other.post_nothing("/v1/auth/logout-all").by(&ada.access);
                drop(all.send().await.expect(204));
            }
            _ => {
                let path = format!("/v1/me/sessions/{}", ada.session);
                drop(other.delete(&path).by(&ada.access).send().await.expect(204));
            }
        }
        let acknowledged = Instant::now();
        other
            .verify(&ada.access)
            .await
            .refused(401, "token_revoked");
        eventually(BOUND, || async {
            world.verify(&ada.access).await.code() == "token_revoked"
        })
        .await;
        slowest = slowest.max(acknowledged.elapsed());
        world
            .refresh(&ada.refresh)
            .await
            .refused(401, "session_revoked");
        let back = world.login(&address).await;
        other.verify(&back.access).await.expect(200);
    }
    assert!(slowest < BOUND, "{slowest:?}");
}

#[tokio::test]
async fn a_token_reused_at_one_service_ends_the_session_at_both() {
    let world = World::start().await;
    let other = world.second_service().await;
    let ada = world.register(&email("ada")).await;
    let next = ada.renewed(&world.refresh(&ada.refresh).await);
    world.later(Duration::from_secs(11));
    other
        .refresh(&ada.refresh)
        .await
        .refused(401, "refresh_reused");
    world
        .refresh(&next.refresh)
        .await
        .refused(401, "refresh_reused");
    eventually(BOUND, || async {
        world.verify(&next.access).await.code() == "token_revoked"
    })
    .await;
}

#[tokio::test]
async fn a_service_knows_from_its_first_answer_who_was_sent_away() {
    let world = World::start().await;
    let address = email("ada");
    let mut gone = vec![world.register(&address).await];
    world.logout(&gone[0].refresh).await.expect(204);
    let one = world.login(&address).await;
    let two = world.login(&address).await;
    world
        .post_nothing("/v1/auth/logout-all")
        .by(&one.access)
        .send()
        .await
        .expect(204);
    gone.extend([one, two]);
    let back = world.login(&address).await;
    let other = world.second_service().await;
    for gone in &gone {
        other
            .verify(&gone.access)
            .await
            .refused(401, "token_revoked");
        other
            .refresh(&gone.refresh)
            .await
            .refused(401, "session_revoked");
    }
    other.verify(&back.access).await.expect(200);
    other.stop().await;
    world.verify(&back.access).await.expect(200);
}
