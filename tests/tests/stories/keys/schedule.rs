//! Keys that change by themselves.

use std::time::Duration;

use countersign_domain::KeyState;

use super::{publishes, rotate};
use crate::support::{PATIENCE, World, eventually};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_key_waits_half_the_time_and_then_signs() {
    let world = World::with(&[("key_rotation_days", "2")]).await;
    let other = world.second_service().await;
    let first = world.app.signing_key().key_id().to_owned();
    world.later(DAY - Duration::from_secs(60));
    for service in [&*world, &other] {
        service.app.turn_keys().await.expect("the log answers");
    }
    publishes(&world, &[&first]).await;
    world.later(Duration::from_secs(60));
    // Both want to make it, and one does.
    let (here, there) = tokio::join!(world.app.turn_keys(), other.app.turn_keys());
    here.and(there).expect("the log answers");
    let ring = world.ring().await;
    assert_eq!(ring.state.keys.len(), 2, "{ring:?}");
    let second = ring.state.next().expect("it was made").kid.clone();
    publishes(&other, &[&first, &second]).await;
    world.later(DAY - Duration::from_secs(60));
    world.app.turn_keys().await.expect("the log answers");
    assert_eq!(world.app.signing_key().key_id(), first, "not due");
    world.later(Duration::from_secs(60));
    world.signs_with(&second).await;
    eventually(PATIENCE, || async {
        other.app.signing_key().key_id() == second
    })
    .await;
}

#[tokio::test]
async fn a_key_that_waits_for_its_time_signs_early_if_somebody_wants() {
    let world = World::with(&[("key_rotation_days", "2")]).await;
    world.later(DAY);
    world.app.turn_keys().await.expect("the log answers");
    let ring = world.ring().await;
    let second = ring.state.next().expect("it was made").kid.clone();
    let operator = world.operator().await;
    rotate(&world, &operator, false).await.expect(202);
    world.later(super::PUBLISHED);
    world.signs_with(&second).await;
}

#[tokio::test]
async fn without_a_period_keys_stay() {
    let world = World::start().await;
    let before = world.ring().await;
    world.later(DAY * 3_000);
    world.app.turn_keys().await.expect("the log answers");
    let after = world.ring().await;
    assert_eq!(before.sequence, after.sequence);
    assert_eq!(after.state.keys[0].state, KeyState::Active);
}
