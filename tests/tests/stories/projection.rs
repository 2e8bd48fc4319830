//! Projections, repaired and made anew over HTTP.

mod tries;
mod upgrade;

use countersign_projector::verify;
use countersign_views::{lock, pool};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Executor, PgConnection};

use crate::support::{Answer, Client, PATIENCE, SignedIn, World, email, eventually, soon};

const REBUILD: &str = "/v1/admin/projections/rebuild";
const REPAIR: &str = "/v1/admin/projections/repair";

async fn list(client: &Client, by: &SignedIn) -> Vec<Value> {
    let list = client.get("/v1/admin/projections").by(&by.access);
    list.send().await.items()
}

/// What is shown beside what serves.
async fn beside(world: &World, by: &SignedIn) -> Vec<Value> {
    let mut items = list(world, by).await;
    items.drain(..usize::from(world.log.shards()));
    items
}

async fn rebuild(client: &Client, by: &SignedIn) -> Answer {
    client.post_nothing(REBUILD).by(&by.access).send().await
}

async fn active(world: &World) -> i64 {
    let mut models = world.read_models().await;
    let sql = "select generation::int8 from countersign.read_models where state = 'active'";
    models.count(sql).await
}

/// Rebuilds wait while this is held.
async fn hold_maintenance(world: &World) -> PgConnection {
    let options = pool::control_options(world.postgres.clone());
    let mut connection = options.connect().await.expect("Postgres answers");
    let held = lock::try_maintenance(&mut connection).await;
    assert!(held.expect("Postgres answers"));
    connection
}

/// Waits until another generation serves, and nothing is made any more.
async fn served_anew(world: &World, by: &SignedIn, before: i64) {
    eventually(PATIENCE, async || {
        active(world).await > before && beside(world, by).await.is_empty()
    })
    .await;
}

async fn equal(world: &World) {
    let verified = async {
        loop {
            // The place of maintenance may not be free yet.
            let outcome = verify(&world.log, world.postgres.clone(), world.now(), &|_| ());
            if let Ok(found) = outcome.await {
                return found;
            }
        }
    };
    let found = soon(verified).await;
    assert!(found.is_equal(), "{found:?}");
}

#[tokio::test]
async fn who_projects_is_shown_and_who_stopped_is_not() {
    let mut world = World::start().await;
    let operator = world.operator().await;
    world.projected().await;
    let owned = async || {
        let items = list(&world, &operator).await;
        items.iter().all(|shard| {
            let owner = shard["owner"].as_str().unwrap_or_default();
            shard["state"] == "running" && owner.starts_with("project/")
        })
    };
    eventually(PATIENCE, owned).await;
    for _ in 0..10 {
        join_all((0..60).map(|_| world.append_something())).await;
    }
    let is_measured = async || {
        let items = list(&world, &operator).await;
        let rates = items.iter().map(|one| one["events_per_second"].as_u64());
        rates.flatten().sum::<u64>() > 0
    };
    eventually(PATIENCE, is_measured).await;
    world.stop_projector().await;
    for shard in list(&world, &operator).await {
        assert_eq!(shard["state"], "unowned", "{shard}");
        assert_eq!(shard["owner"], Value::Null, "{shard}");
    }
    // One that fell silent is none either.
    let mut models = world.read_models().await;
    let silent = "insert into countersign.shard_owners
        select 0, 'project/lost', 'running', 5, clock_timestamp() - interval '6 seconds'";
    models.0.execute(silent).await.expect("a row");
    assert_eq!(list(&world, &operator).await[0]["state"], "unowned");
    let waits = "update countersign.shard_owners
        set state = 'waiting', seen_at = clock_timestamp()";
    models.0.execute(waits).await.expect("a row");
    assert_eq!(list(&world, &operator).await[0]["state"], "retrying");
}

