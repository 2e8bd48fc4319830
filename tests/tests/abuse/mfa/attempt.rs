//! The token between the two steps of a login.

use std::time::Duration;

use countersign_domain::AccountCommand;
use countersign_events::AccountId;
use serde_json::json;

use super::wrong_code;
use crate::support::{Client, Enrolled, PASSWORD, World};

async fn fails(world: &World, client: &Client, ada: &Enrolled, token: &str) {
    let wrong = wrong_code(world, &ada.seed);
    client
        .mfa(token, "totp", &wrong)
        .await
        .refused(401, "mfa_invalid");
}

#[tokio::test]
async fn an_mfa_token_is_good_for_five_tries_and_not_for_a_sixth_that_is_right() {
    let world = World::start().await;
    let ada = Enrolled::new(&world, "ada").await;
    let token = world.begin_login(&ada.email).await;
    for _ in 0..5 {
        fails(&world, &world, &ada, &token).await;
    }
    world.later(Duration::from_secs(10));
    let code = ada.next_code(&world);
    for (method, code) in [("totp", &code), ("recovery_code", &ada.recovery_codes[0])] {
        world
            .mfa(&token, method, code)
            .await
            .refused(401, "mfa_token_invalid");
    }
    // Neither was used up by that.
    let token = world.begin_login(&ada.email).await;
    world.mfa(&token, "totp", &code).await.expect(200);
    let token = world.begin_login(&ada.email).await;
    world
        .mfa(&token, "recovery_code", &ada.recovery_codes[0])
        .await
        .expect(200);
}

#[tokio::test]
async fn an_mfa_token_is_good_for_one_login() {
    let world = World::start().await;
    let ada = Enrolled::new(&world, "ada").await;
    let token = world.begin_login(&ada.email).await;
    let first = ada.next_code(&world);
    world.mfa(&token, "totp", &first).await.expect(200);
    let second = ada.next_code(&world);
    for (method, code) in [("totp", &second), ("recovery_code", &ada.recovery_codes[0])] {
        world
            .mfa(&token, method, code)
            .await
            .refused(401, "mfa_token_invalid");
    }
    world.login_with_code(&ada.email, &second).await;
}

#[tokio::test]
async fn an_mfa_token_expires_after_five_minutes() {
    let world = World::start().await;
    let ada = Enrolled::new(&world, "ada").await;
    for (age, is_good) in [(290, true), (301, false)] {
        let answer = world.try_login(&ada.email, PASSWORD).await.expect(200);
        assert_eq!(answer.json()["expires_in"], 300);
        let token = answer.json()["mfa_token"].clone();
        world.later(Duration::from_secs(age));
        let code = ada.seed.code_at(world.seconds());
        let token = token.as_str().expect("a token");
        let answer = world.mfa(token, "totp", &code).await;
        if is_good {
            answer.expect(200);
        } else {
            answer.refused(401, "mfa_token_invalid");
        }
    }
}

#[tokio::test]
async fn the_tries_of_an_mfa_token_count_across_services_and_restarts() {
    let world = World::start().await;
    let other = world.second_service().await;
    let ada = Enrolled::new(&world, "ada").await;
    // Begun here, completed there.
    let token = world.begin_login(&ada.email).await;
    let code = ada.next_code(&world);
    other.mfa(&token, "totp", &code).await.expect(200);
    world
        .mfa(&token, "totp", &ada.next_code(&world))
        .await
        .refused(401, "mfa_token_invalid");

    let token = world.begin_login(&ada.email).await;
    for client in [&world.service, &other, &other, &world.service] {
        fails(&world, client, &ada, &token).await;
    }
    other.stop().await;
    let restarted = world.second_service().await;
    fails(&world, &restarted, &ada, &token).await;
    world.later(Duration::from_secs(10));
    for client in [&restarted, &world.service] {
        let code = ada.next_code(&world);
        client
            .mfa(&token, "totp", &code)
            .await
            .refused(401, "mfa_token_invalid");
    }
}

#[tokio::test]
async fn an_mfa_token_dies_with_the_password_and_the_sessions_it_was_begun_among() {
    let world = World::start().await;
    let ada = Enrolled::new(&world, "ada").await;
    let id = AccountId::from_uuid(ada.session.account);

    let token = world.begin_login(&ada.email).await;
    let form = json!({ "current_password": PASSWORD, "new_password": "grey-Quartz-17-meadow" });
    let changed = world
        .post("/v1/auth/password/change", &form)
        .by(&ada.session.access)
        .send()
        .await
        .expect(200);
    let access = changed.json()["access_token"].clone();
    let access = access.as_str().expect("a token");
    let dead = world.mfa(&token, "totp", &ada.next_code(&world)).await;
    dead.refused(401, "mfa_token_invalid");
    let form = json!({ "current_password": "grey-Quartz-17-meadow", "new_password": PASSWORD });
    let changed = world.post("/v1/auth/password/change", &form).by(access);
    let changed = changed.send().await.expect(200).json();
    let access = changed["access_token"].as_str().expect("a token");

    let token = world.begin_login(&ada.email).await;
    let everywhere = world.post_nothing("/v1/auth/logout-all").by(access);
    everywhere.send().await.expect(204);
    let dead = world.mfa(&token, "totp", &ada.next_code(&world)).await;
    dead.refused(401, "mfa_token_invalid");

    let token = world.begin_login(&ada.email).await;
    let meta = world.meta(None);
    let suspend = AccountCommand::Suspend { note: None };
    let suspended = world.app.accounts.execute(id, &meta, &suspend);
    suspended.await.expect("suspended");
    let dead = world.mfa(&token, "totp", &ada.next_code(&world)).await;
    dead.refused(401, "mfa_token_invalid");
    let meta = world.meta(None);
    let reinstate = AccountCommand::Reinstate { note: None };
    let reinstated = world.app.accounts.execute(id, &meta, &reinstate);
    reinstated.await.expect("reinstated");
    let dead = world.mfa(&token, "totp", &ada.next_code(&world)).await;
    dead.refused(401, "mfa_token_invalid");
    ada.login(&world).await;
}
