//! A client's token of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::{ISSUER, Jwt, World, assertion_of, claims_of, new_key};

#[tokio::test]
async fn a_client_gets_a_token_for_five_minutes_and_no_refresh_token() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world
        .client_of(
            &operator,
            &[],
            &["https://stock.example"],
            &["stock:read", "stock:write"],
        )
        .await;
    let answer = world.ask_token(&client, &[]).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 300);
    assert_eq!(body["scope"], "stock:read stock:write");
    assert!(body.get("refresh_token").is_none(), "{body}");
    assert!(body.get("issued_token_type").is_none(), "{body}");
    let token = Jwt::read(body["access_token"].as_str().expect("a token"));
    assert_eq!(token.header["typ"], "at+jwt");
    let claims = &token.claims;
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["sub"], client.id);
    assert_eq!(claims["client_id"], client.id);
    assert_eq!(claims["aud"], "https://stock.example");
    assert_eq!(claims["exp"], claims["iat"].as_u64().expect("a time") + 300);
    assert_eq!(claims["scope"], "stock:read stock:write");
    assert_eq!(claims["roles"], json!([]));
    for person in ["acr", "amr", "auth_time", "act"] {
        assert!(claims.get(person).is_none(), "{claims}");
    }
    // Each token has a grant of its own, beside its client.
    let again = claims_of(&world.token_of(&client, &[]).await);
    assert_ne!(again["sid"], claims["sid"]);
    assert_ne!(again["jti"], claims["jti"]);
    assert_eq!(again["epoch"], claims["epoch"]);
    let placed = |id: &serde_json::Value| id.as_str().expect("an id")[34..].to_owned();
    assert_eq!(placed(&claims["sid"]), placed(&claims["sub"]));
}

#[tokio::test]
async fn a_client_proves_itself_in_three_ways() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world.client_of(&operator, &[], &["a"], &["x"]).await;
    world.ask_token(&client, &[]).await.expect(200);
    let basic = STANDARD.encode(format!("{}:{}", client.id, client.secret));
    world
        .form("/oauth2/token", &[("grant_type", "client_credentials")])
        .header("authorization", &format!("Basic {basic}"))
        .send()
        .await
        .expect(200);
    let key = new_key();
    let path = format!("/v1/admin/clients/{}/jwks", client.id);
    world
        .call("PUT", &path)
        .json(&json!({ "jwks": key.1 }))
        .by(&operator.access)
        .send()
        .await
        .expect(204);
    let assertion = assertion_of(&client.id, &key, world.seconds(), "1", &[]);
    let answer = world.ask_with_assertion(&assertion).await.expect(200);
    let token = answer.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    assert_eq!(claims_of(&token)["sub"], client.id);
}

#[tokio::test]
async fn the_audience_may_be_left_out_only_where_there_is_one() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world.client_of(&operator, &[], &["a", "b"], &["x"]).await;
    world
        .ask_token(&client, &[])
        .await
        .oauth_error(400, "invalid_target");
    let token = world.token_of(&client, &[("audience", "b")]).await;
    assert_eq!(claims_of(&token)["aud"], "b");
    let token = world.token_of(&client, &[("resource", "a")]).await;
    assert_eq!(claims_of(&token)["aud"], "a");
    world
        .token_of(&client, &[("resource", "a"), ("audience", "a")])
        .await;
    world
        .ask_token(&client, &[("resource", "a"), ("audience", "b")])
        .await
        .oauth_error(400, "invalid_request");
    let nobody = world.client_of(&operator, &[], &[], &[]).await;
    world
        .ask_token(&nobody, &[])
        .await
        .oauth_error(400, "invalid_target");
}

#[tokio::test]
async fn the_lifetime_is_a_setting() {
    let world = World::with(&[("service_token_seconds", "60")]).await;
    let operator = world.operator().await;
    let client = world.client_of(&operator, &[], &["a"], &[]).await;
    let body = world.ask_token(&client, &[]).await.expect(200).json();
    assert_eq!(body["expires_in"], 60);
    assert_eq!(body["scope"], "");
}

#[tokio::test]
async fn the_metadata_says_what_is_there() {
    let world = World::start().await;
    let path = "/.well-known/oauth-authorization-server";
    let metadata = world.get(path).send().await.expect(200).json();
    assert_eq!(metadata["issuer"], ISSUER);
    for endpoint in ["token", "introspection", "revocation"] {
        let url = metadata[format!("{endpoint}_endpoint")]
            .as_str()
            .expect("a URL");
        let path = url.strip_prefix(ISSUER).expect("ours");
        // It is there, and it asks for a client.
        world
            .form(path, &[("grant_type", "client_credentials")])
            .send()
            .await
            .oauth_error(401, "invalid_client");
    }
    let jwks = metadata["jwks_uri"].as_str().expect("a URL");
    let jwks = jwks.strip_prefix(ISSUER).expect("ours");
    world.get(jwks).send().await.expect(200);
    assert_eq!(metadata["response_types_supported"], json!([]));
}
