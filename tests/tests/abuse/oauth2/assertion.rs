use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Registered, SignedIn, World, assertion_of, new_key};

type Key = (aws_lc_rs::signature::Ed25519KeyPair, Value);

async fn with_key(world: &World, operator: &SignedIn) -> (Registered, Key) {
    let client = world.client_of(operator, &["a"], &["a"], &[]).await;
    let key = new_key();
    world
        .call("PUT", &format!("/v1/admin/clients/{}/jwks", client.id))
        .json(&json!({ "jwks": key.1 }))
        .by(&operator.access)
        .send()
        .await
        .expect(204);
    (client, key)
}

#[tokio::test]
async fn ab_54_an_assertion_is_good_once_at_all_instances_together() {
    let world = World::start().await;
    let second = world.second_service().await;
    let operator = world.operator().await;
    let (client, key) = with_key(&world, &operator).await;
    let now = world.seconds();
    let assertion = assertion_of(&client.id, &key, now, "1", &[]);
    // Whoever races, one wins.
    let calls = (0..8).map(|n| {
        let service = if n % 2 == 0 {
            &*world.service
        } else {
            &*second
        };
        service.ask_with_assertion(&assertion)
    });
    let answers = futures_util::future::join_all(calls).await;
    let good = answers.iter().filter(|answer| answer.status == 200);
    assert_eq!(good.count(), 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 200) {
        answer.oauth_error(401, "invalid_client");
    }
    // Signed anew with the same id it is the same.
    let again = assertion_of(&client.id, &key, now, "1", &[("exp", json!(now + 30))]);
    for service in [&*world.service, &*second] {
        let answer = service.ask_with_assertion(&again).await;
        answer.oauth_error(401, "invalid_client");
    }
    // The id of another client's is another.
    let (other, other_key) = with_key(&world, &operator).await;
    let theirs = assertion_of(&other.id, &other_key, now, "1", &[]);
    world.ask_with_assertion(&theirs).await.expect(200);
    second.stop().await;
}

#[tokio::test]
async fn ab_54_an_assertion_for_others_or_for_later_is_refused() {
    let world = World::start().await;
    let operator = world.operator().await;
    let (client, key) = with_key(&world, &operator).await;
    let now = world.seconds();
    for (claim, value) in [
        ("aud", json!("https://other.example")),
        (
            "aud",
            json!(format!("{}/oauth2/token", crate::support::ISSUER)),
        ),
        (
            "aud",
            json!([crate::support::ISSUER, "https://other.example"]),
        ),
        ("aud", Value::Null),
        ("iat", json!(now + 61)),
        ("iat", json!(now - 120)),
        ("exp", json!(now + 120)),
        ("exp", json!(now - 60)),
        ("exp", Value::Null),
        ("iss", json!("other")),
        ("jti", Value::Null),
    ] {
        let assertion = assertion_of(&client.id, &key, now, "1", &[(claim, value)]);
        let answer = world.ask_with_assertion(&assertion).await;
        answer.oauth_error(401, "invalid_client");
    }
    // None of them has used the id up.
    let good = assertion_of(&client.id, &key, now, "1", &[]);
    world.ask_with_assertion(&good).await.expect(200);
    // Another key, and the key of another client.
    let stranger = new_key();
    let forged = assertion_of(&client.id, &stranger, now, "2", &[]);
    let (_, other) = with_key(&world, &operator).await;
    let crossed = assertion_of(&client.id, &other, now, "3", &[]);
    for assertion in [forged, crossed] {
        let answer = world.ask_with_assertion(&assertion).await;
        answer.oauth_error(401, "invalid_client");
    }
}

#[tokio::test]
async fn ab_54_an_unsigned_assertion_beside_a_right_secret_is_refused() {
    let world = World::start().await;
    let operator = world.operator().await;
    let (client, key) = with_key(&world, &operator).await;
    let now = world.seconds();
    let good = assertion_of(&client.id, &key, now, "1", &[]);
    let (signed, _) = good.rsplit_once('.').expect("three parts");
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let grant = ("grant_type", "client_credentials");
    let basic = STANDARD.encode(format!("{}:{}", client.id, client.secret));
    let basic = format!("Basic {basic}");
    for assertion in [signed, &format!("{signed}."), &good, "", "x"] {
        let more = [
            grant,
            ("client_assertion_type", kind),
            ("client_assertion", assertion),
        ];
        let form = [&client.post()[..], &more].concat();
        let answer = world.form("/oauth2/token", &form).send().await;
        answer.oauth_error(401, "invalid_client");
        let call = world.form("/oauth2/token", &more);
        let call = call.header("authorization", &basic);
        call.send().await.oauth_error(401, "invalid_client");
    }
    // Of another type, or of none.
    for form in [
        vec![grant, ("client_assertion", good.as_str())],
        vec![
            grant,
            ("client_assertion", good.as_str()),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:saml2-bearer",
            ),
        ],
        vec![
            grant,
            ("client_assertion", good.as_str()),
            ("client_assertion_type", kind),
            ("client_id", "019a2b3c-6d00-7a00-8b00-4c5d6e7f8007"),
        ],
    ] {
        let answer = world.form("/oauth2/token", &form).send().await;
        answer.oauth_error(401, "invalid_client");
    }
    world.ask_with_assertion(&good).await.expect(200);
}
