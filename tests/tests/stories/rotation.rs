//! Refresh tokens: rotated, repeated, reused.

use std::time::Duration;

use crate::support::{World, claims_of, email};

#[tokio::test]
async fn a_lost_answer_can_be_asked_for_again_and_is_the_same() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    let first = world.refresh(&ada.refresh).await;
    let before = world.ends().await;
    world.later(Duration::from_secs(9));
    let again = world.refresh(&ada.refresh).await;
    let (first, again) = (ada.renewed(&first), ada.renewed(&again));
    assert_eq!(first.refresh, again.refresh, "byte for byte");
    assert_ne!(first.access, again.access, "the access token is fresh");
    assert_eq!(world.ends().await, before, "nothing happened");
    for token in [&first.access, &again.access] {
        world.verify(token).await.expect(200);
    }
    let next = again.renewed(&world.refresh(&again.refresh).await);
    world.verify(&next.access).await.expect(200);
}

#[tokio::test]
async fn ab_40_a_token_rotated_away_ends_the_session_once_the_grace_is_over() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let next = ada.renewed(&world.refresh(&ada.refresh).await);
    world.later(Duration::from_secs(11));
    world
        .refresh(&ada.refresh)
        .await
        .refused(401, "refresh_reused");
    for token in [&ada.access, &next.access] {
        world.verify(token).await.refused(401, "token_revoked");
    }
    for token in [&ada.refresh, &next.refresh] {
        world.refresh(token).await.refused(401, "refresh_reused");
    }
    let path = format!("/v1/admin/sessions/{}/events", ada.session);
    let events = world.get(&path).by(&operator.access).send().await.items();
    let names: Vec<_> = events.iter().map(|event| event["name"].clone()).collect();
    assert_eq!(names, ["started", "refreshed", "refresh_reused", "ended"]);
    assert_eq!(events[2]["payload"]["presented"], 1);
    assert_eq!(events[2]["payload"]["live"], 2);
    assert_eq!(events[3]["payload"]["reason"], "refresh_reused");
    world.projected().await;
    let overview = world
        .get("/v1/admin/overview")
        .by(&operator.access)
        .send()
        .await
        .expect(200);
    assert_eq!(overview.json()["refresh_reused_24h"], 1);
}

#[tokio::test]
async fn ab_40_a_token_is_reused_as_soon_as_its_successor_has_been_used() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    let second = ada.renewed(&world.refresh(&ada.refresh).await);
    let third = second.renewed(&world.refresh(&second.refresh).await);
    // Within ten seconds, but the chain has gone on.
    world
        .refresh(&ada.refresh)
        .await
        .refused(401, "refresh_reused");
    world
        .refresh(&third.refresh)
        .await
        .refused(401, "refresh_reused");
    world
        .verify(&third.access)
        .await
        .refused(401, "token_revoked");
}

#[tokio::test]
async fn ab_27_a_refresh_does_not_change_how_the_person_proved_who_they_are() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    world.later(Duration::from_mins(20));
    let next = ada.renewed(&world.refresh(&ada.refresh).await);
    let (old, new) = (claims_of(&ada.access), claims_of(&next.access));
    for claim in [
        "auth_time",
        "acr",
        "amr",
        "sid",
        "sub",
        "client_id",
        "epoch",
        "roles",
        "iss",
        "aud",
    ] {
        assert_eq!(old[claim], new[claim], "{claim}");
    }
    for claim in ["jti", "iat", "exp"] {
        assert_ne!(old[claim], new[claim], "{claim}");
    }
    let verified = world.verify(&next.access).await.expect(200).json();
    let auth_time = verified["auth_time"].as_str().expect("a time");
    assert!(auth_time < verified["expires_at"].as_str().expect("a time"));
}

#[tokio::test]
async fn the_refresh_of_one_session_leaves_the_others_alone() {
    let world = World::start().await;
    let address = email("ada");
    let one = world.register(&address).await;
    let two = world.login(&address).await;
    let next = one.renewed(&world.refresh(&one.refresh).await);
    world.later(Duration::from_secs(11));
    world
        .refresh(&one.refresh)
        .await
        .refused(401, "refresh_reused");
    world
        .verify(&next.access)
        .await
        .refused(401, "token_revoked");
    world.verify(&two.access).await.expect(200);
    let _ = two.renewed(&world.refresh(&two.refresh).await);
}
