//! Services that are newer than what projects.

use countersign_views::{control, lock};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Executor};

use super::{active, list, rebuild, served_anew};
use crate::support::{PATIENCE, SignedIn, World, eventually, soon};

async fn overview(world: &World, by: &SignedIn) -> Vec<Value> {
    let answer = world.get("/v1/admin/overview").by(&by.access).send().await;
    let overview = answer.expect(200).json();
    let projections = overview["projections"].as_array();
    projections.expect("a list").clone()
}

/// Waits until every shard is said to have an owner who is at it.
async fn owned(world: &World, by: &SignedIn) {
    eventually(PATIENCE, async || {
        let items = list(world, by).await;
        let mut items = items.iter();
        items.all(|shard| shard["owner"].is_string() && shard["state"] == "running")
    })
    .await;
}

#[tokio::test]
async fn a_database_that_no_new_projector_has_prepared_is_read() {
    let mut world = World::start().await;
    let operator = world.operator().await;
    world.projected().await;
    owned(&world, &operator).await;
    world.stop_projector().await;
    let mut models = world.read_models().await;
    // As the program before this one left it.
    for older in [
        "drop table countersign.projectors, countersign.shard_owners, countersign.rebuild",
        "delete from countersign.migrations where version = 2",
    ] {
        models.0.execute(older).await.expect("an older database");
    }
    let shards = usize::from(world.log.shards());
    for shown in [
        list(&world, &operator).await,
        overview(&world, &operator).await,
    ] {
        assert_eq!(shown.len(), shards, "{shown:?}");
        for shard in &shown {
            assert_eq!(shard["state"], "unowned", "{shard}");
            assert_eq!(shard["owner"], Value::Null, "{shard}");
        }
    }
    let refused = rebuild(&world, &operator).await;
    let refused = refused.refused(503, "unavailable").json();
    let detail = refused["detail"].as_str().expect("a detail");
    assert!(detail.contains("projector"), "{detail}");
    world.start_projector().await;
    owned(&world, &operator).await;
    let before = active(&world).await;
    rebuild(&world, &operator).await.expect(202);
    served_anew(&world, &operator, before).await;
}

#[tokio::test]
async fn who_waits_for_an_older_programs_read_models_does_not_own_them() {
    let mut world = World::start().await;
    let operator = world.operator().await;
    world.projected().await;
    world.stop_projector().await;
    let mut models = world.read_models().await;
    let older = control::VERSION - 1;
    let make_older = format!("update countersign.read_models set version = {older}");
    let made = models.0.execute(AssertSqlSafe(make_older)).await;
    made.expect("a row");
    // A program that says nothing of itself projects one shard.
    let before = active(&world).await;
    let generation = i32::try_from(before).expect("small");
    let mut old = world.read_models().await;
    let held = lock::try_own_shard(&mut old.0, generation, 1).await;
    assert!(held.expect("Postgres answers"));
    world.start_projector().await;
    // It has beaten since it knows that it cannot write.
    let beaten = "select count(*) from countersign.projectors
        where seen_at > clock_timestamp() - interval '5 seconds'";
    let heard = async { while models.count(beaten).await != 1 {} };
    soon(heard).await;
    let first = "create table first_beat as select seen_at from countersign.projectors";
    models.0.execute(first).await.expect("a table");
    let later = "select count(*) from countersign.projectors, first_beat
        where projectors.seen_at > first_beat.seen_at + interval '2 seconds'";
    let heard = async { while models.count(later).await != 1 {} };
    soon(heard).await;
    let spoken = "select count(*) from countersign.shard_owners";
    assert_eq!(models.count(spoken).await, 0, "it speaks of none");
    // Nor is one believed that does.
    let waits = "insert into countersign.shard_owners
        select shard, 'project/idle', 'waiting', 0, clock_timestamp()
        from generate_series(0, 2) as shard";
    models.0.execute(waits).await.expect("rows");
    let shown = list(&world, &operator).await;
    let told = format!(
        "the read models are of version {older}, this program writes version {}: rebuild them",
        control::VERSION
    );
    for (shard, state) in ["unowned", "running", "unowned"].into_iter().enumerate() {
        let shown = &shown[shard];
        assert_eq!(shown["state"], state, "{shown}");
        assert_eq!(shown["owner"], Value::Null, "{shown}");
        assert_eq!(shown["fault"]["message"], told, "{shown}");
    }
    rebuild(&world, &operator).await.expect(202);
    served_anew(&world, &operator, before).await;
    owned(&world, &operator).await;
    for shard in list(&world, &operator).await {
        assert_eq!(shard["fault"], Value::Null, "{shard}");
    }
}

#[tokio::test]
async fn support_sees_that_a_projection_stopped_and_not_where_or_why() {
    let world = World::start().await;
    let operator = world.operator().await;
    let support = world.somebody(&["user", "support"]).await;
    world.projected().await;
    owned(&world, &operator).await;
    let mut models = world.read_models().await;
    let stopped = "insert into countersign.projection_failures
        (generation, shard, sequence, subject, error)
        select generation, 1, 9, 'session 1', 'not understood'
        from countersign.read_models where state = 'active'";
    models.0.execute(stopped).await.expect("a row");
    let all = overview(&world, &operator).await;
    assert_eq!(all[1]["fault"]["message"], "not understood");
    assert!(all.iter().all(|shard| shard["owner"].is_string()));
    let some = overview(&world, &support).await;
    assert_eq!(some.len(), all.len());
    assert_eq!(some[1]["state"], "stopped");
    for shard in &some {
        assert_eq!(shard["owner"], Value::Null, "{shard}");
        assert_eq!(shard["fault"], Value::Null, "{shard}");
    }
}
