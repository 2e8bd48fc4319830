//! A key from its making to its end.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use countersign_log::VaultKey;
use serde_json::json;

use super::{PUBLISHED, WINDOW, kid, kid_of, list, publishes, rotate, states};
use crate::support::{PATIENCE, Service, World, email, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_is_noticed_by_nobody() {
    let world = World::start().await;
    let other = world.second_service().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let first = kid_of(&ada.access);

    let answer = rotate(&world, &operator, false).await.expect(202);
    answer.position();
    let second = kid(&answer);
    assert_eq!(answer.json()["state"], "next");
    // Both services publish it at once, and neither signs with it.
    for service in [&*world, &other] {
        publishes(service, &[&first, &second]).await;
    }
    world.later(PUBLISHED.saturating_sub(Duration::from_secs(20)));
    for service in [&*world, &other] {
        service.app.turn_keys().await.expect("the log answers");
        let grace = service.register(&email("grace")).await;
        assert_eq!(kid_of(&grace.access), first, "too early");
    }
    let again = rotate(&other, &operator, false).await.expect(202);
    assert_eq!(kid(&again), second, "the same key waits");

    world.later(Duration::from_secs(20));
    world.signs_with(&second).await;
    eventually_signs(&other, &second).await;
    for service in [&*world, &other] {
        let grace = service.register(&email("grace")).await;
        assert_eq!(kid_of(&grace.access), second);
        // Who signed in before is believed, and goes on.
        service.verify(&ada.access).await.expect(200);
        publishes(service, &[&first, &second]).await;
    }
    let listed = list(&other, &operator).await;
    assert_eq!(
        states(&listed),
        [(second.as_str(), "active"), (first.as_str(), "retiring")]
    );
    let ada = ada.renewed(&other.refresh(&ada.refresh).await);
    assert_eq!(kid_of(&ada.access), second);

    // The last token of the first key is over before the key is.
    world.later(WINDOW.saturating_sub(Duration::from_secs(20)));
    world.app.turn_keys().await.expect("the log answers");
    publishes(&other, &[&first, &second]).await;
    let ring = world.ring().await;
    let private = VaultKey::Secret(ring.state.get(&first).expect("it was made").secret);
    let vault = world.log.vault();
    assert!(vault.get(private).await.expect("it answers").is_some());
    world.later(Duration::from_secs(40));
    world
        .turned(async || vault.get(private).await.expect("it answers").is_none())
        .await;
    for service in [&*world, &other] {
        publishes(service, &[&second]).await;
    }
    let operator = world.operator().await;
    let listed = list(&world, &operator).await;
    assert_eq!(listed[1]["state"], "retired");
    assert!(listed[1]["retires_at"].is_string(), "{listed:?}");
}

async fn eventually_signs(service: &Service, kid: &str) {
    eventually(PATIENCE, || async {
        service.app.signing_key().key_id() == kid
    })
    .await;
}

#[tokio::test]
async fn in_haste_a_key_signs_at_once_everywhere() {
    let world = World::start().await;
    let other = world.second_service().await;
    let operator = world.operator().await;
    let answer = rotate(&world, &operator, true).await.expect(200);
    assert_eq!(answer.json()["state"], "active");
    let second = kid(&answer);
    assert_eq!(world.app.signing_key().key_id(), second, "here at once");
    eventually_signs(&other, &second).await;
    let ada = world.register(&email("ada")).await;
    assert_eq!(kid_of(&ada.access), second);
    other.verify(&ada.access).await.expect(200);
    other.verify(&operator.access).await.expect(200);
}

#[tokio::test]
async fn a_service_that_starts_knows_every_key_in_every_state() {
    let mut world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let first = kid_of(&ada.access);

    let second = kid(&rotate(&world, &operator, false).await.expect(202));
    world = restarted(world).await;
    publishes(&world, &[&first, &second]).await;
    world.verify(&ada.access).await.expect(200);
    assert_eq!(world.app.signing_key().key_id(), first);

    world.later(PUBLISHED);
    // What an operator wanted is not forgotten.
    world.signs_with(&second).await;
    world = restarted(world).await;
    publishes(&world, &[&first, &second]).await;
    world.verify(&ada.access).await.expect(200);
    assert_eq!(world.app.signing_key().key_id(), second);

    super::revoke(&world, &operator, &first).await.expect(200);
    let operator = world.operator().await;
    world = restarted(world).await;
    publishes(&world, &[&second]).await;
    world
        .verify(&ada.access)
        .await
        .refused(401, "token_revoked");
    world.verify(&operator.access).await.expect(200);

    world.later(Duration::from_hours(48));
    let operator = world.operator().await;
    let third = kid(&rotate(&world, &operator, true).await.expect(200));
    world.later(WINDOW);
    world
        .turned(async || super::published(&world).await.len() == 1)
        .await;
    world = restarted(world).await;
    publishes(&world, &[&third]).await;
    assert_eq!(world.app.signing_key().key_id(), third);
}

/// The world with another service in the place of the one it had.
async fn restarted(mut world: World) -> World {
    let fresh = world.second_service().await;
    let old = std::mem::replace(&mut world.service, fresh);
    old.stop().await;
    world
}

#[tokio::test]
async fn who_may_not_is_refused_and_why_is_sealed() {
    let world = World::start().await;
    let operator = world.operator().await;
    let support = world.somebody(&["user", "support"]).await;
    let before = world.ends().await;
    rotate(&world, &support, true)
        .await
        .refused(403, "insufficient_permissions");
    let active = world.app.signing_key().key_id().to_owned();
    super::revoke(&world, &support, &active)
        .await
        .refused(403, "insufficient_permissions");
    let call = world.get("/v1/admin/keys").by(&support.access);
    call.send().await.refused(403, "insufficient_permissions");
    super::revoke(&world, &operator, "nobody")
        .await
        .refused(404, "not_found");
    let no_reason = world.post("/v1/admin/keys/rotate", &json!({ "reason": "" }));
    let no_reason = no_reason.by(&operator.access);
    no_reason.send().await.refused(400, "validation_failed");
    assert_eq!(world.ends().await, before);
    rotate(&world, &operator, false).await.expect(202);
    let subject = world.log.subject_of(countersign_events::KeyringId::ONLY);
    let history = world.log.history(subject, 1).await.expect("it answers");
    for message in history {
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        // Nor as bytes are written in JSON.
        let hidden = STANDARD_NO_PAD.encode("a quiet afternoon");
        assert!(!text.contains("afternoon"), "{text}");
        assert!(!text.contains(&hidden[..20]), "{text}");
    }
}
