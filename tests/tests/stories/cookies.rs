//! Signing in with a browser, which keeps the refresh token in a cookie.

mod replaced;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, COOKIE, PASSWORD, World, email};

/// Checks that the answer sets our cookie as browsers need it, and nothing
/// else; returns its seconds.
#[track_caller]
fn set_as_promised(answer: &Answer) -> u64 {
    let token = answer.cookie();
    assert!(token.starts_with("csr_"), "{token}");
    let [set] = answer.cookies()[..] else {
        panic!("{:?}", answer.cookies())
    };
    let age = set
        .strip_prefix(&format!(
            "{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age="
        ))
        .unwrap_or_else(|| panic!("{set}"));
    assert!(set.len() <= 4_096, "{}", set.len());
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.json()["refresh_token"], Value::Null);
    age.parse().expect("seconds")
}

/// Checks that the answer takes our cookie away.
#[track_caller]
fn cleared(answer: &Answer) {
    let gone = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    assert_eq!(answer.cookies(), [gone]);
}

#[tokio::test]
async fn ab_03_the_cookie_is_host_bound_and_out_of_reach_of_scripts() {
    let world = World::start().await;
    let address = email("ada");
    let form = json!({ "email": address, "password": PASSWORD });
    let register = world.post("/v1/auth/register", &form).for_cookie();
    let idle = 7 * 86_400;
    assert_eq!(set_as_promised(&register.send().await.expect(201)), idle);
    let login = world.cookie_login(&address).send().await.expect(200);
    assert_eq!(set_as_promised(&login), idle);
    let cookie = login.cookie();
    let csrf = world.csrf(&cookie).await;
    let refresh = world
        .post("/v1/auth/refresh", &json!({}))
        .for_cookie()
        .with_cookie(&cookie)
        .header("x-csrf-token", &csrf);
    assert_eq!(set_as_promised(&refresh.send().await.expect(200)), idle);
    // Who does not ask for a cookie gets none.
    let plain = world.try_login(&address, PASSWORD).await.expect(200);
    assert_eq!(plain.cookies(), [""; 0]);
    assert!(plain.json()["refresh_token"].is_string());
}

#[tokio::test]
async fn ab_01_a_login_sets_a_new_cookie_and_never_adopts_one_that_was_there() {
    let world = World::start().await;
    let (ada, eve) = (email("ada"), email("eve"));
    world.register(&ada).await;
    let eves = world.register(&eve).await;
    let planted = world.in_browser(&eve).await;
    let mut seen = vec![planted.cookie.clone()];
    for there in [
        planted.cookie.as_str(),
        eves.refresh.as_str(),
        "csr_x",
        "x",
        "",
    ] {
        let login = world.cookie_login(&ada).with_cookie(there).send().await;
        let login = login.expect(200);
        let cookie = login.cookie();
        assert!(!seen.contains(&cookie), "a cookie came twice");
        assert_ne!(cookie, there);
        let body = login.json();
        assert_ne!(body["session_id"], planted.session.as_str());
        assert_ne!(body["session_id"], eves.session.to_string());
        seen.push(cookie);
    }
    // Whatever was planted is worth nothing any more, to nobody.
    let again = world.post("/v1/auth/refresh", &json!({}));
    let again = again.in_page(&planted).send().await;
    again.refused(401, "session_revoked");
    for access in [&planted.access, &eves.access] {
        world.verify(access).await.refused(401, "token_revoked");
    }
}

#[tokio::test]
async fn a_logout_takes_the_cookie_away_and_only_where_there_is_one() {
    let world = World::start().await;
    let address = email("ada");
    world.register(&address).await;
    let by_bearer = world.in_browser(&address).await;
    let logout = world.post("/v1/auth/logout", &json!({}));
    let logout = logout.by(&by_bearer.access).with_cookie(&by_bearer.cookie);
    cleared(&logout.send().await.expect(204));
    let plain = world.login(&address).await;
    let logout = world.logout(&plain.refresh).await.expect(204);
    assert_eq!(logout.cookies(), [""; 0]);
    // Who is out already may leave again.
    let page = world.in_browser(&address).await;
    for _ in 0..2 {
        let logout = world.post("/v1/auth/logout", &json!({})).in_page(&page);
        cleared(&logout.send().await.expect(204));
    }
}

#[tokio::test]
async fn a_session_in_a_cookie_is_refreshed_and_left_like_any_other() {
    let world = World::start().await;
    let address = email("ada");
    world.register(&address).await;
    let mut ada = world.in_browser(&address).await;
    let first = ada.cookie.clone();
    for _ in 0..2 {
        let answer = world
            .post("/v1/auth/refresh", &json!({}))
            .in_page(&ada)
            .send()
            .await
            .expect(200);
        assert_ne!(answer.cookie(), ada.cookie);
        assert_eq!(answer.json()["session_id"], ada.session.as_str());
        ada.cookie = answer.cookie();
        // The CSRF token belongs to the session, not to one cookie of it.
    }
    let logout = world.post("/v1/auth/logout", &json!({})).in_page(&ada);
    let logout = logout.send().await;
    assert!((200..300).contains(&logout.status), "{}", logout.text());
    cleared(&logout);
    world
        .verify(&ada.access)
        .await
        .refused(401, "token_revoked");
    for cookie in [&first, &ada.cookie] {
        let refresh = world.post("/v1/auth/refresh", &json!({})).for_cookie();
        let refresh = refresh
            .with_cookie(cookie)
            .header("x-csrf-token", &ada.csrf);
        assert_eq!(refresh.send().await.status, 401);
    }
}

#[tokio::test]
async fn ab_40_a_cookie_that_was_rotated_away_ends_the_session() {
    let world = World::start().await;
    let address = email("ada");
    world.register(&address).await;
    let ada = world.in_browser(&address).await;
    let refresh = || world.post("/v1/auth/refresh", &json!({})).in_page(&ada);
    refresh().send().await.expect(200);
    world.later(Duration::from_secs(11));
    refresh().send().await.refused(401, "refresh_reused");
    world
        .verify(&ada.access)
        .await
        .refused(401, "token_revoked");
}

#[tokio::test]
async fn two_cookies_of_the_name_and_strange_ones_are_refused() {
    let world = World::start().await;
    let (ada, eve) = (email("ada"), email("eve"));
    world.register(&ada).await;
    world.register(&eve).await;
    let (ada, eve) = (world.in_browser(&ada).await, world.in_browser(&eve).await);
    let before = world.ends().await;
    for cookie in [
        format!("{COOKIE}={}; {COOKIE}={}", ada.cookie, eve.cookie),
        format!("{COOKIE}={}; {COOKIE}={}", ada.cookie, ada.cookie),
        format!("{COOKIE}=\"{}\"", ada.cookie),
        format!("{COOKIE}={}", "x".repeat(600)),
        format!("{COOKIE}="),
    ] {
        let refresh = world.post("/v1/auth/refresh", &json!({})).for_cookie();
        let refresh = refresh
            .header("cookie", &cookie)
            .header("x-csrf-token", &ada.csrf);
        refresh.send().await.refused(401, "refresh_invalid");
    }
    let misspelt = world.cookie_login("x@y.example");
    let misspelt = misspelt.header("countersign-transport", "cookie");
    misspelt.send().await.refused(400, "validation_failed");
    assert_eq!(world.ends().await, before, "nothing was written");
}
