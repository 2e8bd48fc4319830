//! What a token is (RFC 7662).

use std::time::Duration;

use serde_json::json;

use crate::support::{World, claims_of, email};

#[tokio::test]
async fn the_service_a_token_is_for_is_told_what_it_says() {
    let world = World::start().await;
    let operator = world.operator().await;
    let api = world.client_of(&operator, &["countersign"], &[], &[]).await;
    let ada = world.register(&email("ada")).await;
    let answer = world.introspect(&api, &ada.access).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let told = answer.json();
    let claims = claims_of(&ada.access);
    assert_eq!(told["active"], true);
    assert_eq!(told["aud"], json!(["countersign"]));
    assert_eq!(told["token_type"], "Bearer");
    for same in [
        "iss",
        "sub",
        "exp",
        "iat",
        "nbf",
        "jti",
        "client_id",
        "scope",
        "roles",
        "acr",
        "amr",
        "auth_time",
        "sid",
    ] {
        assert_eq!(told[same], claims[same], "{same}");
    }
    for never in ["username", "email", "epoch", "act"] {
        assert!(told.get(never).is_none(), "{told}");
    }
}

#[tokio::test]
async fn a_client_is_told_of_its_own_tokens_and_of_those_it_passed_on() {
    let world = World::start().await;
    let operator = world.operator().await;
    let orders = world
        .client_of(&operator, &["countersign"], &["stock"], &["x"])
        .await;
    let stock = world.client_of(&operator, &["stock"], &[], &[]).await;
    let own = world.token_of(&orders, &[]).await;
    let told = world.introspect(&orders, &own).await.expect(200).json();
    assert_eq!(told["active"], true);
    for person in ["acr", "amr", "auth_time", "act"] {
        assert!(told.get(person).is_none(), "{told}");
    }
    assert!(world.is_active(&stock, &own).await);
    let ada = world.register(&email("ada")).await;
    let passed = world.exchanged(&orders, &ada.access).await;
    let told = world.introspect(&stock, &passed).await.expect(200).json();
    assert_eq!(told["act"]["sub"], orders.id);
    assert_eq!(told["sub"], ada.account.to_string());
    assert!(world.is_active(&orders, &passed).await);
}

#[tokio::test]
async fn a_token_that_expired_or_never_was_is_not_active() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world
        .client_of(&operator, &["countersign", "a"], &["a"], &[])
        .await;
    let ada = world.register(&email("ada")).await;
    for token in ["x", "a.b.c", ada.refresh.as_str(), &"x".repeat(20_000)] {
        assert!(!world.is_active(&client, token).await, "{token:.20}");
    }
    let own = world.token_of(&client, &[]).await;
    assert!(world.is_active(&client, &own).await);
    world.later(Duration::from_secs(311));
    assert!(!world.is_active(&client, &own).await);
    assert!(world.is_active(&client, &ada.access).await);
    world.later(Duration::from_mins(10));
    assert!(!world.is_active(&client, &ada.access).await);
}

#[tokio::test]
async fn a_token_is_asked_about_in_the_body_of_a_post_only() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world.client_of(&operator, &["a"], &["a"], &[]).await;
    let token = world.token_of(&client, &[]).await;
    let (id, secret) = (&client.id, &client.secret);
    let query = format!("/oauth2/introspect?token={token}&client_id={id}&client_secret={secret}");
    world
        .get(&query)
        .send()
        .await
        .refused(405, "method_not_allowed");
    world
        .form(&query, &[])
        .send()
        .await
        .oauth_error(401, "invalid_client");
    world
        .form("/oauth2/introspect", &client.post())
        .send()
        .await
        .oauth_error(400, "invalid_request");
}
