//! What operators do with clients.

use serde_json::{Value, json};

use crate::support::{SignedIn, World, assertion_of, claims_of, email, new_key};

fn profile() -> Value {
    json!({
        "name": "Orders für 東京",
        "serves": ["https://orders.example"],
        "audiences": ["https://stock.example", "https://mail.example"],
        "scopes": ["stock:read", "stock:write"],
    })
}

async fn read(world: &World, operator: &SignedIn, id: &str) -> Value {
    world.projected().await;
    let path = format!("/v1/admin/clients/{id}");
    let answer = world.get(&path).by(&operator.access).send().await;
    answer.expect(200).json()
}

#[tokio::test]
async fn an_operator_registers_reads_and_changes_a_client() {
    let world = World::start().await;
    let operator = world.operator().await;
    let id = world.register_client(&operator, &profile()).await;
    let client = read(&world, &operator, &id).await;
    assert_eq!(client["name"], profile()["name"]);
    assert_eq!(client["serves"], profile()["serves"]);
    assert_eq!(client["audiences"], profile()["audiences"]);
    assert_eq!(client["scopes"], profile()["scopes"]);
    assert_eq!(client["state"], "active");
    assert_eq!(client["secrets"], json!([]));
    assert_eq!(client["key_ids"], json!([]));
    let other = world.register_client(&operator, &profile()).await;
    world.projected().await;
    let page = world.get("/v1/admin/clients?limit=1").by(&operator.access);
    let page = page.send().await.expect(200);
    assert_eq!(page.items()[0]["id"], other);
    let next = page.next().expect("one more");
    let rest = world
        .get(&format!("/v1/admin/clients?after={next}"))
        .by(&operator.access);
    assert_eq!(rest.send().await.items()[0]["id"], id);
    let changed = json!({ "name": "Sales", "serves": [], "audiences": ["a"], "scopes": [] });
    world
        .call("PUT", &format!("/v1/admin/clients/{id}"))
        .json(&changed)
        .by(&operator.access)
        .send()
        .await
        .expect(204);
    let client = read(&world, &operator, &id).await;
    for (field, value) in changed.as_object().expect("an object") {
        assert_eq!(client[field], *value, "{field}");
    }
}

