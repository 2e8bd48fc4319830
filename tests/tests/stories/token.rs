//! What an access token says, and who can check it.

use jsonwebtoken::jwk::{JwkSet, KeyAlgorithm};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::support::{ISSUER, Jwt, World, email};

#[tokio::test]
async fn anybody_can_verify_a_token_with_the_published_keys() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    let published = world.get("/.well-known/jwks.json").send().await.expect(200);
    assert!(published.header("cache-control").contains("max-age"));
    let keys: JwkSet = serde_json::from_slice(&published.body).expect("a JWK set");
    assert!(!published.text().contains("\"d\""), "only public parts");
    let header = decode_header(&ada.access).expect("a header");
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let key = keys
        .find(&header.kid.expect("a key id"))
        .expect("a published key");
    assert_eq!(key.common.key_algorithm, Some(KeyAlgorithm::ES256));
    let key = DecodingKey::from_jwk(key).expect("a usable key");
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&["countersign"]);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    let claims = decode::<Value>(&ada.access, &key, &validation)
        .expect("a good token")
        .claims;
    assert_eq!(claims["sub"], ada.account.to_string());
    let mut changed = Jwt::read(&ada.access);
    changed.claims["roles"] = json!(["admin"]);
    assert!(decode::<Value>(changed.text(), &key, &validation).is_err());
}

#[tokio::test]
async fn a_token_says_exactly_what_the_design_lists() {
    let world = World::start().await;
    let address = email("ada.lovelace");
    let ada = world.register(&address).await;
    let claims = Jwt::read(&ada.access).claims;
    let names: Vec<&str> = claims
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected = vec![
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "nbf",
        "jti",
        "client_id",
        "sid",
        "epoch",
        "scope",
        "roles",
        "acr",
        "amr",
        "auth_time",
    ];
    expected.sort_unstable();
    assert_eq!(
        {
            let mut names = names;
            names.sort_unstable();
            names
        },
        expected
    );
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], "countersign");
    assert_eq!(claims["client_id"], "first-party");
    assert_eq!(claims["roles"], json!(["user"]));
    assert_eq!(claims["acr"], "aal1");
    assert_eq!(claims["amr"], json!(["pwd"]));
    assert_eq!(claims["sid"], ada.session.to_string());
    let seconds = |name: &str| claims[name].as_u64().expect("seconds");
    assert_eq!(seconds("exp") - seconds("iat"), 900);
    assert_eq!(seconds("nbf"), seconds("iat"));
    assert_eq!(seconds("auth_time"), seconds("iat"));
    let text = claims.to_string();
    assert!(!text.contains(&address) && !text.contains("Ada"), "{text}");
}

#[tokio::test]
async fn a_gateway_learns_who_it_is_from_headers() {
    let world = World::start().await;
    let ada = world.somebody(&["user", "support"]).await;
    let answer = world.verify(&ada.access).await.expect(200);
    assert_eq!(
        answer.header("countersign-account"),
        ada.account.to_string()
    );
    assert_eq!(
        answer.header("countersign-session"),
        ada.session.to_string()
    );
    assert_eq!(answer.header("countersign-roles"), "user support");
    assert_eq!(answer.header("countersign-acr"), "aal2");
    assert_eq!(answer.header("cache-control"), "no-store");
    world
        .get("/v1/auth/verify")
        .send()
        .await
        .refused(401, "token_missing");
}
