//! What operators write when they do something to an account, and who reads it.

use countersign_events::AccountId;
use serde_json::{Value, json};

use super::{NOTE, change, give, history};
use crate::support::{Client, Enrolled, SignedIn, World, email, program};

#[tokio::test]
async fn what_an_operator_wrote_is_sealed_in_the_event_and_read_by_operators_only() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = Enrolled::new(&world, "ada").await;
    let id = ada.session.account;
    for what in ["suspend", "reinstate", "reset-factors", "revoke-sessions"] {
        change(&world, &operator, id, what).await.expect(204);
    }
    give(&world, &operator, id, &["user", "support"])
        .await
        .expect(204);
    let events = history(&world, &operator, id).await;
    let mut notes = 0;
    for event in &events {
        let note = &event["payload"]["note"];
        if note.is_null() {
            continue;
        }
        notes += 1;
        assert_eq!(event["actor"]["id"], operator.account.to_string());
        let sealed = serde_json::from_value(note.clone()).expect("sealed");
        let message = event["id"]
            .as_str()
            .expect("an id")
            .parse()
            .expect("a UUID");
        let message = countersign_events::MessageId::from_uuid(message);
        let account = AccountId::from_uuid(id);
        let key = world
            .log
            .vault()
            .data_key(account)
            .await
            .expect("the vault");
        let open = key.expect("a key").open(&sealed, account, message, "note");
        assert_eq!(open.expect("opens").as_str(), NOTE);
        assert_eq!(event["note"], NOTE, "opened beside what is stored");
    }
    assert_eq!(notes, 5, "{events:#?}");
    let opened = events.iter().filter(|event| !event["note"].is_null());
    assert_eq!(opened.count(), 5, "{events:#?}");
    let payloads: Vec<_> = events.iter().map(|event| &event["payload"]).collect();
    let text = serde_json::to_string(&payloads).expect("JSON");
    assert!(!text.contains("8412"), "{text}");
    // The log as it is read by itself, and the person's own answers, hold none.
    let ada = world.login(&ada.email).await;
    world.projected().await;
    for (path, by) in [
        ("/v1/admin/events?limit=200", &operator.access),
        ("/v1/admin/accounts?limit=200", &operator.access),
        ("/v1/me", &ada.access),
        ("/v1/me/sessions", &ada.access),
        ("/v1/me/events", &ada.access),
    ] {
        let answer = world.get(path).by(by).send().await.expect(200);
        assert!(!answer.text().contains("8412"), "{path}: {}", answer.text());
    }
    for bad in [
        json!({}),
        json!({ "reason": "" }),
        json!({ "reason": "x".repeat(501) }),
    ] {
        let path = format!("/v1/admin/accounts/{id}/suspend");
        let call = world.post(&path, &bad).by(&operator.access);
        call.send().await.refused(400, "validation_failed");
    }
}

#[tokio::test]
async fn the_last_reason_is_shown_with_the_account_until_the_person_is_erased() {
    let world = World::start().await;
    let operator = world.operator().await;
    let support = world.somebody(&["user", "support"]).await;
    let ada = Enrolled::new(&world, "ada").await;
    let id = ada.session.account;
    let path = format!("/v1/admin/accounts/{id}");
    let noted = async |by: &SignedIn| {
        world.projected().await;
        let answer = world.get(&path).by(&by.access).send().await;
        answer.expect(200).json()["noted"].clone()
    };
    assert_eq!(noted(&operator).await, Value::Null);
    for (what, word) in [
        ("suspend", "suspended"),
        ("reinstate", "reinstated"),
        ("revoke-sessions", "sessions_ended"),
        ("reset-factors", "factors_reset"),
        ("suspend", "suspended"),
    ] {
        change(&world, &operator, id, what).await.expect(204);
        let shown = noted(&operator).await;
        assert_eq!(shown["what"], word, "{shown}");
        assert_eq!(shown["note"], NOTE);
        assert_eq!(shown["by"], operator.account.to_string());
        assert_eq!(noted(&support).await, shown);
    }
    let show = ["accounts", "show", &id.to_string()];
    let said = program(&world, &operator, &show).await.ended(0);
    assert!(said.out.contains(NOTE), "{}", said.out);
    assert!(said.out.contains(": suspended"), "{}", said.out);
}

#[tokio::test]
async fn of_whoever_was_erased_no_reason_is_read_by_any_service() {
    let world = World::start().await;
    let other = world.second_service().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let id = ada.account;
    change(&world, &operator, id, "suspend").await.expect(204);
    world.projected().await;
    let path = format!("/v1/admin/accounts/{id}");
    let events = async |service: &Client| {
        let path = format!("{path}/events?limit=200");
        let answer = service.get(&path).by(&operator.access).send().await;
        answer.expect(200).text()
    };
    for service in [&world.client, &other.client] {
        assert!(events(service).await.contains(NOTE), "and the key is known");
    }
    change(&world, &operator, id, "erase").await.expect(204);
    for service in [&world.client, &other.client] {
        let text = events(service).await;
        assert!(text.contains("erased") && !text.contains("8412"), "{text}");
        // Also before any read model knows it.
        let shown = service.get(&path).by(&operator.access).send().await;
        assert!(!shown.text().contains("8412"), "{}", shown.text());
    }
    world.projected().await;
    let gone = world.get(&path).by(&operator.access).send().await;
    gone.refused(404, "not_found");
}
