//! What orders can say, and what they mean by it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{finished, id_of, items, login_from, order, preview};
use crate::support::{Enrolled, World, email};

fn sample(preview: &Value) -> BTreeSet<Uuid> {
    let rows = preview["sample"].as_array().expect("a sample");
    let id = |row: &Value| row["id"].as_str().and_then(|id| id.parse().ok());
    rows.iter().map(|row| id(row).expect("an id")).collect()
}

/// The kid of the key that signs.
async fn kid(world: &World) -> String {
    let keys = world.get("/.well-known/jwks.json").send().await.json();
    keys["keys"][0]["kid"].as_str().expect("a kid").to_owned()
}

#[tokio::test]
async fn every_condition_selects_by_what_the_sign_in_was() {
    let world = World::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let operator = world.operator().await;
    let (ada, grace) = (email("ada"), email("grace"));
    let a1 = world.register(&ada).await;
    let a2 = login_from(&world, &ada, "203.0.113.7", "Phone/1").await;
    let a3 = login_from(&world, &ada, "2001:db8:1::9", "tablet 100%").await;
    world.later(Duration::from_mins(10));
    let middle = world.now().to_datetime();
    let middle = middle
        .format(&time::format_description::well_known::Rfc3339)
        .expect("a time");
    let g1 = world.register(&grace).await;
    let g2 = login_from(&world, &grace, "203.0.113.8", "phone/2").await;
    let strong = Enrolled::new(&world, "katherine").await;
    let k1 = strong.session.session;
    let k2 = strong.login(&world).await.session;
    // What is refreshed from elsewhere is still what it was.
    let form = json!({ "refresh_token": a2.refresh });
    let moved = world.post("/v1/auth/refresh", &form);
    let moved = moved
        .header("x-forwarded-for", "198.51.100.1")
        .agent("other");
    moved.send().await.expect(200);
    world.projected().await;
    let kid = kid(&world).await;

    let own = operator.session;
    let of = |ids: &[Uuid]| ids.iter().copied().collect::<BTreeSet<_>>();
    let (a1, a2, a3) = (a1.session, a2.session, a3.session);
    let account = world.get("/v1/me").by(&g2.access).send().await.json()["id"].clone();
    let (g1, g2) = (g1.session, g2.session);
    for (predicate, expected) in [
        (json!({ "account": account }), of(&[g1, g2])),
        (
            json!({ "client": "first-party" }),
            of(&[a1, a2, a3, g1, g2, k1, k2]),
        ),
        (json!({ "client": "first" }), of(&[])),
        (json!({ "network": "203.0.113.0/24" }), of(&[a2, g2])),
        (json!({ "network": "203.0.113.7" }), of(&[a2])),
        (json!({ "network": "2001:db8:1::/48" }), of(&[a3])),
        (json!({ "network": "198.51.100.1" }), of(&[])),
        (json!({ "user_agent": "PHONE" }), of(&[a2, g2])),
        (json!({ "user_agent": "%" }), of(&[a3])),
        (json!({ "user_agent": "other" }), of(&[])),
        // The first session of an enrolled person was raised: it began weak.
        (json!({ "acr": "aal2" }), of(&[k2])),
        (
            json!({ "acr_below": "aal2" }),
            of(&[a1, a2, a3, g1, g2, k1]),
        ),
        (json!({ "started_before": middle }), of(&[a1, a2, a3])),
        (json!({ "started_after": middle }), of(&[g1, g2, k1, k2])),
        (json!({ "key": kid }), of(&[a1, a2, a3, g1, g2, k1, k2])),
        (json!({ "all": true }), of(&[a1, a2, a3, g1, g2, k1, k2])),
        (
            json!({ "network": "203.0.113.0/24", "user_agent": "phone/2" }),
            of(&[g2]),
        ),
        (
            json!({ "client": "first-party", "state": "revoked" }),
            of(&[]),
        ),
    ] {
        let seen = preview(&world, &operator, predicate.clone()).await;
        assert_eq!(sample(&seen), expected, "{predicate}");
        assert_eq!(seen["matched"], expected.len(), "{predicate}");
        assert!(!sample(&seen).contains(&own), "{predicate}");
    }
    let seen = preview(&world, &operator, json!({ "all": true })).await;
    assert_eq!(seen["includes_own"], true, "said, though it is spared");
    assert_eq!(
        (&seen["accounts"], &seen["clients"]),
        (&json!(3), &json!(1))
    );
    let seen = preview(&world, &operator, json!({ "user_agent": "phone" })).await;
    assert_eq!(seen["includes_own"], false);
    assert_eq!(seen["accounts"], 2);
    assert!(seen["sample"][0]["email"].is_string(), "{seen}");
}

