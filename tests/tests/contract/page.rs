//! Every list that comes in pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::contract::operations;
use crate::support::{World, email};

#[tokio::test]
async fn ab_84_a_forged_cursor_is_refused_by_every_list() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    world.projected().await;
    let long = "A".repeat(5_000);
    let forged = [
        "",
        "x",
        "'%20or%201=1%20--",
        "1;drop%20table%20sessions",
        "%00",
        "-1",
        "9999999999999999999999",
        "0.0.0",
        "1-2",
        "1-2-3-4",
        "1--3",
        "../../etc",
        "AAAAAAAAAAAAAAAAAAAAAA==",
        "%F0%9D%84%9E",
        long.as_str(),
    ];
    let form = json!({ "predicate": { "client": "nobody" }, "reason": "of nobody" });
    let order = world
        .post("/v1/admin/revocations", &form)
        .by(&operator.access)
        .send()
        .await
        .expect(202);
    let order = order.json()["id"].as_str().expect("an id").to_owned();
    let mut lists = 0;
    for operation in operations()
        .iter()
        .filter(|operation| operation.parameters.iter().any(|name| name == "after"))
    {
        lists += 1;
        let id = if operation.id.contains("account") {
            ada.account.to_string()
        } else if operation.id == "list_revocation_items" {
            order.clone()
        } else {
            ada.session.to_string()
        };
        let path = operation.path.replace("{id}", &id);
        world
            .get(&path)
            .by(&operator.access)
            .send()
            .await
            .expect(200);
        for cursor in forged {
            let answer = world
                .get(&format!("{path}?after={cursor}"))
                .by(&operator.access)
                .send()
                .await;
            operation.lists(&answer);
            assert_eq!(
                answer.code(),
                "validation_failed",
                "{} {cursor:.40}",
                operation.id
            );
            assert_eq!(answer.json()["errors"][0]["parameter"], "after");
        }
        let beyond = if operation.id == "list_revocations" {
            "1001"
        } else {
            "201"
        };
        for limit in ["0", beyond, "65536", "-1", "x", "1.5", "", "1e2"] {
            let answer = world
                .get(&format!("{path}?limit={limit}"))
                .by(&operator.access)
                .send()
                .await;
            operation.lists(&answer);
            assert_eq!(
                answer.code(),
                "validation_failed",
                "{} {limit}",
                operation.id
            );
            assert_eq!(answer.json()["errors"][0]["parameter"], "limit");
        }
        for limit in ["1", "200"] {
            let answer = world
                .get(&format!("{path}?limit={limit}"))
                .by(&operator.access)
                .send()
                .await;
            // Events of one decision stay together, and it has four at most.
            let each = if operation.path.ends_with("/events") {
                4
            } else {
                1
            };
            let most: usize = limit.parse().expect("a number");
            assert!(answer.items().len() <= each * most, "{}", operation.id);
        }
    }
    assert!(lists >= 6, "only {lists} lists");
}

#[tokio::test]
async fn ab_84_somebody_elses_cursor_shows_nothing_of_theirs() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    let eve = world.register(&email("eve")).await;
    world.projected().await;
    for id in [
        ada.session,
        ada.account,
        uuid::Uuid::max(),
        uuid::Uuid::nil(),
    ] {
        let cursor = URL_SAFE_NO_PAD.encode(id.as_bytes());
        let path = format!("/v1/me/sessions?after={cursor}");
        for row in world.get(&path).by(&eve.access).send().await.items() {
            assert_eq!(row["account_id"], eve.account.to_string());
        }
    }
}
