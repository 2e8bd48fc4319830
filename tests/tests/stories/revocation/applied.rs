//! Who has applied an order, while it is carried out and after.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{REVOCATIONS, finished, id_of, order, shown};
use crate::support::{PATIENCE, SignedIn, World, email, eventually, program, soon};

const LAGGARD: &str = "laggard\u{202e}\u{1b}[31m";

/// A verifier says how far it is, as of now.
async fn reports(world: &World, cursor: &Value) {
    let report = json!({
        "v": 1, "id": Uuid::from_u128(7), "name": LAGGARD, "seq": 1, "cursor": cursor,
        "kids": ["k"], "staleness_ms": 12, "max_staleness_ms": 10_000, "leaving": false,
    });
    let subject = format!("{}.ver.report", world.log.prefix());
    let payload = report.to_string().into_bytes().into();
    let answer = soon(world.log.client().request(subject, payload)).await;
    answer.expect("an answer");
}

/// Waits until who lags are exactly these, and answers what is shown of it.
async fn lag(world: &World, by: &SignedIn, id: Uuid, names: &[&str]) -> Value {
    eventually(PATIENCE, || async {
        let shown = shown(world, by, id).await;
        let behind = shown["applied"]["behind"].as_array().cloned();
        let behind = behind.unwrap_or_default();
        let behind: Vec<_> = behind.iter().map(|one| one["name"].as_str()).collect();
        let wanted: Vec<_> = names.iter().map(|name| Some(*name)).collect();
        behind == wanted && shown["applied"]["verifiers"] == 2
    })
    .await;
    shown(world, by, id).await["applied"].clone()
}

#[tokio::test]
async fn an_order_names_who_has_not_applied_its_last_end() {
    let world = World::start().await;
    let operator = world.operator().await;
    let people = [
        world.register(&email("ada")).await,
        world.register(&email("bob")).await,
    ];
    let before = json!(world.ends().await);
    reports(&world, &before).await;
    let form = json!({ "predicate": { "client": "first-party" }, "reason": "a test" });
    let id = id_of(&order(&world, &operator, &form).await);
    let done = finished(&world, &operator, id).await;
    assert_eq!(done["ended"], 2, "{done}");
    let applied = lag(&world, &operator, id, &[LAGGARD]).await;
    assert_eq!(applied["behind"][0]["state"], "live");
    assert_eq!(applied["behind"][0]["max_staleness_ms"], 10_000);
    // The list does not say it: it would be asked about every order.
    let list = world.get(REVOCATIONS).by(&operator.access).send().await;
    assert_eq!(list.items()[0]["applied"], Value::Null);

    // The command line says the same, in text that is safe to show.
    let words = ["revocations", "show", &id.to_string()];
    let said = program(&world, &operator, &words).await.ended(0);
    let lines = said.lines();
    assert_eq!(lines[2], "applied by 1 of 2 verifiers", "{}", said.out);
    let line = lines[3];
    assert!(
        line.starts_with("not applied by laggard\\u{202e}\\u{1b}[31m ("),
        "{line}"
    );
    assert!(
        line.ends_with("; it refuses everything once 10.0 s stale)"),
        "{line}"
    );

    // What comes later in the log, and is not of the order, is not waited for.
    let ends = json!(world.ends().await);
    world.register(&email("carol")).await;
    reports(&world, &ends).await;
    lag(&world, &operator, id, &[]).await;
    let said = program(&world, &operator, &words).await.ended(0);
    assert_eq!(said.lines()[2..], ["applied by 2 of 2 verifiers"]);
    for one in people {
        world
            .refresh(&one.refresh)
            .await
            .refused(401, "session_revoked");
    }
}

#[tokio::test]
async fn the_ends_of_several_are_asked_about_together() {
    let world = World::start().await;
    let operator = world.operator().await;
    reports(&world, &json!([5, 5, 5])).await;
    let asked = async |position: &str| {
        let path = format!("/v1/admin/verifiers?position={position}");
        let list = world.get(&path).by(&operator.access).send().await;
        let list = list.expect(200).json();
        let behind = list["behind"].as_array().expect("a list").clone();
        behind.iter().any(|one| one["name"] == LAGGARD)
    };
    assert!(!asked("0.5,2.4").await);
    assert!(asked("0.5,2.6").await);
    assert!(asked("1.6").await);
    let path = "/v1/admin/verifiers?position=0.5,9.1";
    let answer = world.get(path).by(&operator.access).send().await;
    answer.refused(400, "validation_failed");
}

#[tokio::test]
async fn who_waits_on_the_command_line_hears_the_same_of_an_order() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    world.projected().await;
    let before = json!(world.ends().await);
    let of = format!("account={}", ada.account);
    let words = [
        "sessions", "revoke", "--where", &of, "--reason", "a test", "--expect", "1", "--yes",
        "--wait",
    ];
    reports(&world, &before).await;
    let said = program(&world, &operator, &words).await.ended(6);
    assert!(
        said.err.contains("applied by 1 of 2 verifiers\n"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("not applied by laggard\\u{202e}"),
        "{}",
        said.err
    );
}