#[tokio::test]
async fn a_key_means_who_signed_in_before_it_ceased_to_sign() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let first = kid(&world).await;
    let form = json!({ "force": true, "reason": "in haste" });
    let call = world.post("/v1/admin/keys/rotate", &form);
    let rotated = call.by(&operator.access).send().await.expect(200).json();
    world.later(Duration::from_mins(2));
    let eve = world.register(&email("eve")).await;
    world.projected().await;
    let seen = preview(&world, &operator, json!({ "key": first })).await;
    assert_eq!(sample(&seen), [ada.session].into(), "{seen}");
    // Whose tokens the new one signs is everybody who goes on.
    let seen = preview(&world, &operator, json!({ "key": rotated["kid"] })).await;
    assert_eq!(sample(&seen), [ada.session, eve.session].into(), "{seen}");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_and_nothing_is_written() {
    let world = World::start().await;
    let operator = world.operator().await;
    world.register(&email("ada")).await;
    let before = world.ends().await;
    let reason = "incident 311";
    let fresh = preview(&world, &operator, json!({ "all": true })).await["as_of"].clone();
    let (fence, _) = fresh
        .as_str()
        .and_then(|text| text.split_once('@'))
        .expect("a fence and a time");
    let future = world.now().plus(Duration::from_hours(12)).as_millis();
    let future = format!("{fence}@{future}");
    for (form, pointer) in [
        (
            json!({ "predicate": { "all": true }, "as_of": future }),
            "/as_of",
        ),
        (json!({ "predicate": {} }), "/predicate"),
        (json!({ "predicate": { "all": false } }), "/predicate"),
        (
            json!({ "predicate": { "all": true, "client": "web" } }),
            "/predicate/all",
        ),
        (
            json!({ "predicate": { "client": "web", "state": "revoked" } }),
            "/predicate/state",
        ),
        (
            json!({ "predicate": { "network": "::/129" } }),
            "/predicate/network",
        ),
        (
            json!({ "predicate": { "key": "nobody" } }),
            "/predicate/key",
        ),
        (
            json!({ "predicate": { "all": true }, "as_of": "1-2" }),
            "/as_of",
        ),
        (
            json!({ "predicate": { "all": true }, "as_of": "1-2@5" }),
            "/as_of",
        ),
        (
            json!({ "predicate": { "all": true }, "as_of": "1-2-3@5" }),
            "/as_of",
        ),
        (
            json!({ "predicate": { "all": true }, "as_of": "1-2-3@99999999999999" }),
            "/as_of",
        ),
    ] {
        let mut form = form;
        form["reason"] = json!(reason);
        let answer = order(&world, &operator, &form).await;
        let answer = answer.refused(400, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{form}");
    }
    // Why is asked of who acts, and not of who looks.
    let silent = json!({ "predicate": { "all": true } });
    let answer = order(&world, &operator, &silent).await;
    assert_eq!(
        answer.refused(400, "validation_failed").json()["errors"][0]["pointer"],
        "/reason"
    );
    for key in ["a b", "ü"] {
        let form = json!({ "predicate": { "all": true }, "reason": reason });
        let call = world.post(super::REVOCATIONS, &form).by(&operator.access);
        let call = call.header_bytes("idempotency-key", key.as_bytes());
        call.send().await.expect(400);
    }
    // Another number than the one that was seen.
    let form = json!({ "predicate": { "all": true }, "reason": reason, "as_of": fresh,
        "expected": 7 });
    order(&world, &operator, &form)
        .await
        .refused(409, "conflict");
    // Words without letters are letters.
    world.later(Duration::from_hours(25));
    let operator = world.operator().await;
    let after = world.ends().await;
    let form = json!({ "predicate": { "all": true }, "reason": reason, "as_of": fresh });
    let answer = order(&world, &operator, &form).await;
    answer.refused(400, "validation_failed");
    assert_eq!(world.ends().await, after);
    assert!(
        before
            .iter()
            .zip(&after)
            .all(|(before, after)| before <= after)
    );
}

#[tokio::test]
async fn an_order_ends_what_was_previewed_and_nothing_else() {
    let world = World::with(&[("trusted_proxies", "127.0.0.1")]).await;
    let other = world.second_service().await;
    let operator = world.operator().await;
    let address = email("ada");
    let here = world.register(&address).await;
    let doomed = login_from(&world, &address, "203.0.113.7", "phone").await;
    let gone = login_from(&world, &address, "203.0.113.9", "phone").await;
    let predicate = json!({ "network": "203.0.113.0/24" });
    let seen = preview(&world, &operator, predicate.clone()).await;
    assert_eq!(seen["matched"], 2);
    // It looks the same and comes later; another goes by itself.
    let later = login_from(&other, &address, "203.0.113.8", "phone").await;
    world.logout(&gone.refresh).await.expect(204);
    world.projected().await;
    let form = json!({ "predicate": predicate, "as_of": seen["as_of"], "expected": 2,
        "reason": "incident 311", "wait": true });
    let answer = order(&world, &operator, &form).await.expect(201);
    let body = answer.json();
    assert_eq!(body["state"], "completed", "{body}");
    assert_eq!(
        [
            &body["matched"],
            &body["ended"],
            &body["already_over"],
            &body["failed"]
        ],
        [2, 1, 1, 0].map(|number| json!(number)).each_ref()
    );
    assert_eq!(body["started_since"], 1, "{body}");
    assert_eq!(body["by"], operator.account.to_string());
    assert_eq!(body["reason"], "incident 311");
    assert_eq!(body["predicate"], predicate);
    for client in [&world.client, &other.client] {
        client.refresh(&doomed.refresh).await.expect(401);
        crate::support::eventually(crate::support::PATIENCE, || async {
            client.verify(&doomed.access).await.code() == "token_revoked"
        })
        .await;
        client.verify(&here.access).await.expect(200);
        client.verify(&later.access).await.expect(200);
    }
    let id = id_of(&answer);
    assert_eq!(
        items(&world, &operator, id, "ended").await,
        [doomed.session].into()
    );
    assert_eq!(
        items(&world, &operator, id, "already_over").await,
        [gone.session].into()
    );
    for state in ["pending", "failed", "left"] {
        assert!(
            items(&world, &operator, id, state).await.is_empty(),
            "{state}"
        );
    }
    // Each by its own event, which says who and because of what.
    let path = format!("/v1/admin/sessions/{}/events", doomed.session);
    let events = world.get(&path).by(&operator.access).send().await.items();
    let end = events.last().expect("an end");
    assert_eq!(end["name"], "ended");
    assert_eq!(end["payload"]["reason"], "revoked_by_operator");
    assert_eq!(end["actor"]["id"], operator.account.to_string());
    assert!(end["causation_id"].is_string(), "{end}");
    assert_eq!(end["payload"].get("note"), None, "{end}");
}

#[tokio::test]
async fn an_account_alone_ends_by_one_event() {
    let world = World::start().await;
    let operator = world.operator().await;
    let address = email("ada");
    let first = world.register(&address).await;
    let second = world.login(&address).await;
    let before: u64 = world.ends().await.iter().sum();
    let form = json!({ "predicate": { "account": first.account }, "reason": "asked for" });
    let id = id_of(&order(&world, &operator, &form).await);
    let done = finished(&world, &operator, id).await;
    assert_eq!(
        (&done["matched"], &done["ended"]),
        (&json!(2), &json!(2)),
        "{done}"
    );
    // The order, the end, the count and what came of it.
    let after: u64 = world.ends().await.iter().sum();
    assert_eq!(after - before, 4);
    for one in [&first, &second] {
        world
            .verify(&one.access)
            .await
            .refused(401, "token_revoked");
        world
            .refresh(&one.refresh)
            .await
            .refused(401, "session_revoked");
    }
    assert_eq!(
        items(&world, &operator, id, "ended").await,
        [first.session, second.session].into()
    );
    // One's own: the session that orders it goes on, unless it is said.
    let form = json!({ "predicate": { "account": operator.account }, "reason": "all but this",
        "wait": true });
    order(&world, &operator, &form).await.expect(201);
    world.verify(&operator.access).await.expect(200);
    let form = json!({ "predicate": { "account": operator.account }, "reason": "this too",
        "spare_own_session": false });
    order(&world, &operator, &form).await.expect(202);
    crate::support::eventually(crate::support::PATIENCE, || async {
        world.verify(&operator.access).await.code() == "token_revoked"
    })
    .await;
}
