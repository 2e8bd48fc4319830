//! Made again, they are the same.

use std::time::Duration;

use countersign_projector::{replay, switch_back, verify};
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor, Row};

use crate::support::{SignedIn, World, email, new_key, soon};

/// A bit of everything that can happen.
async fn traffic(world: &World) {
    let operator = world.operator().await;
    for name in 0..6 {
        let address = email(&format!("p{name}"));
        let one = world.register(&address).await;
        let two = world.login(&address).await;
        let next = one.renewed(&world.refresh(&one.refresh).await);
        let name = json!({ "display_name": format!("Name {name} Ünï\u{0} \u{1b}[1m") });
        world
            .patch("/v1/me", &name)
            .by(&next.access)
            .send()
            .await
            .expect(200);
        match address.len() % 3 {
            0 => drop(world.logout(&two.refresh).await.expect(204)),
            1 => {
                let path = format!("/v1/admin/sessions/{}/revoke", two.session);
                let reason = json!({ "reason": "because" });
                world
                    .post(&path, &reason)
                    .by(&operator.access)
                    .send()
                    .await
                    .expect(204);
            }
            _ => {
                let all = world.post_nothing("/v1/auth/logout-all").by(&two.access);
                all.send().await.expect(204);
            }
        }
        world.login(&address).await;
        let lost = world.login(&address).await;
        let _ = lost.renewed(&world.refresh(&lost.refresh).await);
        world.later(Duration::from_secs(11));
        world
            .refresh(&lost.refresh)
            .await
            .refused(401, "refresh_reused");
    }
    // Orders that end some of them, one by each and one all of an account.
    let address = email("grace");
    let grace = world.register(&address).await;
    for predicate in [
        json!({ "network": "127.0.0.0/8" }),
        json!({ "account": grace.account }),
    ] {
        let form = json!({ "predicate": predicate, "reason": "all", "wait": true });
        let order = world.post("/v1/admin/revocations", &form);
        order.by(&operator.access).send().await.expect(201);
        world.login(&address).await;
    }
    services(world, &operator).await;
    world.projected().await;
}

/// Services and what becomes of them, and of their tokens.
async fn services(world: &World, operator: &SignedIn) {
    let quiet = world.client_of(operator, &["a"], &["a"], &["x"]).await;
    world.add_secret(operator, &quiet.id).await;
    let one = world.client_of(operator, &["a"], &["a"], &["x"]).await;
    let token = world.token_of(&one, &[]).await;
    world.revoke_token(&one, &token).await.expect(200);
    let path = format!("/v1/admin/clients/{}", one.id);
    let changed = json!({ "name": "\u{6771}", "serves": [], "audiences": ["b"], "scopes": [] });
    let gone = format!("{path}/secrets/{}", one.secret_id);
    for call in [
        world.call("PUT", &path).json(&changed),
        world
            .call("PUT", &format!("{path}/jwks"))
            .json(&json!({ "jwks": new_key().1 })),
        world.delete(&gone),
        world.post(&format!("{path}/disable"), &json!({ "reason": "leaked" })),
        world.post_nothing(&format!("{path}/enable")),
        world.post(&format!("{path}/disable"), &json!({ "reason": "again" })),
    ] {
        call.by(&operator.access).send().await.expect(204);
    }
}

/// Every row that is served, in order.
async fn served(world: &World) -> Vec<String> {
    let mut rows = Vec::new();
    let mut models = world.read_models().await;
    for view in ["accounts", "sessions", "history", "revocations", "clients"] {
        let sql = format!("select t::text as row from countersign.{view} t order by 1");
        let found = sqlx::query(AssertSqlSafe(sql))
            .fetch_all(&mut models.0)
            .await;
        let found = found.expect("rows");
        assert!(!found.is_empty(), "no {view}");
        rows.extend(
            found
                .iter()
                .map(|row| format!("{view} {}", row.get::<String, _>("row"))),
        );
    }
    assert!(rows.len() > 20, "only {} rows", rows.len());
    rows
}

#[tokio::test]
async fn r_04_a_verification_finds_the_read_models_equal_and_a_changed_row_not() {
    let world = World::start().await;
    traffic(&world).await;
    // The connection of the one before may still be closing.
    let verified = async || {
        let verified = async {
            loop {
                let outcome = verify(&world.log, world.postgres.clone(), world.now(), &|_| ());
                if let Ok(found) = outcome.await {
                    return found;
                }
            }
        };
        soon(verified).await
    };
    let found = verified().await;
    assert!(found.is_equal(), "{found:?}");
    assert_eq!(found.events, world.ends().await.iter().sum::<u64>());
    let mut models = world.read_models().await;
    for (count, sql) in [
        "update countersign.accounts set display_name = 'Eve' where display_name is not null",
        "update countersign.clients set name = 'Eve'",
        "update countersign.revocations set ended = ended + 1",
    ]
    .iter()
    .enumerate()
    {
        let changed = models.0.execute(*sql).await;
        changed.expect("a row is changed behind the log's back");
        let found = verified().await;
        assert!(!found.is_equal(), "{found:?}");
        let differing = found.tables.iter().filter(|one| !one.differing.is_empty());
        assert_eq!(differing.count(), count + 1, "{sql}");
    }
}

#[tokio::test]
async fn r_04_a_replay_beside_the_old_ones_makes_the_same_rows() {
    let world = World::start().await;
    traffic(&world).await;
    let before = served(&world).await;
    let outcome = replay(&world.log, world.postgres.clone(), &|_| ())
        .await
        .expect("replayed");
    assert!(outcome.generation > outcome.replaced);
    assert_eq!(served(&world).await, before);
    // The projector goes on with the new ones.
    let ada = world.register(&email("ada")).await;
    let list = world
        .get("/v1/me/sessions")
        .by(&ada.access)
        .at(&ada.position)
        .send()
        .await;
    assert_eq!(list.items().len(), 1);
    let later = served(&world).await;
    switch_back(&world.log, world.postgres.clone(), &|_| ())
        .await
        .expect("switched");
    world.projected().await;
    assert_eq!(served(&world).await, later, "the old ones have caught up");
}

#[tokio::test]
async fn r_04_read_models_that_were_dropped_come_back_the_same() {
    let mut world = World::start().await;
    traffic(&world).await;
    let before = served(&world).await;
    world.stop_projector().await;
    let mut models = world.read_models().await;
    let schemas =
        sqlx::query("select nspname as name from pg_namespace where nspname like 'countersign%'");
    for schema in schemas.fetch_all(&mut models.0).await.expect("schemas") {
        let name: String = schema.get("name");
        let drop = AssertSqlSafe(format!("drop schema {name} cascade"));
        models.0.execute(drop).await.expect("dropped");
    }
    drop(models);
    world.start_projector().await;
    world.projected_again().await;
    assert_eq!(served(&world).await, before);
    let found = verify(&world.log, world.postgres.clone(), world.now(), &|_| ())
        .await
        .expect("verified");
    assert!(found.is_equal(), "{found:?}");
}

#[tokio::test]
async fn r_04_events_that_are_delivered_three_times_change_nothing() {
    let mut world = World::start().await;
    traffic(&world).await;
    let before = served(&world).await;
    for _ in 0..2 {
        world.stop_projector().await;
        let mut models = world.read_models().await;
        let forgotten = models
            .0
            .execute("delete from countersign.checkpoints")
            .await
            .expect("forgotten");
        assert!(forgotten.rows_affected() > 0);
        drop(models);
        world.start_projector().await;
        world.projected_again().await;
        assert_eq!(served(&world).await, before);
    }
}
