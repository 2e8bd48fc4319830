//! A rebuild that was asked for is begun again, and not for ever.

use countersign_events::AccountId;
use countersign_views::{projector, rebuild};
use serde_json::Value;
use sqlx::Executor;

use super::{active, beside, rebuild as ask, served_anew};
use crate::support::{PATIENCE, SignedIn, World, eventually, soon};

/// Waits until the failure is shown, once, and answers its reason.
async fn failed(world: &World, by: &SignedIn) -> String {
    eventually(PATIENCE, async || {
        let shown = beside(world, by).await;
        shown.len() == 1 && shown[0]["state"] == "stopped"
    })
    .await;
    let shown = beside(world, by).await;
    shown[0]["fault"]["message"].as_str().expect("why").into()
}

#[tokio::test]
async fn a_rebuild_whose_projectors_are_lost_fails_after_three_tries() {
    let mut world = World::start().await;
    let operator = world.operator().await;
    world.projected().await;
    world.stop_projector().await;
    let before = active(&world).await;
    let mut models = world.read_models().await;
    let by = AccountId::from_uuid(operator.account);
    assert!(rebuild::request(&world.app.views, by).await.expect("asked"));
    for _ in 0..3 {
        let taken = rebuild::take_up(&mut models.0, "project/lost").await;
        assert!(taken.expect("Postgres answers"));
        let shown = beside(&world, &operator).await;
        assert_eq!(shown[0]["owner"], "project/lost", "{shown:?}");
    }
    let again = rebuild::take_up(&mut models.0, "project/next").await;
    assert!(!again.expect("Postgres answers"));
    let reason = failed(&world, &operator).await;
    assert!(reason.contains("3 times"), "{reason}");
    assert_eq!(active(&world).await, before);

    // Who asks again has as many tries.
    world.start_projector().await;
    let is_alive = async || {
        let alive = projector::is_any_alive(&world.app.views).await;
        alive.unwrap_or(false)
    };
    eventually(PATIENCE, is_alive).await;
    ask(&world, &operator).await.expect(202);
    served_anew(&world, &operator, before).await;
    // A projector, too, lets it be.
    let before = active(&world).await;
    let lost = "update countersign.rebuild set state = 'running', runner = 'project/lost',
        tries = 3, changed_at = clock_timestamp() - interval '6 seconds'";
    models.0.execute(lost).await.expect("a row");
    failed(&world, &operator).await;
    assert_eq!(active(&world).await, before);
}

#[tokio::test]
async fn a_projector_that_stops_gives_its_try_back() {
    let mut world = World::start().await;
    let operator = world.operator().await;
    world.projected().await;
    let before = active(&world).await;
    let mut models = world.read_models().await;
    // A new generation cannot be noted meanwhile, and everything can be read.
    let hold = "lock table countersign.read_models in share mode";
    for hold in ["begin", hold] {
        models.0.execute(hold).await.expect("held");
    }
    ask(&world, &operator).await.expect(202);
    let tries = "select tries::int8 from countersign.rebuild";
    let mut other = world.read_models().await;
    let taken = async { while other.count(tries).await != 1 {} };
    soon(taken).await;
    world.stop_projector().await;
    assert_eq!(other.count(tries).await, 0);
    let shown = beside(&world, &operator).await;
    assert_eq!(shown[0]["state"], "rebuilding", "{shown:?}");
    assert_eq!(shown[0]["owner"], Value::Null, "{shown:?}");
    models.0.execute("commit").await.expect("let go");
    world.start_projector().await;
    served_anew(&world, &operator, before).await;
}
