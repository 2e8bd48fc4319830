//! Who has applied what.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use super::complete;
use crate::support::{PATIENCE, Service, SignedIn, World, email, eventually, program, soon};

fn report(id: Uuid, name: &str, cursor: &Value) -> Value {
    json!({
        "v": 1, "id": id, "name": name, "seq": 1, "cursor": cursor, "kids": ["k"],
        "staleness_ms": 12, "max_staleness_ms": 10_000, "leaving": false,
    })
}

async fn over_nats(world: &World, report: &Value) -> Value {
    let subject = format!("{}.ver.report", world.log.prefix());
    let payload = report.to_string().into_bytes().into();
    let answer = soon(world.log.client().request(subject, payload)).await;
    serde_json::from_slice(&answer.expect("an answer").payload).expect("JSON")
}

async fn over_http(service: &Service, operator: &SignedIn, report: &Value) -> Value {
    let call = service.post("/v1/revocations/report", report);
    call.by(&operator.access).send().await.expect(200).json()
}

async fn verifiers(service: &Service, operator: &SignedIn, query: &str) -> Value {
    let call = service.get(&format!("/v1/admin/verifiers{query}"));
    call.by(&operator.access).send().await.expect(200).json()
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list");
    list.iter()
        .map(|one| one["name"].as_str().expect("a name"))
        .collect()
}

/// A verifier that reports for as long as it is asked to, each time as far as
/// it was told the time before.
async fn reports_on(world: &World, name: &str) {
    let id = Uuid::new_v4();
    let mut cursor = Value::Null;
    loop {
        let answer = over_nats(world, &report(id, name, &cursor)).await;
        cursor = answer["cursor"].clone();
    }
}

#[tokio::test]
async fn what_is_reported_to_one_service_is_known_to_all() {
    let (world, others) = World::start_several(1).await;
    let operator = world.operator().await;
    for service in [&world.service, &others[0]] {
        complete(service, &operator).await;
    }
    let ends = world.ends().await;
    let id = |n| Uuid::from_u128(n);
    let told = over_http(
        &world,
        &operator,
        &report(id(1), "orders", &json!([1, 1, 1])),
    )
    .await;
    let sequence = |value: &Value| value.as_u64().expect("a number");
    let cursor = told["cursor"].as_array().expect("a cursor");
    assert_eq!(cursor.len(), ends.len());
    assert!(sequence(&told["since"]) <= sequence(&told["seq"]), "{told}");
    assert!(sequence(&told["age_ms"]) < 10_000, "{told}");
    over_nats(&world, &report(id(2), "billing", &Value::Null)).await;
    for service in [&world.service, &others[0]] {
        eventually(PATIENCE, || async {
            let list = verifiers(service, &operator, "").await;
            let names = names(&list["items"]);
            let own = names.iter().filter(|name| name.starts_with("serve/"));
            own.count() == 2 && names.contains(&"orders") && names.contains(&"billing")
        })
        .await;
        let list = verifiers(service, &operator, "").await;
        let items = list["items"].as_array().expect("a list");
        let one = |name: &str| items.iter().find(|one| one["name"] == name).expect("it");
        assert_eq!(one("orders")["client"], "first-party", "who brought it");
        assert_eq!(one("billing")["client"], Value::Null);
        assert_eq!(one("orders")["state"], "live");
        assert_eq!(one("orders")["position"], json!([1, 1, 1]));
        assert_eq!(one("billing")["position"], Value::Null);
        assert_eq!(list["applied"], Value::Null);
    }
    let mut leaving = report(id(1), "orders", &Value::Null);
    leaving["leaving"] = json!(true);
    over_http(&others[0], &operator, &leaving).await;
    eventually(PATIENCE, || async {
        !names(&verifiers(&world, &operator, "").await["items"]).contains(&"orders")
    })
    .await;
}

#[tokio::test]
async fn a_service_that_stops_says_good_bye() {
    let world = World::start().await;
    let operator = world.operator().await;
    complete(&world, &operator).await;
    let other = world.second_service().await;
    let own = async || {
        let list = verifiers(&world, &operator, "").await;
        let names = names(&list["items"]);
        names
            .iter()
            .filter(|name| name.starts_with("serve/"))
            .count()
    };
    eventually(PATIENCE, || async { own().await == 2 }).await;
    other.stop().await;
    eventually(Duration::from_secs(2), || async { own().await == 1 }).await;
}

