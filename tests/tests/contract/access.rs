//! Who may do what: over every operation, not over those one thought of.

use std::time::Duration;

use crate::contract::{CLIENTS, Operation, PUBLIC, operations};
use crate::support::{World, email};

fn secured() -> impl Iterator<Item = Operation> {
    operations()
        .into_iter()
        .filter(|operation| !PUBLIC.contains(&operation.id.as_str()))
        .filter(|operation| !CLIENTS.contains(&operation.id.as_str()))
}

#[tokio::test]
async fn nobody_is_asked_who_they_are_by_every_operation_that_is_not_public() {
    let world = World::start().await;
    let before = world.ends().await;
    for operation in secured() {
        let answer = operation.call(&world).send().await;
        operation.lists(&answer);
        let answer = answer.refused(401, "token_missing");
        assert!(
            answer.header("www-authenticate").starts_with("Bearer"),
            "{}",
            operation.id
        );
        // Who one is comes before what one sent.
        let answer = world
            .call(&operation.method, &operation.path.replace("{id}", "x"))
            .send()
            .await;
        assert_eq!(answer.code(), "token_missing", "{}", operation.id);
    }
    assert_eq!(world.ends().await, before);
}

#[tokio::test]
async fn a_stranger_is_refused_by_every_operation_for_operators() {
    let world = World::start().await;
    let stranger = world.register(&email("eve")).await;
    let other = world.register(&email("ada")).await;
    let before = world.ends().await;
    let mut refused = 0;
    for operation in secured() {
        for id in [other.session, other.account, stranger.session] {
            if operation.id == "end_my_session" && id == stranger.session || operation.changes_own()
            {
                continue;
            }
            let answer = operation
                .call_about(&world, &id.to_string())
                .by(&stranger.access)
                .send()
                .await;
            operation.lists(&answer);
            if operation.is_admin() {
                let answer = answer.refused(403, "insufficient_permissions");
                assert!(!answer.text().contains(&id.to_string()), "{}", operation.id);
                refused += 1;
            } else if operation.path.contains("{id}") {
                answer.refused(404, "not_found");
            } else {
                answer.expect(200);
            }
        }
    }
    assert!(refused >= 30, "only {refused}");
    assert_eq!(world.ends().await, before, "nothing was written");
    world.verify(&other.access).await.expect(200);
}

#[tokio::test]
async fn an_operator_meets_only_problems_that_the_document_lists() {
    let world = World::start().await;
    let operator = world.operator().await;
    let asked = secured().filter(|operation| !operation.changes_own() && !operation.is_endless());
    for operation in asked {
        for id in [
            "0190c7a2-5b1e-7a6e-9d5b-6b1f3e2d4c5a",
            "00000000-0000-0000-0000-000000000000",
            "x",
        ] {
            let answer = operation
                .call_about(&world, id)
                .by(&operator.access)
                .send()
                .await;
            operation.lists(&answer);
            if operation.path.contains("{id}") {
                let (status, code) = if id == "x" {
                    (400, "validation_failed")
                } else {
                    (404, "not_found")
                };
                answer.refused(status, code);
            } else if operation.path.contains("{kid}") {
                answer.refused(404, "not_found");
            } else {
                let is_done = (200..300).contains(&answer.status)
                    || operation.id == "rebuild_projections" && answer.code() == "conflict";
                assert!(is_done, "{}: {}", operation.id, answer.text());
            }
        }
    }
}

