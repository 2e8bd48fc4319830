//! Keys that change by themselves.

use std::time::Duration;

use countersign_domain::KeyState;
use serde_json::json;
use uuid::Uuid;

use super::{PUBLISHED, kid, list, publishes, rotate};
use crate::support::{PATIENCE, World, eventually, soon};

const DAY: Duration = Duration::from_hours(24);
const DAY_BUT_A_MINUTE: Duration = Duration::from_mins(24 * 60 - 1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_key_waits_half_the_time_and_then_signs() {
    let world = World::with(&[("key_rotation_days", "2")]).await;
    let other = world.second_service().await;
    let first = world.app.signing_key().key_id().to_owned();
    world.later(DAY_BUT_A_MINUTE);
    for service in [&*world, &other] {
        service.app.turn_keys().await.expect("the log answers");
    }
    publishes(&world, &[&first]).await;
    world.later(Duration::from_mins(1));
    // Both want to make it, and one does.
    let (here, there) = tokio::join!(world.app.turn_keys(), other.app.turn_keys());
    here.and(there).expect("the log answers");
    let ring = world.ring().await;
    assert_eq!(ring.state.keys.len(), 2, "{ring:?}");
    let second = ring.state.next().expect("it was made").kid.clone();
    publishes(&other, &[&first, &second]).await;
    world.later(DAY_BUT_A_MINUTE);
    world.app.turn_keys().await.expect("the log answers");
    assert_eq!(world.app.signing_key().key_id(), first, "not due");
    world.later(Duration::from_mins(1));
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
    world.later(PUBLISHED);
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

#[tokio::test]
async fn the_next_key_waits_for_every_live_verifier_to_hold_it() {
    let world = World::start().await;
    let operator = world.operator().await;
    let first = world.app.signing_key().key_id().to_owned();
    let next = kid(&rotate(&world, &operator, false).await.expect(202));
    let tell = async |is_leaving: bool| {
        let report = json!({
            "v": 1, "id": Uuid::from_u128(7), "name": "slow", "seq": null, "cursor": null,
            "kids": [first], "staleness_ms": null, "max_staleness_ms": 60_000,
            "leaving": is_leaving,
        });
        let subject = format!("{}.ver.report", world.log.prefix());
        let payload = report.to_string().into_bytes().into();
        let heard = soon(world.log.client().request(subject, payload)).await;
        heard.expect("an answer");
    };
    tell(false).await;
    world.later(PUBLISHED);
    world.app.turn_keys().await.expect("the log answers");
    assert_eq!(world.app.signing_key().key_id(), first);
    let lacking = list(&world, &operator).await[0]["lacking"].clone();
    let lacking = lacking.as_array().expect("a list");
    assert!(lacking.contains(&json!("slow")), "{lacking:?}");
    // To want it again, without haste, changes nothing.
    rotate(&world, &operator, false).await.expect(202);
    assert_eq!(world.app.signing_key().key_id(), first);
    tell(true).await;
    world.signs_with(&next).await;
}
