use serde_json::json;

use crate::support::{World, email};

#[tokio::test]
async fn ab_52_nobody_introspects_without_being_a_client() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world.client_of(&operator, &["countersign"], &[], &[]).await;
    let ada = world.register(&email("ada")).await;
    let token = ("token", ada.access.as_str());
    for form in [
        vec![token],
        vec![token, ("client_id", client.id.as_str())],
        vec![token, ("client_id", "first-party")],
        vec![
            token,
            ("client_id", client.id.as_str()),
            ("client_secret", "csc_wrong"),
        ],
    ] {
        let answer = world.form("/oauth2/introspect", &form).send().await;
        answer.oauth_error(401, "invalid_client");
    }
    // Nor with somebody's access token, their own or an operator's.
    for bearer in [&ada.access, &operator.access] {
        let call = world.form("/oauth2/introspect", &[token]).by(bearer);
        call.send().await.oauth_error(401, "invalid_client");
    }
}

#[tokio::test]
async fn ab_52_a_service_that_a_token_is_not_for_learns_nothing() {
    let world = World::start().await;
    let operator = world.operator().await;
    let other = world
        .client_of(&operator, &["elsewhere"], &["countersign"], &[])
        .await;
    let ada = world.register(&email("ada")).await;
    // It may ask for tokens for that audience, but is not the audience.
    assert!(!world.is_active(&other, &ada.access).await);
    let stock = world.client_of(&operator, &[], &["stock"], &[]).await;
    let token = world.token_of(&stock, &[]).await;
    assert!(!world.is_active(&other, &token).await);
    assert!(world.is_active(&stock, &token).await);
}

#[tokio::test]
async fn ab_52_the_tokens_of_somebody_who_is_shut_out_are_not_active() {
    let world = World::start().await;
    let second = world.second_service().await;
    let operator = world.operator().await;
    let api = world.client_of(&operator, &["countersign"], &[], &[]).await;
    let ada = world.register(&email("ada")).await;
    assert!(second.is_active(&api, &ada.access).await);
    let path = format!("/v1/admin/accounts/{}/suspend", ada.account);
    let suspend = world.post(&path, &json!({ "reason": "x" }));
    suspend.by(&operator.access).send().await.expect(204);
    // At once, everywhere: the leader is asked.
    assert!(!second.is_active(&api, &ada.access).await);
    assert!(!world.is_active(&api, &ada.access).await);
    let eve = world.register(&email("eve")).await;
    world.logout(&eve.refresh).await.expect(204);
    assert!(!second.is_active(&api, &eve.access).await);
    second.stop().await;
}
