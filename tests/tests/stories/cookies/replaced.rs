//! A cookie that was replaced is worth nothing: by a new login, or by a step-up
//! of the session it belongs to.

use std::time::Duration;

use serde_json::json;

use super::set_as_promised;
use crate::support::{Answer, Enrolled, InBrowser, PASSWORD, World, email};

#[tokio::test]
async fn ab_01_a_new_login_ends_the_one_whose_cookie_it_replaces() {
    let world = World::start().await;
    let address = email("ada");
    world.register(&address).await;
    let first = world.in_browser(&address).await;
    let refresh = |person: &InBrowser| {
        let call = world.post("/v1/auth/refresh", &json!({}));
        call.in_page(person).send()
    };
    // What replaces no cookie ends nothing: a failed login, and one whose
    // refresh token comes in the body.
    let form = json!({ "email": address, "password": "wrong-Harbour-12-candle" });
    let failed = world.post("/v1/auth/login", &form).for_cookie();
    let failed = failed.with_cookie(&first.cookie).send().await;
    failed.refused(401, "invalid_credentials");
    let form = json!({ "email": address, "password": PASSWORD });
    let plain = world.post("/v1/auth/login", &form);
    let plain = plain.with_cookie(&first.cookie).send().await.expect(200);
    assert_eq!(plain.cookies(), [""; 0]);
    world.verify(&first.access).await.expect(200);

    let again = world.cookie_login(&address).with_cookie(&first.cookie);
    let again = again.send().await.expect(200);
    assert_ne!(again.cookie(), first.cookie);
    refresh(&first).await.refused(401, "session_revoked");
    world
        .verify(&first.access)
        .await
        .refused(401, "token_revoked");
    let mut models = world.read_models().await;
    world.projected().await;
    let ended = models.session(first.session.parse().expect("an id")).await;
    assert_eq!(ended, Some((1, Some("logout".into()))));
    // The one in the body lives on.
    let access = plain.json()["access_token"].clone();
    let access = access.as_str().expect("a token");
    world.verify(access).await.expect(200);
}

#[tokio::test]
async fn ab_01_the_cookie_of_before_lives_until_the_second_factor_is_shown() {
    let world = World::start().await;
    let eve = email("eve");
    world.register(&eve).await;
    let before = world.in_browser(&eve).await;
    let ada = Enrolled::new(&world, "ada").await;
    let first = world.cookie_login(&ada.email).with_cookie(&before.cookie);
    let first = first.send().await.expect(200);
    assert_eq!(first.cookies(), [""; 0]);
    world.verify(&before.access).await.expect(200);
    let form = json!({
        "mfa_token": first.json()["mfa_token"],
        "method": "totp",
        "code": ada.next_code(&world),
    });
    let second = world.post("/v1/auth/mfa", &form).for_cookie();
    let second = second.with_cookie(&before.cookie).send().await.expect(200);
    set_as_promised(&second);
    world
        .verify(&before.access)
        .await
        .refused(401, "token_revoked");
}

/// Steps up in the page, where the cookie holds the session's refresh token.
async fn raised(world: &World, ada: &InBrowser) -> Answer {
    let form = json!({ "method": "password", "code": PASSWORD });
    let call = world.post("/v1/auth/step-up", &form).by(&ada.access);
    call.in_page(ada).send().await.expect(200)
}

#[tokio::test]
async fn ab_01_a_step_up_replaces_the_cookie_and_the_old_one_is_worth_nothing() {
    let world = World::start().await;
    let address = email("ada");
    world.register(&address).await;
    let old = world.in_browser(&address).await;
    let answer = raised(&world, &old).await;
    set_as_promised(&answer);
    let new = InBrowser {
        cookie: answer.cookie(),
        ..old.clone()
    };
    assert_ne!(new.cookie, old.cookie);
    let refresh = |person: &InBrowser| {
        let call = world.post("/v1/auth/refresh", &json!({}));
        call.in_page(person).send()
    };
    // A rotated token gets its successor again for a while; a replaced one
    // does not, by whichever way it comes.
    refresh(&old).await.refused(401, "refresh_invalid");
    world
        .refresh(&old.cookie)
        .await
        .refused(401, "refresh_invalid");
    world.verify(&old.access).await.expect(200);
    let next = refresh(&new).await.expect(200);
    assert_eq!(next.json()["session_id"], old.session.as_str());
    let access = next.json()["access_token"].clone();
    let access = access.as_str().expect("a token").to_owned();
    world.verify(&access).await.expect(200);
    // It is two generations old by now: whoever shows it has stolen it.
    refresh(&old).await.refused(401, "refresh_reused");
    world.verify(&access).await.refused(401, "token_revoked");
}

#[tokio::test]
async fn ab_40_a_replaced_cookie_ends_the_session_after_the_grace() {
    let world = World::start().await;
    let address = email("ada");
    world.register(&address).await;
    let old = world.in_browser(&address).await;
    let new = InBrowser {
        cookie: raised(&world, &old).await.cookie(),
        ..old.clone()
    };
    world.later(Duration::from_secs(11));
    let refresh = |person: &InBrowser| {
        let call = world.post("/v1/auth/refresh", &json!({}));
        call.in_page(person).send()
    };
    refresh(&old).await.refused(401, "refresh_reused");
    refresh(&new).await.refused(401, "refresh_reused");
    world
        .verify(&old.access)
        .await
        .refused(401, "token_revoked");
}

#[tokio::test]
async fn a_step_up_leaves_refresh_tokens_alone_that_are_in_no_cookie_of_the_session() {
    let world = World::start().await;
    let address = email("ada");
    let plain = world.register(&address).await;
    let page = world.in_browser(&address).await;
    let answer = world.step_up(&plain.access, "password", PASSWORD).await;
    assert_eq!(answer.expect(200).cookies(), [""; 0]);
    // The cookie beside it is another session's.
    let form = json!({ "method": "password", "code": PASSWORD });
    let call = world.post("/v1/auth/step-up", &form).by(&plain.access);
    let answer = call.in_page(&page).send().await.expect(200);
    assert_eq!(answer.cookies(), [""; 0]);
    world.refresh(&plain.refresh).await.expect(200);
    let call = world.post("/v1/auth/refresh", &json!({})).in_page(&page);
    call.send().await.expect(200);
}
