//! A session that is used from elsewhere than where it was started.

use countersign_events::SessionId;
use serde_json::json;

use crate::support::{Answer, PASSWORD, SignedIn, World, email};

const HOME: &str = "Mozilla/5.0 (X11; Linux) Firefox/130.0";
const NEWER: &str = "Mozilla/5.0 (X11; Linux) Firefox/131.2";
const ELSEWHERE: &str = "curl/8.5.0";

async fn register(world: &World) -> SignedIn {
    let form = json!({ "email": email("ada"), "password": PASSWORD });
    let call = world.post("/v1/auth/register", &form).agent(HOME);
    SignedIn::of(&call.send().await.expect(201))
}

async fn refresh(world: &World, token: &str, agent: Option<&str>) -> Answer {
    let call = world.post("/v1/auth/refresh", &json!({ "refresh_token": token }));
    match agent {
        Some(agent) => call.agent(agent).send().await,
        None => call.send().await,
    }
}

async fn events(world: &World, session: &SignedIn) -> Vec<String> {
    let id = SessionId::from_uuid(session.session);
    let page = world.app.history(id, 200, None).await.expect("a history");
    page.items.into_iter().map(|event| event.name).collect()
}

#[tokio::test]
async fn a_session_that_is_bound_is_refreshed_elsewhere_only_after_a_step_up() {
    let world = World::with(&[("session_binding", "enforce")]).await;
    let ada = register(&world).await;
    // Another version is no other place.
    let ada = ada.renewed(&refresh(&world, &ada.refresh, Some(NEWER)).await);
    let before = world.ends().await;
    for agent in [Some(ELSEWHERE), Some(""), None] {
        let answer = refresh(&world, &ada.refresh, agent).await;
        let answer = answer.refused(401, "insufficient_user_authentication");
        assert_eq!(
            answer.header("www-authenticate"),
            "Bearer error=\"insufficient_user_authentication\", \
             error_description=\"More recent authentication is required\", max_age=\"0\""
        );
        assert_eq!(answer.json()["refresh_token"], json!(null));
    }
    assert_eq!(world.ends().await, before, "nothing was written");

    let form = json!({ "method": "password", "code": PASSWORD });
    let call = world.post("/v1/auth/step-up", &form).by(&ada.access);
    call.agent(ELSEWHERE).send().await.expect(200);
    let ada = ada.renewed(&refresh(&world, &ada.refresh, Some(ELSEWHERE)).await);
    // It has moved, not spread.
    refresh(&world, &ada.refresh, Some(HOME))
        .await
        .refused(401, "insufficient_user_authentication");
    ada.renewed(&refresh(&world, &ada.refresh, Some(ELSEWHERE)).await);
}

#[tokio::test]
async fn a_lost_answer_is_not_given_to_somebody_elsewhere() {
    let world = World::with(&[("session_binding", "enforce")]).await;
    let ada = register(&world).await;
    let renewed = refresh(&world, &ada.refresh, Some(HOME)).await;
    // Within the grace the same token gets the same successor, but only there.
    refresh(&world, &ada.refresh, Some(ELSEWHERE))
        .await
        .refused(401, "insufficient_user_authentication");
    let again = refresh(&world, &ada.refresh, Some(HOME)).await;
    assert_eq!(ada.renewed(&again).refresh, ada.renewed(&renewed).refresh);
}

#[tokio::test]
async fn a_session_that_is_observed_goes_on_and_leaves_an_event() {
    let world = World::with(&[("session_binding", "observe")]).await;
    let ada = register(&world).await;
    let ada = ada.renewed(&refresh(&world, &ada.refresh, Some(NEWER)).await);
    let broken = |events: &[String]| {
        let broken = events.iter().filter(|name| *name == "binding_broken");
        broken.count()
    };
    assert_eq!(broken(&events(&world, &ada).await), 0);
    let ada = ada.renewed(&refresh(&world, &ada.refresh, Some(ELSEWHERE)).await);
    assert_eq!(broken(&events(&world, &ada).await), 1);
    // Told once, not with every refresh from there.
    let ada = ada.renewed(&refresh(&world, &ada.refresh, Some(ELSEWHERE)).await);
    assert_eq!(broken(&events(&world, &ada).await), 1);
    world.verify(&ada.access).await.expect(200);
}

#[tokio::test]
async fn a_session_that_is_not_bound_goes_anywhere_without_a_word() {
    let world = World::start().await;
    let ada = register(&world).await;
    let ada = ada.renewed(&refresh(&world, &ada.refresh, Some(ELSEWHERE)).await);
    let events = events(&world, &ada).await;
    assert_eq!(events, ["started", "refreshed"]);
}