#[tokio::test]
async fn a_projection_that_stopped_goes_on_when_it_is_told_to() {
    let world = World::start().await;
    let operator = world.operator().await;
    world.projected().await;
    let repair = async |form: Value| {
        let call = world.post(REPAIR, &form).by(&operator.access);
        call.send().await.expect(200).json()["shards"].clone()
    };
    assert_eq!(repair(json!({})).await, json!([]), "nothing has stopped");
    // A store that refuses a row.
    let mut models = world.read_models().await;
    let refuse = "alter table countersign_r1.accounts
        add constraint broken check (display_name is null) not valid";
    models.0.execute(refuse).await.expect("altered");
    let ada = world.register(&email("ada")).await;
    let shard: u64 = ada
        .position
        .split_once('.')
        .expect("a position")
        .0
        .parse()
        .expect("one");
    let index = usize::try_from(shard).expect("small");
    eventually(PATIENCE, async || {
        list(&world, &operator).await[index]["state"] == "stopped"
    })
    .await;
    let accept = "alter table countersign_r1.accounts drop constraint broken";
    models.0.execute(accept).await.expect("altered");
    let other = (shard + 1) % u64::from(world.log.shards());
    assert_eq!(repair(json!({ "shard": other })).await, json!([]));
    // By itself it tries again after 30 seconds, longer than this waits.
    assert_eq!(repair(json!({})).await, json!([shard]));
    eventually(PATIENCE, async || {
        list(&world, &operator).await[index]["state"] == "running"
    })
    .await;
    world.projected().await;
    let path = format!("/v1/admin/accounts/{}", ada.account);
    world
        .get(&path)
        .by(&operator.access)
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn read_models_are_made_anew_under_load_and_are_equal() {
    let world = World::start().await;
    let operator = world.operator().await;
    for _ in 0..10 {
        join_all((0..60).map(|_| world.append_something())).await;
    }
    world.projected().await;
    let before = active(&world).await;
    let held = hold_maintenance(&world).await;
    rebuild(&world, &operator).await.expect(202);
    let waiting = beside(&world, &operator).await;
    assert_eq!(waiting.len(), usize::from(world.log.shards()));
    for (shard, entry) in waiting.iter().enumerate() {
        assert_eq!(entry["state"], "rebuilding", "{entry}");
        assert_eq!(entry["shard"], shard, "{entry}");
        assert_eq!(entry["name"], "accounts_and_sessions_next", "{entry}");
        assert_eq!(entry["phase"], "waiting", "{entry}");
    }
    drop(held);
    let load = async {
        for _ in 0..12 {
            let ada = world.register(&email("ada")).await;
            let ada = ada.renewed(&world.refresh(&ada.refresh).await);
            world.logout(&ada.refresh).await.expect(204);
            join_all((0..30).map(|_| world.append_something())).await;
        }
    };
    tokio::join!(load, served_anew(&world, &operator, before));
    world.projected().await;
    equal(&world).await;
    let again = active(&world).await;
    rebuild(&world, &operator).await.expect(202);
    served_anew(&world, &operator, again).await;
}

#[tokio::test]
async fn of_many_who_ask_for_a_rebuild_at_once_one_is_told_yes() {
    let world = World::start().await;
    let other = world.second_service().await;
    let operator = world.operator().await;
    world.projected().await;
    let before = active(&world).await;
    let held = hold_maintenance(&world).await;
    let asking = (0..8).map(|number| {
        let client: &Client = if number % 2 == 0 { &world } else { &other };
        let operator = &operator;
        async move {
            // Whoever is told to come back was not heard: the machine may have
            // too much to do to open a connection in time.
            let ask = async {
                loop {
                    let answer = rebuild(client, operator).await;
                    if answer.status != 503 {
                        return answer;
                    }
                }
            };
            soon(ask).await
        }
    });
    let answers = join_all(asking).await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    assert_eq!(accepted, 1, "{answers:?}");
    for answer in answers.into_iter().filter(|answer| answer.status != 202) {
        answer.refused(409, "conflict");
    }
    drop(held);
    served_anew(&world, &operator, before).await;
    assert_eq!(active(&world).await, before + 1, "once");
}

#[tokio::test]
async fn a_rebuild_survives_the_projector_that_does_it() {
    let mut world = World::start().await;
    let operator = world.operator().await;
    world.projected().await;
    let before = active(&world).await;
    let held = hold_maintenance(&world).await;
    rebuild(&world, &operator).await.expect(202);
    world.stop_projector().await;
    // Nobody would do it.
    let refused = rebuild(&world, &operator).await;
    let refused = refused.refused(503, "unavailable").json();
    let detail = refused["detail"].as_str().expect("a detail");
    assert!(detail.contains("projector"), "{detail}");
    drop(held);
    assert_eq!(active(&world).await, before);
    world.start_projector().await;
    served_anew(&world, &operator, before).await;
    // One that was lost in the middle.
    let before = active(&world).await;
    let mut models = world.read_models().await;
    let lost = "update countersign.rebuild set state = 'running', runner = 'project/lost',
        changed_at = clock_timestamp() - interval '6 seconds'";
    models.0.execute(lost).await.expect("a row");
    served_anew(&world, &operator, before).await;
}

#[tokio::test]
async fn a_replay_from_the_command_line_is_shown_and_one_that_was_lost_has_failed() {
    let world = World::start().await;
    let operator = world.operator().await;
    world.projected().await;
    let mut seen = 0;
    let (count, counted) = std::sync::mpsc::sync_channel(1_000);
    let report = move |progress: &countersign_projector::Progress| {
        let _ = count.try_send(progress.positions.clone());
    };
    let outcome = countersign_projector::replay(&world.log, world.postgres.clone(), &report);
    outcome.await.expect("replayed");
    while let Ok(positions) = counted.try_recv() {
        assert_eq!(positions.len(), usize::from(world.log.shards()));
        seen += 1;
    }
    assert!(seen > 0);
    assert_eq!(beside(&world, &operator).await, Vec::<Value>::new());
    let mut models = world.read_models().await;
    let runs = "update countersign.rebuild set state = 'running', phase = 'filling',
        changed_at = clock_timestamp()";
    models.0.execute(runs).await.expect("a row");
    let shown = beside(&world, &operator).await;
    assert_eq!(shown.len(), usize::from(world.log.shards()));
    assert_eq!(shown[0]["phase"], "filling", "{shown:?}");
    rebuild(&world, &operator).await.refused(409, "conflict");
    let lost = "update countersign.rebuild
        set changed_at = clock_timestamp() - interval '31 seconds'";
    models.0.execute(lost).await.expect("a row");
    let shown = beside(&world, &operator).await;
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["state"], "stopped", "{shown:?}");
    let before = active(&world).await;
    rebuild(&world, &operator).await.expect(202);
    served_anew(&world, &operator, before).await;
}
