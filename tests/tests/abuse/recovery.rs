//! Recovery codes: the way back of whoever has lost the second factor.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::{Answer, Client, Enrolled, Mailbox, SignedIn, World, claims_of};

/// How many use one code at the same time.
const RACERS: usize = 60;

async fn use_code(world: &World, email: &str, code: &str) -> Answer {
    let token = world.begin_login(email).await;
    world.mfa(&token, "recovery_code", code).await
}

/// How many codes are left, as their owner sees it.
async fn left(world: &World, access: &str) -> Value {
    let factors = world.get("/v1/me/factors").by(access).send().await.items();
    let codes = factors.iter().find(|one| one["kind"] == "recovery_code");
    codes.expect("a set")["left"].clone()
}

async fn replace(world: &World, access: &str) -> Vec<String> {
    let path = "/v1/me/factors/recovery-codes";
    let call = world.post_nothing(path).by(access);
    let body = call.send().await.expect(200).json();
    let codes = body["recovery_codes"].as_array().expect("codes").iter();
    codes
        .map(|code| code.as_str().expect("a code").to_owned())
        .collect()
}

#[tokio::test]
async fn ab_31_each_of_ten_codes_is_a_second_factor_once() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let ada = Enrolled::new(&world, "ada").await;
    assert_eq!(ada.recovery_codes.len(), 10);
    assert_eq!(left(&world, &ada.session.access).await, 10);
    for (used, code) in ada.recovery_codes.iter().enumerate() {
        // However it is typed.
        let typed = match used % 3 {
            0 => code.clone(),
            1 => code.to_uppercase().replace('-', " "),
            _ => code.replace('-', ""),
        };
        let login = SignedIn::of(&use_code(&world, &ada.email, &typed).await.expect(200));
        let claims = claims_of(&login.access);
        assert_eq!(claims["acr"], "aal2", "{claims}");
        assert_eq!(left(&world, &login.access).await, 9 - used);
        let again = use_code(&world, &ada.email, code).await;
        again.refused(401, "mfa_invalid");
        let notice = mailbox.open(&ada.email, "A recovery code was used").await;
        let told = format!("Codes left: {}.", 9 - used);
        assert!(notice.body().contains(&told), "{}", notice.body());
    }
    // None are left, and the answer does not offer them any more.
    let answer = world.try_login(&ada.email, crate::support::PASSWORD).await;
    let methods = answer.json()["methods"].clone();
    assert_eq!(methods, serde_json::json!(["totp"]));
}

#[tokio::test]
async fn ab_31_new_codes_void_the_old_ones_and_are_asked_for_by_who_is_there() {
    let (world, mailbox) = Mailbox::with(&[]).await;
    let ada = Enrolled::new(&world, "ada").await;
    let new = replace(&world, &ada.session.access).await;
    assert_eq!(new.len(), 10);
    assert!(new.iter().all(|code| !ada.recovery_codes.contains(code)));
    mailbox.open(&ada.email, "New recovery codes").await;
    for code in &ada.recovery_codes[..3] {
        let voided = use_code(&world, &ada.email, code).await;
        voided.refused(401, "mfa_invalid");
    }
    let back = SignedIn::of(&use_code(&world, &ada.email, &new[0]).await.expect(200));
    assert_eq!(left(&world, &back.access).await, 9);
    // No secret of the set before is kept.
    let id = countersign_events::AccountId::from_uuid(ada.session.account);
    let kept = world.log.vault().credentials(Some(id)).await;
    assert_eq!(kept.expect("the vault").len(), 3, "password, app and codes");

    world.later(Duration::from_secs(301));
    let path = "/v1/me/factors/recovery-codes";
    let stale = world.post_nothing(path).by(&back.access).send().await;
    stale.refused(401, "insufficient_user_authentication");
    // A code raises a session, too, and is used up by that.
    let stepped = world.step_up(&back.access, "recovery_code", &new[1]).await;
    let raised = crate::support::access_of(&stepped.expect(200));
    let again = world.step_up(&raised, "recovery_code", &new[1]).await;
    again.refused(401, "mfa_invalid");
    replace(&world, &raised).await;
    // Somebody without a second factor has nothing to recover.
    let grace = world.register(&crate::support::email("grace")).await;
    let none = world.post_nothing(path).by(&grace.access).send().await;
    none.refused(409, "conflict");
}

#[tokio::test]
async fn ab_31_wrong_codes_are_counted_and_never_reach_the_hash_if_they_cannot_be_one() {
    let world = World::start().await;
    let ada = Enrolled::new(&world, "ada").await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        tokens.push(world.begin_login(&ada.email).await);
    }
    for round in 0..5 {
        let wrong = ["aaaaa-bbbbb-ccccc-ddddd", "", "x", "123456", "١٢٣٤٥"][round];
        let answer = world.mfa(&tokens[0], "recovery_code", wrong).await;
        assert!(
            [(401, "mfa_invalid"), (400, "validation_failed")]
                .contains(&(answer.status, answer.code().as_str())),
            "{wrong}: {}",
            answer.text()
        );
    }
    // Five failures of the factor: even the right code waits, with any token.
    let right = &ada.recovery_codes[0];
    let told = world.mfa(&tokens[1], "recovery_code", right).await;
    let told = told.refused(429, "rate_limited");
    assert!(!told.header("retry-after").is_empty());
    // The authenticator app has a count of its own.
    let code = ada.next_code(&world);
    world.mfa(&tokens[1], "totp", &code).await.expect(200);
    use_code(&world, &ada.email, right).await.expect(200);
}

#[tokio::test]
async fn ab_31_codes_of_one_person_are_nothing_to_another() {
    let world = World::start().await;
    let ada = Enrolled::new(&world, "ada").await;
    let eve = Enrolled::new(&world, "eve").await;
    let foreign = use_code(&world, &eve.email, &ada.recovery_codes[0]).await;
    foreign.refused(401, "mfa_invalid");
    let own = use_code(&world, &ada.email, &ada.recovery_codes[0]).await;
    own.expect(200);
}

/// Everybody presents the code at once, each in a sign-in of their own.
async fn race(services: &[&Client], email: &str, code: &str) -> usize {
    let mut tokens = Vec::new();
    for racer in 0..RACERS {
        tokens.push(services[racer % services.len()].begin_login(email).await);
    }
    let racing = tokens.iter().enumerate().map(|(racer, token)| {
        let service = services[racer % services.len()];
        service.mfa(token, "recovery_code", code)
    });
    let mut winners = 0;
    for answer in join_all(racing).await {
        match (answer.status, answer.code().as_str()) {
            (200, _) => winners += 1,
            (401, "mfa_invalid") | (429 | 503, _) => {}
            _ => panic!("{}", answer.text()),
        }
    }
    winners
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ab_31_of_many_uses_of_one_code_at_two_services_one_wins() {
    let world = World::start().await;
    let other = world.second_service().await;
    let ada = Enrolled::new(&world, "ada").await;
    let code = &ada.recovery_codes[4];
    let services = [&world.client, &other.client];
    let mut winners = race(&services, &ada.email, code).await;
    // With so many at once, all may have been told to wait.
    world.later(Duration::from_secs(3_601));
    winners += usize::from(use_code(&world, &ada.email, code).await.status == 200);
    assert_eq!(winners, 1);
    world.later(Duration::from_secs(3_601));
    let back = use_code(&world, &ada.email, &ada.recovery_codes[5]).await;
    let back = SignedIn::of(&back.expect(200));
    assert_eq!(left(&world, &back.access).await, 8);
}
