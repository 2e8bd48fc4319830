use std::time::Duration;

use serde_json::json;

use crate::support::{Registered, SignedIn, World, assertion_of, eventually, new_key};

async fn put(world: &World, operator: &SignedIn, client: &Registered, what: &str) {
    let path = format!("/v1/admin/clients/{}/{what}", client.id);
    let call = world.post(&path, &json!({ "reason": "leaked" }));
    call.by(&operator.access).send().await.expect(204);
}

/// AB-59 for services. People are in `stories/account_life.rs`.
#[tokio::test]
async fn ab_59_a_disabled_service_is_refused_everywhere_within_a_second() {
    let world = World::start().await;
    let second = world.second_service().await;
    let operator = world.operator().await;
    let client = world
        .client_of(
            &operator,
            &["countersign", "a"],
            &["countersign", "a"],
            &["revocations:read"],
        )
        .await;
    let key = new_key();
    world
        .call("PUT", &format!("/v1/admin/clients/{}/jwks", client.id))
        .json(&json!({ "jwks": key.1 }))
        .by(&operator.access)
        .send()
        .await
        .expect(204);
    let api = world.client_of(&operator, &["a"], &[], &[]).await;
    let own = [("audience", "countersign")];
    let feeding = world.token_of(&client, &own).await;
    let running = world.token_of(&client, &[("audience", "a")]).await;
    let feed = "/v1/revocations";
    world.get(feed).by(&feeding).send().await.expect(200);
    assert!(second.is_active(&api, &running).await);

    put(&world, &operator, &client, "disable").await;
    // Where it was done it is known before the answer.
    let answer = world.get(feed).by(&feeding).send().await;
    answer.refused(401, "token_revoked");
    let services = [&*world.service, &*second];
    for service in services {
        let answer = service.ask_token(&client, &own).await;
        answer.oauth_error(401, "invalid_client");
        let assertion = assertion_of(&client.id, &key, world.seconds(), "x", &[]);
        let answer = service.ask_with_assertion(&assertion).await;
        answer.oauth_error(401, "invalid_client");
        let answer = service.introspect(&client, &running).await;
        answer.oauth_error(401, "invalid_client");
        let answer = service.revoke_token(&client, &running).await;
        answer.oauth_error(401, "invalid_client");
        assert!(!service.is_active(&api, &running).await);
        // What a verifier holds hears of it by the feed.
        let refused = async || {
            let answer = service.get(feed).by(&feeding).send().await;
            answer.code() == "token_revoked"
        };
        eventually(Duration::from_secs(1), refused).await;
    }
    // Enabled again it gets tokens, and those of before stay refused.
    put(&world, &operator, &client, "enable").await;
    let again = second.token_of(&client, &own).await;
    for service in services {
        service.get(feed).by(&again).send().await.expect(200);
        let answer = service.get(feed).by(&feeding).send().await;
        answer.refused(401, "token_revoked");
    }
    second.stop().await;
}