#[tokio::test]
async fn a_secret_is_shown_once_and_there_are_two_at_most() {
    let world = World::start().await;
    let operator = world.operator().await;
    let id = world.register_client(&operator, &profile()).await;
    let first = world.add_secret(&operator, &id).await;
    assert!(first.secret.starts_with("csc_"));
    assert_eq!(first.secret.len(), 47);
    let second = world.add_secret(&operator, &id).await;
    let path = format!("/v1/admin/clients/{id}/secrets");
    let third = world.post_nothing(&path).by(&operator.access).send().await;
    third.refused(409, "conflict");
    for client in [&first, &second] {
        world
            .token_of(client, &[("audience", "https://stock.example")])
            .await;
    }
    let client = read(&world, &operator, &id).await;
    let ids: Vec<&str> = client["secrets"]
        .as_array()
        .expect("secrets")
        .iter()
        .map(|secret| secret["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(ids, [&first.secret_id, &second.secret_id]);
    assert!(!client.to_string().contains("csc_"), "{client}");
    // Rotation ends with the removal of the old one.
    let old = format!("{path}/{}", first.secret_id);
    let gone = || async { world.delete(&old).by(&operator.access).send().await };
    gone().await.expect(204);
    gone().await.refused(404, "not_found");
    let audience = [("audience", "https://stock.example")];
    world
        .ask_token(&first, &audience)
        .await
        .oauth_error(401, "invalid_client");
    world.ask_token(&second, &audience).await.expect(200);
    let client = read(&world, &operator, &id).await;
    assert_eq!(client["secrets"].as_array().map(Vec::len), Some(1));
    // The digest is gone, too.
    let secret = first.secret_id.parse().expect("an id");
    let stored = countersign_log::VaultKey::Secret(secret);
    let stored = world.log.vault().get(stored).await.expect("the vault");
    assert!(stored.is_none());
}

#[tokio::test]
async fn a_secret_may_expire_and_makes_room() {
    let world = World::start().await;
    let operator = world.operator().await;
    let id = world.register_client(&operator, &profile()).await;
    let path = format!("/v1/admin/clients/{id}/secrets");
    let add = || async {
        let call = world.post(&path, &json!({ "expires_in_days": 1 }));
        call.by(&world.operator().await.access).send().await
    };
    let first = add().await.expect(200).json();
    add().await.expect(200);
    add().await.refused(409, "conflict");
    let client = crate::support::Registered {
        id: id.clone(),
        secret: first["secret"].as_str().expect("a secret").to_owned(),
        secret_id: String::new(),
    };
    let audience = [("audience", "https://stock.example")];
    world.ask_token(&client, &audience).await.expect(200);
    world.later(std::time::Duration::from_hours(24));
    world
        .ask_token(&client, &audience)
        .await
        .oauth_error(401, "invalid_client");
    add().await.expect(200);
    for wrong in [json!({ "expires_in_days": 0 }), json!({ "days": 1 })] {
        let call = world.post(&path, &wrong).by(&world.operator().await.access);
        call.send().await.refused(400, "validation_failed");
    }
}

#[tokio::test]
async fn what_ends_tokens_refuses_those_of_before_and_not_those_after() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world
        .client_of(&operator, &["a"], &["a", "b"], &["x", "y"])
        .await;
    let spare = world.add_secret(&operator, &client.id).await;
    let path = format!("/v1/admin/clients/{}", client.id);
    let put = |what: &str, body: Value| {
        let call = world.call("PUT", &format!("{path}{what}"));
        call.json(&body).by(&operator.access)
    };
    let keys = || json!({ "jwks": new_key().1 });
    let profile = |serves: &[&str], audiences: &[&str], scopes: &[&str]| json!({ "name": "x", "serves": serves, "audiences": audiences, "scopes": scopes });
    let change = |scopes: &[&str]| profile(&["a"], &["a", "b"], scopes);
    let audience = [("audience", "a")];
    for (ends, call) in [
        (false, put("", change(&["x", "y", "z"]))),
        (true, put("", change(&["x", "y"]))),
        (true, put("", profile(&["a"], &["a"], &["x", "y"]))),
        (false, put("", profile(&["a", "b"], &["a"], &["x", "y"]))),
        (true, put("", profile(&["a"], &["a"], &["x", "y"]))),
        (false, put("/jwks", keys())),
        (true, put("/jwks", keys())),
        (true, put("/jwks", json!({ "jwks": { "keys": [] } }))),
        (
            true,
            world
                .delete(&format!("{path}/secrets/{}", spare.secret_id))
                .by(&operator.access),
        ),
    ] {
        let token = world.token_of(&client, &audience).await;
        assert!(world.is_active(&client, &token).await);
        call.send().await.expect(204);
        assert_eq!(world.is_active(&client, &token).await, !ends);
        let again = world.token_of(&client, &audience).await;
        assert!(world.is_active(&client, &again).await);
        let epoch = |token: &str| claims_of(token)["epoch"].as_u64().expect("a number");
        assert!(epoch(&again) > epoch(&token));
    }
}

#[tokio::test]
async fn what_a_client_cannot_be_is_refused() {
    let world = World::start().await;
    let operator = world.operator().await;
    let id = world.register_client(&operator, &profile()).await;
    let many: Vec<String> = (0..65).map(|n| n.to_string()).collect();
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("a\u{202e}b")),
        ("name", json!("x".repeat(61))),
        ("serves", json!(["two words"])),
        ("audiences", json!(["a", "a"])),
        ("scopes", json!(["quote\""])),
        ("scopes", json!(many)),
        ("scopes", json!("x")),
        ("secret", json!("csc_mine")),
    ] {
        let mut wrong = profile();
        wrong[field] = value;
        for call in [
            world.post("/v1/admin/clients", &wrong),
            world
                .call("PUT", &format!("/v1/admin/clients/{id}"))
                .json(&wrong),
        ] {
            let answer = call.by(&operator.access).send().await;
            answer.refused(400, "validation_failed");
        }
    }
    let mut private = new_key().1;
    private["keys"][0]["d"] = json!("AAAA");
    for wrong in [private, json!({}), json!({ "keys": [{ "kty": "oct" }] })] {
        let call = world.call("PUT", &format!("/v1/admin/clients/{id}/jwks"));
        let call = call.json(&json!({ "jwks": wrong })).by(&operator.access);
        call.send().await.refused(400, "validation_failed");
    }
    for (method, what) in [
        ("PUT", ""),
        ("POST", "/secrets"),
        ("POST", "/disable"),
        ("POST", "/enable"),
    ] {
        let nobody = uuid::Uuid::from_u128(7);
        let call = world.call(method, &format!("/v1/admin/clients/{nobody}{what}"));
        let call = match what {
            "" => call.json(&profile()),
            "/disable" => call.json(&json!({ "reason": "x" })),
            _ => call,
        };
        let answer = call.by(&operator.access).send().await;
        answer.refused(404, "not_found");
    }
}

#[tokio::test]
async fn only_operators_change_clients() {
    let world = World::start().await;
    let person = world.register(&email("eve")).await;
    let support = world.somebody(&["user", "support"]).await;
    for somebody in [&person, &support] {
        for path in ["/v1/admin/clients", "/v1/admin/clients/x/enable"] {
            let call = world.post(path, &profile()).by(&somebody.access);
            call.send().await.refused(403, "insufficient_permissions");
        }
        let list = world.get("/v1/admin/clients").by(&somebody.access);
        list.send().await.refused(403, "insufficient_permissions");
    }
}

#[tokio::test]
async fn one_instance_knows_what_was_done_at_another() {
    let world = World::start().await;
    let second = world.second_service().await;
    let operator = world.operator().await;
    let client = world.client_of(&operator, &["a"], &["a"], &[]).await;
    let token = second.token_of(&client, &[]).await;
    assert!(world.is_active(&client, &token).await);
    assert!(second.is_active(&client, &token).await);
    // An assertion is good at one of them, once.
    let key = new_key();
    world
        .call("PUT", &format!("/v1/admin/clients/{}/jwks", client.id))
        .json(&json!({ "jwks": key.1 }))
        .by(&operator.access)
        .send()
        .await
        .expect(204);
    let assertion = assertion_of(&client.id, &key, world.seconds(), "once", &[]);
    second.ask_with_assertion(&assertion).await.expect(200);
    world
        .ask_with_assertion(&assertion)
        .await
        .oauth_error(401, "invalid_client");
    world
        .post(
            &format!("/v1/admin/clients/{}/disable", client.id),
            &json!({ "reason": "leaked" }),
        )
        .by(&operator.access)
        .send()
        .await
        .expect(204);
    second
        .ask_token(&client, &[])
        .await
        .oauth_error(401, "invalid_client");
    second.stop().await;
}