#[tokio::test]
async fn waiting_names_exactly_the_verifier_that_stopped_reporting() {
    let world = World::start().await;
    let other = world.second_service().await;
    let operator = world.operator().await;
    complete(&world, &operator).await;
    complete(&other, &operator).await;
    let stopped = Uuid::from_u128(7);
    let revoking = async {
        eventually(PATIENCE, || async {
            names(&verifiers(&world, &operator, "").await["items"]).contains(&"steady")
        })
        .await;
        let ends = json!(world.ends().await);
        over_nats(&world, &report(stopped, "stopped", &ends)).await;
        let ada = world.register(&email("ada")).await;
        let path = format!("/v1/admin/sessions/{}/revoke", ada.session);
        let form = json!({"reason": "a test", "wait": true});
        let began = Instant::now();
        let answer = world.post(&path, &form).by(&operator.access).send().await;
        let answer = answer.expect(200);
        assert!(began.elapsed() < Duration::from_secs(4));
        let body = answer.json();
        assert_eq!(names(&body["applied"]["behind"]), ["stopped"], "{body}");
        let behind = &body["applied"]["behind"][0];
        assert_eq!(behind["id"], stopped.to_string());
        assert_eq!(behind["state"], "live");
        assert_eq!(behind["staleness_ms"], 12);
        assert_eq!(body["applied"]["verifiers"], 4, "{body}");
        let query = format!("?position={}", answer.position());
        let list = verifiers(&world, &operator, &query).await;
        assert_eq!(list["applied"], false);
        assert_eq!(names(&list["behind"]), ["stopped"]);
        let mut leaving = report(stopped, "stopped", &Value::Null);
        leaving["leaving"] = json!(true);
        over_nats(&world, &leaving).await;
        let list = verifiers(&world, &operator, &format!("{query}&wait=5")).await;
        assert_eq!(list["applied"], true, "{list}");
        // It has ended before, and that is known to all who are left.
        let answer = world.post(&path, &form).by(&operator.access).send().await;
        assert_eq!(answer.expect(200).json()["applied"]["behind"], json!([]));
        // Who does not ask to wait is answered as ever.
        let form = json!({"reason": "a test"});
        let answer = world.post(&path, &form).by(&operator.access).send().await;
        assert!(answer.expect(204).body.is_empty());
    };
    tokio::select! {
        () = reports_on(&world, "steady") => {}
        () = revoking => {}
    }
}

#[tokio::test]
async fn every_change_of_an_account_that_ends_sessions_can_be_waited_for() {
    let world = World::start().await;
    let operator = world.operator().await;
    complete(&world, &operator).await;
    let ada = world.register(&email("ada")).await;
    for (method, what, form) in [
        (
            "POST",
            "revoke-sessions",
            json!({"reason": "x", "wait": true}),
        ),
        (
            "PUT",
            "roles",
            json!({"roles": ["user"], "reason": "x", "wait": true}),
        ),
        (
            "POST",
            "reset-factors",
            json!({"reason": "x", "wait": true}),
        ),
        ("POST", "suspend", json!({"reason": "x", "wait": true})),
    ] {
        let path = format!("/v1/admin/accounts/{}/{what}", ada.account);
        let answer = world.call(method, &path).json(&form).by(&operator.access);
        let answer = answer.send().await.expect(200);
        assert!(!answer.position().is_empty());
        let applied = &answer.json()["applied"];
        assert_eq!(applied["behind"], json!([]), "{what}");
        assert_eq!(applied["verifiers"], 1, "{what}");
    }
}

#[tokio::test]
async fn a_question_about_verifiers_that_makes_no_sense_is_refused() {
    let world = World::start().await;
    let operator = world.operator().await;
    for query in [
        "position=x",
        "position=9.1",
        "position=1-2",
        "wait=11",
        "wait=-1",
    ] {
        let path = format!("/v1/admin/verifiers?{query}");
        let answer = world.get(&path).by(&operator.access).send().await;
        answer.refused(400, "validation_failed");
    }
}

#[tokio::test]
async fn the_command_line_names_who_has_not_applied_it() {
    let world = World::start().await;
    let operator = world.operator().await;
    complete(&world, &operator).await;
    let ends = json!(world.ends().await);
    let stopped = Uuid::from_u128(7);
    over_nats(&world, &report(stopped, "stopped\u{1b}[31m", &ends)).await;
    let ada = world.register(&email("ada")).await;
    let id = ada.session.to_string();
    let revoke = ["sessions", "revoke", &id, "--reason", "a test", "--wait"];
    let said = program(&world, &operator, &revoke).await.ended(6);
    let told = &said.err;
    assert!(said.out.contains(&id), "{}", said.out);
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(told.contains("applied by 1 of 2 verifiers"), "{told}");
    assert!(told.contains("stopped") && told.contains(&stopped.to_string()));
    assert!(!told.contains('\u{1b}'), "{told:?}");
    let list = ["verifiers", "list", "-o", "id"];
    let said = program(&world, &operator, &list).await.ended(0);
    assert_eq!(said.lines().len(), 2, "{}", said.out);
    let mut leaving = report(stopped, "stopped", &Value::Null);
    leaving["leaving"] = json!(true);
    over_nats(&world, &leaving).await;
    let said = program(&world, &operator, &revoke).await.ended(0);
    assert_eq!(said.err, "applied by 1 of 1 verifiers\n");
}
