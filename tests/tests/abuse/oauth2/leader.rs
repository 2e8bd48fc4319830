use countersign_verifier::{Actor, Claims};
use serde_json::json;
use uuid::Uuid;

use crate::support::{PATIENCE, World, email, eventually};

/// What no verifier can know: the signature is ours, and the log has nothing
/// of what the token rests on.
#[tokio::test]
async fn ab_52_a_token_that_rests_on_nothing_in_the_log_is_no_good() {
    let world = World::start().await;
    let operator = world.operator().await;
    let api = world
        .client_of(&operator, &["countersign"], &["stock"], &[])
        .await;
    let ada = world.register(&email("ada")).await;
    let eve = world.register(&email("eve")).await;
    let verifier = &world.app.verifier;
    let good = verifier.check(&ada.access, world.seconds()).expect("good");
    let mint = |claims: &Claims| world.app.signing_key().mint(claims).expect("a token");
    let token = mint(&good);
    assert!(world.is_active(&api, &token).await);
    world.ask_exchange(&api, &token, &[]).await.expect(200);
    let nobody = Uuid::from_u128(7);
    let actor = Actor {
        sub: nobody,
        epoch: u64::MAX,
        act: None,
    };
    for claims in [
        Claims {
            sid: nobody,
            ..good.clone()
        },
        Claims {
            sub: eve.account,
            ..good.clone()
        },
        Claims {
            act: Some(actor),
            ..good.clone()
        },
        Claims {
            sub: nobody,
            client_id: nobody.to_string(),
            ..good.clone()
        },
    ] {
        let token = mint(&claims);
        let believed = verifier.check(&token, world.seconds());
        assert_eq!(believed.as_ref(), Ok(&claims));
        assert!(!world.is_active(&api, &token).await, "{claims:?}");
        let answer = world.ask_exchange(&api, &token, &[]).await;
        answer.oauth_error(400, "invalid_request");
    }
}

/// Lets a service forget every revocation that it holds in memory.
async fn forgets(world: &World) {
    let ends = world.ends().await;
    let heard = async || {
        let position = world.app.feed.position();
        let known = position.sequences().iter();
        known.zip(&ends).all(|(known, end)| known >= end)
    };
    eventually(PATIENCE, heard).await;
    world.app.verifier.revocations().prune(u64::MAX);
}

#[tokio::test]
async fn ab_52_what_is_over_is_asked_of_the_log_and_not_of_memory() {
    let world = World::start().await;
    let operator = world.operator().await;
    let serves = ["countersign", "stock"];
    let api = world.client_of(&operator, &serves, &["mail"], &[]).await;
    let own = ["countersign"];
    let orders = world.client_of(&operator, &own, &["stock"], &["x"]).await;
    let (ada, eve) = (
        world.register(&email("ada")).await,
        world.register(&email("eve")).await,
    );
    let acting = world.exchanged(&orders, &operator.access).await;
    let one = world.token_of(&orders, &[]).await;
    let other = world.token_of(&orders, &[]).await;

    world.logout(&ada.refresh).await.expect(204);
    world.revoke_token(&orders, &one).await.expect(200);
    let account = format!("/v1/admin/accounts/{}", eve.account);
    let suspend = world.post(&format!("{account}/suspend"), &json!({ "reason": "x" }));
    suspend.by(&operator.access).send().await.expect(204);
    forgets(&world).await;
    let is_over = async |token: &str| {
        let believed = world
            .app
            .verifier
            .check_for("stock", token, world.seconds());
        let believed = believed.or_else(|_| world.app.verifier.check(token, world.seconds()));
        assert!(believed.is_ok(), "it was not forgotten: {believed:?}");
        !world.is_active(&api, token).await
    };
    for token in [&ada.access, &eve.access, &one] {
        assert!(is_over(token).await);
    }
    for token in [&ada.access, &eve.access] {
        let answer = world.ask_exchange(&api, token, &[]).await;
        answer.oauth_error(400, "invalid_request");
    }
    for token in [&acting, &other] {
        assert!(!is_over(token).await);
    }

    // What began before the suspension stays over; so does what a client was
    // given before it was taken a scope away.
    let reinstate = world.post(&format!("{account}/reinstate"), &json!({ "reason": "x" }));
    reinstate.by(&operator.access).send().await.expect(204);
    let profile = json!({ "name": "x", "serves": own, "audiences": ["stock"], "scopes": [] });
    let path = format!("/v1/admin/clients/{}", orders.id);
    let changed = world.call("PUT", &path).json(&profile);
    changed.by(&operator.access).send().await.expect(204);
    forgets(&world).await;
    for token in [&eve.access, &acting, &other] {
        assert!(is_over(token).await);
    }
    assert!(!is_over(&operator.access).await);
}
