use crate::support::{World, email};

#[tokio::test]
async fn ab_53_unknown_and_foreign_tokens_are_200_and_stay() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world
        .client_of(&operator, &["countersign", "a"], &["a"], &[])
        .await;
    let other = world
        .client_of(&operator, &["countersign", "a"], &["a"], &[])
        .await;
    let theirs = world.token_of(&other, &[]).await;
    let ada = world.register(&email("ada")).await;
    let before = world.ends().await;
    for token in [
        "x",
        "a.b.c",
        "csr_AAAA",
        theirs.as_str(),
        ada.access.as_str(),
        ada.refresh.as_str(),
    ] {
        let answer = world.revoke_token(&client, token).await.expect(200);
        assert!(answer.body.is_empty());
        assert_eq!(answer.header("content-type"), "");
    }
    // The first-party client has no say about services.
    for token in ["x", "csr_AAAA", theirs.as_str()] {
        let form = [("client_id", "first-party"), ("token", token)];
        world.form("/oauth2/revoke", &form).send().await.expect(200);
    }
    assert_eq!(world.ends().await, before);
    assert!(world.is_active(&other, &theirs).await);
    world.verify(&ada.access).await.expect(200);
    world.refresh(&ada.refresh).await.expect(200);
}

#[tokio::test]
async fn ab_53_an_own_refresh_token_ends_its_access_tokens() {
    let world = World::start().await;
    let operator = world.operator().await;
    let api = world.client_of(&operator, &["countersign"], &[], &[]).await;
    let ada = world.register(&email("ada")).await;
    let other = world.register(&email("other")).await;
    let form = [
        ("client_id", "first-party"),
        ("token", ada.refresh.as_str()),
    ];
    world.form("/oauth2/revoke", &form).send().await.expect(200);
    assert!(!world.is_active(&api, &ada.access).await);
    world
        .verify(&ada.access)
        .await
        .refused(401, "token_revoked");
    assert!(world.is_active(&api, &other.access).await);
}

#[tokio::test]
async fn ab_53_who_does_not_prove_itself_revokes_nothing() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world.client_of(&operator, &["a"], &["a"], &[]).await;
    let token = world.token_of(&client, &[]).await;
    let ada = world.register(&email("ada")).await;
    for form in [
        vec![("token", token.as_str())],
        vec![("token", token.as_str()), ("client_id", client.id.as_str())],
        vec![
            ("token", ada.refresh.as_str()),
            ("client_id", "first-party"),
            ("client_secret", "x"),
        ],
    ] {
        let answer = world.form("/oauth2/revoke", &form).send().await;
        answer.oauth_error(401, "invalid_client");
    }
    assert!(world.is_active(&client, &token).await);
    world.refresh(&ada.refresh).await.expect(200);
}
