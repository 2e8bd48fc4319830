//! A key that somebody else may have.

use countersign_log::VaultKey;

use super::{PUBLISHED, kid, kid_of, list, published, publishes, revoke, rotate};
use crate::support::{PATIENCE, SignedIn, World, email, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_a_revoked_key_are_refused_everywhere_and_people_go_on() {
    let world = World::start().await;
    let other = world.second_service().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let stolen = kid_of(&ada.access);
    other.verify(&ada.access).await.expect(200);

    let answer = revoke(&other, &operator, &stolen).await.expect(200);
    answer.position();
    let answer = answer.json();
    assert_eq!(answer["key"]["state"], "revoked");
    assert_eq!(answer["key"]["revoked_by"], operator.account.to_string());
    // Both services have applied it, and are all that verify.
    assert_eq!(answer["applied"]["verifiers"], 2, "{answer}");
    assert_eq!(
        answer["applied"]["behind"].as_array().map(Vec::len),
        Some(0)
    );
    world
        .verify(&ada.access)
        .await
        .refused(401, "token_revoked");
    other
        .verify(&ada.access)
        .await
        .refused(401, "token_revoked");
    eventually(PATIENCE, || async {
        world.verify(&ada.access).await.code() == "token_revoked"
    })
    .await;
    for service in [&*world, &other] {
        let ada = ada.renewed(&service.refresh(&ada.refresh).await);
        assert_ne!(kid_of(&ada.access), stolen);
        for service in [&*world, &other] {
            service.verify(&ada.access).await.expect(200);
        }
        assert!(!published(service).await.contains(&stolen));
    }
    // Nobody can sign with it any more, not even we.
    let ring = world.ring().await;
    let private = VaultKey::Secret(ring.state.get(&stolen).expect("it was made").secret);
    let gone = world.log.vault().get(private).await.expect("it answers");
    assert!(gone.is_none());
    // The operator's own token was signed with it.
    rotate(&world, &operator, false)
        .await
        .refused(401, "token_revoked");
    let by = operator.account.to_string();
    let operator = world.operator().await;
    let listed = list(&world, &operator).await;
    assert_eq!(listed[1]["state"], "revoked");
    assert_eq!(listed[1]["revoked_by"], by);
    assert!(listed[1]["revoked_at"].is_string());
    // Verifiers elsewhere are told by its name.
    let feed = world.get("/v1/revocations").by(&operator.access);
    let told = feed.send().await.items();
    let records = told
        .iter()
        .filter_map(|item| item["message"]["records"].as_array());
    assert!(
        records.flatten().any(|record| record["key"] == *stolen),
        "{told:?}"
    );
    // Who starts later knows.
    let third = world.second_service().await;
    third
        .verify(&ada.access)
        .await
        .refused(401, "token_revoked");
    // Twice is once.
    let before = world.ends().await;
    revoke(&world, &operator, &stolen).await.expect(200);
    assert_eq!(world.ends().await, before);
}

#[tokio::test]
async fn the_key_that_waits_takes_the_place_of_the_revoked_one() {
    let world = World::start().await;
    let operator = world.operator().await;
    let next = kid(&rotate(&world, &operator, false).await.expect(202));
    let active = kid_of(&operator.access);
    revoke(&world, &operator, &active).await.expect(200);
    assert_eq!(world.app.signing_key().key_id(), next);
    publishes(&world, &[&next]).await;
}

#[tokio::test]
async fn a_key_can_be_revoked_before_and_after_it_signed() {
    let world = World::start().await;
    let mut operator = world.operator().await;
    let first = kid_of(&operator.access);
    let waits = kid(&rotate(&world, &operator, false).await.expect(202));
    revoke(&world, &operator, &waits).await.expect(200);
    publishes(&world, &[&first]).await;
    world.later(PUBLISHED);
    world.app.turn_keys().await.expect("the log answers");
    assert_eq!(world.app.signing_key().key_id(), first);

    let second = kid(&rotate(&world, &operator, true).await.expect(200));
    let ada = world.register(&email("ada")).await;
    operator = renewed(&world, operator).await;
    revoke(&world, &operator, &first).await.expect(200);
    publishes(&world, &[&second]).await;
    world.verify(&ada.access).await.expect(200);
}

async fn renewed(world: &World, who: SignedIn) -> SignedIn {
    let answer = world.refresh(&who.refresh).await;
    who.renewed(&answer)
}
