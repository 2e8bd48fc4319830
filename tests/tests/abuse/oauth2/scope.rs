use crate::support::{World, claims_of, email};

#[tokio::test]
async fn ab_57_a_client_gets_no_more_than_it_is_registered_for() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world.client_of(&operator, &[], &["a"], &["x", "y"]).await;
    for scope in [
        "z",
        "x z",
        "x y z",
        "X",
        "x  y",
        " x",
        "*",
        "revocations:read",
    ] {
        world
            .ask_token(&client, &[("scope", scope)])
            .await
            .oauth_error(400, "invalid_scope");
    }
    for audience in ["b", "A", "a ", "countersign"] {
        world
            .ask_token(&client, &[("audience", audience)])
            .await
            .oauth_error(400, "invalid_target");
    }
    let token = world.token_of(&client, &[("scope", "y")]).await;
    assert_eq!(claims_of(&token)["scope"], "y");
}

#[tokio::test]
async fn ab_57_exchange_gives_no_more_than_the_client_and_the_subject_have() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let first = world
        .client_of(&operator, &["countersign"], &["one"], &["x", "y"])
        .await;
    world
        .ask_exchange(&first, &ada.access, &[("scope", "x z")])
        .await
        .oauth_error(400, "invalid_scope");
    let answer = world
        .ask_exchange(&first, &ada.access, &[("scope", "x")])
        .await
        .expect(200);
    let narrow = answer.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    // The next may ask for more, and gets what is left.
    let second = world
        .client_of(&operator, &["one"], &["two"], &["x", "y", "z"])
        .await;
    let token = world.exchanged(&second, &narrow).await;
    assert_eq!(claims_of(&token)["scope"], "x");
    world
        .ask_exchange(&second, &narrow, &[("scope", "y")])
        .await
        .oauth_error(400, "invalid_scope");
    // Nothing left is not everything.
    let third = world.client_of(&operator, &["one"], &["two"], &["z"]).await;
    world
        .ask_exchange(&third, &narrow, &[])
        .await
        .oauth_error(400, "invalid_scope");
}

#[tokio::test]
async fn ab_57_what_was_exchanged_without_a_scope_gets_none_later() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    let first = world
        .client_of(&operator, &["countersign"], &["one"], &[])
        .await;
    let none = world.exchanged(&first, &ada.access).await;
    assert_eq!(claims_of(&none)["scope"], "");
    let second = world.client_of(&operator, &["one"], &["two"], &["x"]).await;
    let token = world.exchanged(&second, &none).await;
    assert_eq!(claims_of(&token)["scope"], "");
    world
        .ask_exchange(&second, &none, &[("scope", "x")])
        .await
        .oauth_error(400, "invalid_scope");
}

#[tokio::test]
async fn ab_57_only_who_was_given_the_scope_follows_the_feed() {
    let world = World::start().await;
    let operator = world.operator().await;
    let own = ["countersign"];
    let scopes = ["other", "revocations:read"];
    let client = world.client_of(&operator, &own, &own, &scopes).await;
    let narrow = world.token_of(&client, &[("scope", "other")]).await;
    let other = world.client_of(&operator, &[], &own, &["other"]).await;
    let other = world.token_of(&other, &[]).await;
    // Whoever acts for an operator is none.
    let acting = world.exchanged(&client, &operator.access).await;
    assert_eq!(claims_of(&acting)["scope"], scopes.join(" "));
    for token in [&narrow, &other, &acting] {
        for path in ["/v1/revocations", "/v1/revocations/stream"] {
            let answer = world.get(path).by(token).send().await;
            answer.refused(403, "insufficient_permissions");
        }
    }
    let good = world.token_of(&client, &[]).await;
    let answer = world.get("/v1/revocations").by(&good).send().await;
    answer.expect(200);
}
