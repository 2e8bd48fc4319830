//! A preview and its order are about the same sessions, whatever happens in
//! between and meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use super::{finished, id_of, items, login_from, order, preview};
use crate::support::{SignedIn, World, email};

const AGENT: &str = "suspect/1";

async fn refresh_from(world: &World, one: &SignedIn, ip: &str) {
    let form = json!({ "refresh_token": one.refresh });
    let call = world.post("/v1/auth/refresh", &form);
    // It may be over: that is no fault.
    let answer = call
        .header("x-forwarded-for", ip)
        .agent("moved")
        .send()
        .await;
    assert!([200, 401].contains(&answer.status), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn preview_equals_effect_under_logins_refreshes_and_logouts() {
    let world = World::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let other = world.second_service().await;
    let operator = world.operator().await;
    let people: Vec<String> = (0..4).map(|_| email("ada")).collect();
    for address in &people {
        world.register(address).await;
    }
    let login = async |ip: &str, number: usize| {
        login_from(&world, &people[number % people.len()], ip, AGENT).await
    };
    for round in 0..6 {
        let network = format!("203.0.{round}.0/24");
        let mut before = Vec::new();
        for number in 0..8 {
            before.push(login(&format!("203.0.{round}.{number}"), number).await);
        }
        // Some are over before anybody looks.
        world.logout(&before[7].refresh).await.expect(204);
        let expected: BTreeSet<Uuid> = before[..7].iter().map(|one| one.session).collect();
        let predicate = json!({ "network": network, "user_agent": "SUSPECT" });
        // While it is looked at, others come, move and go.
        let (seen, _, _) = tokio::join!(
            preview(&world, &operator, predicate.clone()),
            join_all((0..4).map(|number| login("203.0.200.1", number))),
            join_all(
                before[..2]
                    .iter()
                    .map(|one| refresh_from(&world, one, "198.51.100.1"))
            ),
        );
        assert_eq!(seen["matched"], 7, "round {round}");
        // Afterwards too: one moves, one leaves, and three come that look the
        // same.
        refresh_from(&world, &before[2], "198.51.100.2").await;
        world.logout(&before[3].refresh).await.expect(204);
        let late = join_all((10..13).map(|last| {
            let ip = format!("203.0.{round}.{last}");
            async move { login(&ip, last).await }
        }))
        .await;
        world.projected().await;
        let form = json!({ "predicate": predicate, "as_of": seen["as_of"], "expected": 7,
            "reason": "property" });
        let service = if round % 2 == 0 {
            &world.client
        } else {
            &other.client
        };
        let (answer, (), _) = tokio::join!(
            order(service, &operator, &form),
            refresh_from(&world, &before[4], "198.51.100.3"),
            world.logout(&before[5].refresh),
        );
        assert_eq!(answer.json()["started_since"], 3, "{}", answer.text());
        let id = id_of(&answer);
        let done = finished(&world, &operator, id).await;
        assert_eq!(
            (&done["state"], &done["matched"]),
            (&json!("completed"), &json!(7)),
            "{done}"
        );
        let ended = items(&world, &operator, id, "ended").await;
        let over = items(&world, &operator, id, "already_over").await;
        assert!(ended.is_disjoint(&over));
        let all: BTreeSet<Uuid> = ended.union(&over).copied().collect();
        assert_eq!(all, expected, "round {round}");
        assert!(over.contains(&before[3].session), "it left before");
        assert!(!over.contains(&before[2].session), "it only moved");
        assert_eq!(done["ended"], ended.len(), "{done}");
        assert_eq!(done["already_over"], over.len(), "{done}");
        for one in &before {
            world.refresh(&one.refresh).await.expect(401);
        }
        for one in &late {
            world.refresh(&one.refresh).await.expect(200);
        }
    }
}

#[tokio::test]
async fn nothing_is_counted_before_the_read_models_are_where_the_log_is() {
    let mut world = World::with(&[("position_wait_millis", "200")]).await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    world.projected().await;
    let seen = preview(&world, &operator, json!({ "account": ada.account })).await;
    world.stop_projector().await;
    let bob = world.register(&email("bob")).await;
    let form = json!({ "predicate": { "account": bob.account }, "dry_run": true });
    let answer = order(&world, &operator, &form).await;
    answer.refused(503, "position_not_reached");
    let form = json!({ "predicate": { "account": bob.account }, "reason": "too early" });
    let answer = order(&world, &operator, &form).await;
    answer.refused(503, "position_not_reached");
    // What a preview has seen is there.
    let form = json!({ "predicate": { "account": ada.account }, "as_of": seen["as_of"],
        "expected": 1, "reason": "as previewed" });
    let id = id_of(&order(&world, &operator, &form).await);
    world.start_projector().await;
    let done = finished(&world, &operator, id).await;
    assert_eq!(done["ended"], 1, "{done}");
    world.verify(&bob.access).await.expect(200);
}

#[tokio::test]
async fn who_expires_or_comes_after_the_preview_changes_nothing() {
    let world = World::with(&[("session_idle_seconds", "3600")]).await;
    let address = email("ada");
    let ada = world.register(&address).await;
    world.later(Duration::from_mins(59));
    let operator = world.operator().await;
    world.projected().await;
    // An account alone, too: its end by one event would be of others as well.
    let predicate = json!({ "account": ada.account });
    let seen = preview(&world, &operator, predicate.clone()).await;
    assert_eq!(seen["matched"], 1, "{seen}");
    world.later(Duration::from_mins(2));
    let now = preview(&world, &operator, predicate.clone()).await;
    assert_eq!(now["matched"], 0, "{now}");
    let late = world.login(&address).await;
    world.projected().await;
    let form = json!({ "predicate": predicate, "as_of": seen["as_of"], "expected": 1,
        "reason": "as previewed" });
    let id = id_of(&order(&world, &operator, &form).await);
    let done = finished(&world, &operator, id).await;
    assert_eq!(
        (&done["matched"], &done["failed"]),
        (&json!(1), &json!(0)),
        "{done}"
    );
    for state in ["pending", "failed", "left"] {
        assert!(items(&world, &operator, id, state).await.is_empty());
    }
    world.refresh(&ada.refresh).await.expect(401);
    world.refresh(&late.refresh).await.expect(200);
    // Who looks now sees who is there now.
    let seen = preview(&world, &operator, predicate).await;
    assert_eq!(seen["sample"][0]["id"], late.session.to_string());
    assert_eq!(seen["matched"], 1, "{seen}");
}
