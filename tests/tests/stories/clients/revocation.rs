//! The end of single tokens (RFC 7009).

use crate::support::{World, claims_of, email};

#[tokio::test]
async fn a_client_revokes_one_of_its_tokens_and_no_other() {
    let world = World::start().await;
    let second = world.second_service().await;
    let operator = world.operator().await;
    let client = world.client_of(&operator, &["a"], &["a"], &[]).await;
    let one = world.token_of(&client, &[]).await;
    let other = world.token_of(&client, &[]).await;
    let before: u64 = world.ends().await.iter().sum();
    let answer = world.revoke_token(&client, &one).await.expect(200);
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("content-type"), "");
    // Once is enough.
    world.revoke_token(&client, &one).await.expect(200);
    let after: u64 = world.ends().await.iter().sum();
    assert_eq!(after, before + 1);
    for service in [&*world.service, &*second] {
        assert!(!service.is_active(&client, &one).await);
        assert!(service.is_active(&client, &other).await);
    }
    second.stop().await;
}

#[tokio::test]
async fn the_first_party_client_revokes_a_refresh_token_and_with_it_the_session() {
    let world = World::start().await;
    let ada = world.register(&email("ada")).await;
    let form = [
        ("client_id", "first-party"),
        ("token", ada.refresh.as_str()),
    ];
    let revoke = || async { world.form("/oauth2/revoke", &form).send().await };
    let answer = revoke().await.expect(200);
    assert!(answer.body.is_empty());
    world
        .refresh(&ada.refresh)
        .await
        .refused(401, "session_revoked");
    world
        .verify(&ada.access)
        .await
        .refused(401, "token_revoked");
    // Again, for somebody who has not got the answer.
    revoke().await.expect(200);
}

#[tokio::test]
async fn a_token_that_ends_with_its_session_is_not_revoked_alone() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world
        .client_of(&operator, &["countersign"], &["stock"], &[])
        .await;
    let ada = world.register(&email("ada")).await;
    let passed = world.exchanged(&client, &ada.access).await;
    assert_eq!(claims_of(&passed)["sid"], ada.session.to_string());
    world
        .revoke_token(&client, &passed)
        .await
        .oauth_error(400, "unsupported_token_type");
    let form = [("client_id", "first-party"), ("token", ada.access.as_str())];
    let answer = world.form("/oauth2/revoke", &form).send().await;
    answer.oauth_error(400, "unsupported_token_type");
    world.verify(&ada.access).await.expect(200);
}
