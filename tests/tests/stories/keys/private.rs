//! Private halves: who has one, and who has none any more.

use std::collections::BTreeSet;

use countersign_log::VaultKey;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::{kid, kid_of, publishes, rotate};
use crate::support::{PATIENCE, World, email, eventually};

/// The names of the secrets in the vault that events refer to.
async fn secrets(world: &World) -> BTreeSet<String> {
    let context = async_nats::jetstream::new(world.log.client().clone());
    let name = format!("{}_VAULT", world.log.prefix());
    let store = context.get_key_value(name).await.expect("the vault");
    let names = store.keys().await.expect("its names").boxed();
    let names: Vec<String> = names.try_collect().await.expect("names");
    let secret = |name: String| name.strip_prefix("secret.").map(str::to_owned);
    names.into_iter().filter_map(secret).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_who_rotate_at_once_one_makes_the_key() {
    let (world, others) = World::start_several(3).await;
    let operator = world.operator().await;
    let services: Vec<_> = std::iter::once(&*world).chain(&others).collect();
    let asking = (0..20).map(|n| rotate(services[n % services.len()], &operator, false));
    let mut kids = BTreeSet::new();
    for answer in join_all(asking).await {
        kids.insert(kid(&answer.expect(202)));
    }
    assert_eq!(kids.len(), 1, "{kids:?}");
    let forced = (0..20).map(|n| rotate(services[n % services.len()], &operator, true));
    let mut active = BTreeSet::new();
    for answer in join_all(forced).await {
        active.insert(kid(&answer.expect(200)));
    }
    assert!(active.contains(kids.first().expect("one")), "{active:?}");
    let ring = world.ring().await;
    let in_ring: BTreeSet<String> = ring
        .state
        .keys
        .iter()
        .map(|key| key.secret.to_string())
        .collect();
    assert_eq!(secrets(&world).await, in_ring, "who lost is destroyed");
}

#[tokio::test]
async fn a_service_that_cannot_read_the_new_key_signs_with_the_one_before() {
    let world = World::start().await;
    let operator = world.operator().await;
    let first = kid_of(&operator.access);
    let second = kid(&rotate(&world, &operator, false).await.expect(202));
    let ring = world.ring().await;
    let private = VaultKey::Secret(ring.state.next().expect("it waits").secret);
    let vault = world.log.vault();
    let held = vault
        .get(private)
        .await
        .expect("it answers")
        .expect("it is there");
    vault.destroy(private).await.expect("it answers");
    rotate(&world, &operator, true).await.expect(200);
    // The ring says that the second signs; what is published is right.
    publishes(&world, &[&first, &second]).await;
    let ada = world.register(&email("ada")).await;
    assert_eq!(kid_of(&ada.access), first);
    world.verify(&ada.access).await.expect(200);
    vault.create(private, &held).await.expect("it answers");
    eventually(PATIENCE, || async {
        world.app.signing_key().key_id() == second
    })
    .await;
    let ada = ada.renewed(&world.refresh(&ada.refresh).await);
    assert_eq!(kid_of(&ada.access), second);
}
