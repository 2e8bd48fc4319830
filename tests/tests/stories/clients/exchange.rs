//! A service that calls on for somebody (RFC 8693).

use std::time::Duration;

use serde_json::json;

use crate::support::{EXCHANGE, Registered, SignedIn, World, claims_of, email};

/// A person of a world whose tokens are for `countersign`, and a service that
/// accepts them and calls others.
async fn scene(world: &World) -> (SignedIn, SignedIn, Registered) {
    let operator = world.operator().await;
    let orders = world
        .client_of(&operator, &["countersign"], &["stock"], &["stock:read"])
        .await;
    let ada = world.register(&email("ada")).await;
    (operator, ada, orders)
}

#[tokio::test]
async fn a_token_is_exchanged_for_one_with_the_client_as_actor() {
    let world = World::start().await;
    let (_, ada, orders) = scene(&world).await;
    let answer = world.ask_exchange(&orders, &ada.access, &[]).await;
    let body = answer.expect(200).json();
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    assert_eq!(body["issued_token_type"], kind);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 300);
    assert!(body.get("refresh_token").is_none());
    let token = body["access_token"].as_str().expect("a token");
    let (old, new) = (claims_of(&ada.access), claims_of(token));
    for same in [
        "iss",
        "sub",
        "sid",
        "epoch",
        "roles",
        "acr",
        "amr",
        "auth_time",
    ] {
        assert_eq!(new[same], old[same], "{same}");
    }
    assert_eq!(new["aud"], "stock");
    assert_eq!(new["client_id"], orders.id);
    assert_eq!(new["scope"], "stock:read");
    assert_eq!(new["act"]["sub"], orders.id);
    assert!(new["act"]["epoch"].as_u64().is_some_and(|epoch| epoch > 0));
    assert!(new["act"].get("act").is_none());
    assert_ne!(new["jti"], old["jti"]);
    assert_eq!(new["exp"], new["iat"].as_u64().expect("a time") + 300);
}

#[tokio::test]
async fn an_exchanged_token_never_outlives_the_one_it_came_of() {
    let world = World::start().await;
    let (_, ada, orders) = scene(&world).await;
    world.later(Duration::from_mins(14));
    let token = world.exchanged(&orders, &ada.access).await;
    assert_eq!(claims_of(&token)["exp"], claims_of(&ada.access)["exp"]);
    world.later(Duration::from_secs(61));
    world
        .ask_exchange(&orders, &ada.access, &[])
        .await
        .oauth_error(400, "invalid_request");
}

#[tokio::test]
async fn three_act_for_a_person_and_no_more() {
    let world = World::start().await;
    let (operator, ada, _) = scene(&world).await;
    let mut token = ada.access.clone();
    let mut before = None;
    let names = ["countersign", "one", "two", "three", "four"];
    for (depth, pair) in names.windows(2).enumerate() {
        let client = world
            .client_of(&operator, &[pair[0]], &[pair[1]], &[])
            .await;
        let answer = world.ask_exchange(&client, &token, &[]).await;
        if depth == 3 {
            answer.oauth_error(400, "invalid_request");
            break;
        }
        let body = answer.expect(200).json();
        token = body["access_token"].as_str().expect("a token").to_owned();
        let act = claims_of(&token)["act"].clone();
        assert_eq!(act["sub"], client.id);
        assert_eq!(act.get("act"), before.as_ref());
        before = Some(act);
    }
}

#[tokio::test]
async fn only_a_token_that_the_client_accepts_is_exchanged() {
    let world = World::start().await;
    let (operator, ada, orders) = scene(&world).await;
    let stranger = world
        .client_of(&operator, &["elsewhere"], &["stock"], &[])
        .await;
    world
        .ask_exchange(&stranger, &ada.access, &[])
        .await
        .oauth_error(400, "invalid_request");
    // Nor a service's own token, or no token at all.
    let machine = world.client_of(&operator, &[], &["countersign"], &[]).await;
    let machine = world.token_of(&machine, &[]).await;
    for token in [machine.as_str(), "x", ada.refresh.as_str(), "a.b.c"] {
        world
            .ask_exchange(&orders, token, &[])
            .await
            .oauth_error(400, "invalid_request");
    }
}

#[tokio::test]
async fn other_tokens_than_access_tokens_are_not_exchanged() {
    let world = World::start().await;
    let (_, ada, orders) = scene(&world).await;
    let grant = [("grant_type", EXCHANGE)];
    let access = "urn:ietf:params:oauth:token-type:access_token";
    let token = ("subject_token", ada.access.as_str());
    for wrong in [
        vec![token],
        vec![("subject_token_type", access)],
        vec![
            token,
            (
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:refresh_token",
            ),
        ],
        vec![
            token,
            ("subject_token_type", access),
            (
                "requested_token_type",
                "urn:ietf:params:oauth:token-type:id_token",
            ),
        ],
        vec![
            token,
            ("subject_token_type", access),
            ("actor_token", ada.access.as_str()),
        ],
    ] {
        let form = [&orders.post()[..], &grant, &wrong].concat();
        let answer = world.form("/oauth2/token", &form).send().await;
        answer.oauth_error(400, "invalid_request");
    }
    world
        .ask_exchange(&orders, &ada.access, &[("audience", "other")])
        .await
        .oauth_error(400, "invalid_target");
}

#[tokio::test]
async fn the_end_of_the_session_or_of_the_client_ends_what_came_of_it() {
    let world = World::start().await;
    let (operator, ada, orders) = scene(&world).await;
    let stock = world.client_of(&operator, &["stock"], &[], &[]).await;
    let token = world.exchanged(&orders, &ada.access).await;
    assert!(world.is_active(&stock, &token).await);
    world.logout(&ada.refresh).await.expect(204);
    assert!(!world.is_active(&stock, &token).await);
    world
        .ask_exchange(&orders, &ada.access, &[])
        .await
        .oauth_error(400, "invalid_request");
    // The actor is disabled: what it holds for another person is over, and
    // that person's own token is not.
    let eve = world.register(&email("eve")).await;
    let token = world.exchanged(&orders, &eve.access).await;
    assert!(world.is_active(&stock, &token).await);
    world
        .post(
            &format!("/v1/admin/clients/{}/disable", orders.id),
            &json!({ "reason": "leaked" }),
        )
        .by(&operator.access)
        .send()
        .await
        .expect(204);
    assert!(!world.is_active(&stock, &token).await);
    world.verify(&eve.access).await.expect(200);
}

#[tokio::test]
async fn an_exchanged_token_lets_nobody_in_here() {
    let world = World::start().await;
    let operator = world.operator().await;
    let client = world
        .client_of(&operator, &["countersign"], &["countersign"], &[])
        .await;
    let acting = world.exchanged(&client, &operator.access).await;
    let own = world.token_of(&client, &[]).await;
    for token in [acting, own] {
        for path in ["/v1/me", "/v1/admin/clients", "/v1/auth/verify"] {
            let answer = world.get(path).by(&token).send().await;
            answer.refused(403, "insufficient_permissions");
        }
        let body = json!({ "name": "x" });
        let call = world.post("/v1/admin/clients", &body).by(&token);
        call.send().await.refused(403, "insufficient_permissions");
    }
}