#[tokio::test]
async fn revoked_expired_and_foreign_tokens_are_refused_by_every_operation() {
    let world = World::start().await;
    let foreign = world.foreign().await.operator().await;
    let revoked = world.operator().await;
    world.logout(&revoked.refresh).await.expect(204);
    let everywhere = world.operator().await;
    world
        .post_nothing("/v1/auth/logout-all")
        .by(&everywhere.access)
        .send()
        .await
        .expect(204);
    let before = world.ends().await;
    for operation in secured() {
        for (token, code) in [
            (&revoked.access, "token_revoked"),
            (&everywhere.access, "token_revoked"),
            (&foreign.access, "token_invalid"),
            (&"garbage".to_owned(), "token_invalid"),
        ] {
            let answer = operation.call(&world).by(token).send().await;
            operation.lists(&answer);
            let answer = answer.refused(401, code);
            assert!(
                answer.header("www-authenticate").contains("invalid_token"),
                "{}",
                operation.id
            );
        }
    }
    assert_eq!(world.ends().await, before);
    let expired = world.operator().await;
    let before = world.ends().await;
    world.later(Duration::from_secs(911));
    for operation in secured() {
        let answer = operation.call(&world).by(&expired.access).send().await;
        operation.lists(&answer);
        answer.refused(401, "token_expired");
    }
    assert_eq!(world.ends().await, before);
}

#[tokio::test]
async fn public_operations_meet_only_problems_that_the_document_lists() {
    let world = World::start().await;
    for operation in operations()
        .iter()
        .filter(|operation| PUBLIC.contains(&operation.id.as_str()))
    {
        let answer = operation.call(&world).send().await;
        operation.lists(&answer);
        assert!(
            answer.status != 404 && answer.status < 500,
            "{}",
            operation.id
        );
        for body in ["", "{", "[]", "{\"a\":1}", "{\"email\":1}"] {
            let call = world.call(&operation.method, &operation.path);
            let answer = if operation.body.is_some() {
                call.body("application/json", body).send().await
            } else {
                call.send().await
            };
            operation.lists(&answer);
            assert!(answer.status < 500, "{} {body}", operation.id);
        }
    }
}

#[tokio::test]
async fn where_a_client_is_asked_for_no_access_token_counts() {
    let world = World::start().await;
    let operator = world.operator().await;
    let before = world.ends().await;
    let mut asked = 0;
    for operation in operations() {
        if !CLIENTS.contains(&operation.id.as_str()) {
            continue;
        }
        asked += 1;
        let call = || world.form(&operation.path, &[("token", "x"), ("grant_type", "x")]);
        call().send().await.oauth_error(401, "invalid_client");
        for token in [operator.access.as_str(), "garbage"] {
            let answer = call().by(token).send().await;
            answer.oauth_error(401, "invalid_client");
        }
        for body in ["", "{", "[]", "=", "%", "a=1&a=1"] {
            for kind in ["application/json", "application/x-www-form-urlencoded"] {
                let call = world.call("POST", &operation.path).body(kind, body);
                let status = call.send().await.status;
                assert!([400, 401].contains(&status), "{} {body}", operation.id);
            }
        }
    }
    assert_eq!(asked, CLIENTS.len());
    assert_eq!(world.ends().await, before);
}

/// A service is no person, and does not become one by acting for one.
#[tokio::test]
async fn a_service_is_refused_by_every_operation_that_is_not_for_services() {
    let world = World::start().await;
    let operator = world.operator().await;
    let scopes = ["revocations:read"];
    let client = world
        .client_of(&operator, &["countersign"], &["countersign"], &scopes)
        .await;
    let own = world.token_of(&client, &[]).await;
    let passed = world.exchanged(&client, &operator.access).await;
    let before = world.ends().await;
    let mut refused = 0;
    for operation in secured() {
        let is_for_services = operation.path.starts_with("/v1/revocations");
        for (token, is_own) in [(&own, true), (&passed, false)] {
            if is_for_services && is_own {
                continue;
            }
            let answer = operation.call(&world).by(token).send().await;
            operation.lists(&answer);
            answer.refused(403, "insufficient_permissions");
            refused += 1;
        }
    }
    assert!(refused >= 80, "only {refused}");
    assert_eq!(world.ends().await, before, "nothing was written");
    let feed = world.get("/v1/revocations").by(&own);
    feed.send().await.expect(200);
}
