//! Guessing codes with the right password in hand.

use std::time::Duration;

use countersign_events::AccountId;
use serde_json::Value;

use super::wrong_code;
use crate::support::{Enrolled, PASSWORD, SignedIn, World};

/// Longer than any wait.
const LONG: Duration = Duration::from_secs(3_601);

/// Everything that happened to an account, oldest first.
async fn history(world: &World, account: uuid::Uuid) -> Vec<(String, Value)> {
    let id = AccountId::from_uuid(account);
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = world.app.history(id, 200, after.as_deref()).await;
        let page = page.expect("a history");
        for event in &page.items {
            let event = serde_json::to_value(event).expect("JSON");
            let name = event["name"].as_str().expect("a name").to_owned();
            all.push((name, event));
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

/// The states of the factors, by kind, as their owner sees them.
async fn states(world: &World, access: &str) -> Vec<(String, String)> {
    let listed = world.get("/v1/me/factors").by(access).send().await;
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let mut states: Vec<_> = listed
        .items()
        .iter()
        .map(|factor| (text(&factor["kind"]), text(&factor["state"])))
        .collect();
    states.sort();
    states
}

async fn renew(world: &World, session: SignedIn) -> SignedIn {
    let renewed = world.refresh(&session.refresh).await;
    session.renewed(&renewed)
}

#[tokio::test]
async fn ab_20_after_a_hundred_wrong_codes_the_right_one_is_refused() {
    let world = World::start().await;
    let ada = Enrolled::new(&world, "ada").await;
    // Somebody who knows the password, and somebody who has got hold of a
    // session: whatever they try counts together.
    let mut session = ada.session.clone();
    let mut checked = 0;
    while checked < 100 {
        world.later(LONG);
        session = renew(&world, session).await;
        let wrong = wrong_code(&world, &ada.seed);
        let answer = if checked % 2 == 0 {
            let token = world.begin_login(&ada.email).await;
            world.mfa(&token, "totp", &wrong).await
        } else {
            world.step_up(&session.access, "totp", &wrong).await
        };
        answer.refused(401, "mfa_invalid");
        checked += 1;
        if checked == 99 {
            assert!(
                states(&world, &session.access)
                    .await
                    .contains(&("totp".into(), "active".into()))
            );
        }
        if (6..99).contains(&checked) && checked % 10 == 0 {
            let token = world.begin_login(&ada.email).await;
            let early = ada.seed.code_at(world.seconds());
            world
                .mfa(&token, "totp", &early)
                .await
                .refused(429, "rate_limited");
        }
    }
    assert_eq!(
        states(&world, &session.access).await,
        [
            ("recovery_code".into(), "active".into()),
            ("totp".into(), "disabled".into())
        ]
    );
    for wait in [Duration::ZERO, LONG, Duration::from_hours(25)] {
        world.later(wait);
        session = renew(&world, session).await;
        let right = ada.next_code(&world);
        // The password's own count is another: it was right all the time.
        let answer = world.try_login(&ada.email, PASSWORD).await.expect(200);
        assert_eq!(
            answer.json()["methods"],
            serde_json::json!(["recovery_code"])
        );
        let token = answer.json()["mfa_token"].clone();
        let token = token.as_str().expect("a token");
        world
            .mfa(token, "totp", &right)
            .await
            .refused(401, "mfa_invalid");
        world
            .step_up(&session.access, "totp", &right)
            .await
            .refused(401, "mfa_invalid");
    }

    let history = history(&world, ada.session.account).await;
    let disabled: Vec<_> = history
        .iter()
        .filter(|(name, _)| name == "factor_disabled")
        .collect();
    assert_eq!(disabled.len(), 1, "{disabled:?}");
    let text = disabled[0].1.to_string();
    assert!(text.contains("\"totp\"") && text.contains("100"), "{text}");
    let told = history
        .iter()
        .filter(|(name, _)| name == "challenge_failed");
    // Once for each sign-in that failed.
    assert!(told.count() >= 50, "its owner can see that");

    // The way back.
    let token = world.begin_login(&ada.email).await;
    let back = world.mfa(&token, "recovery_code", &ada.recovery_codes[0]);
    SignedIn::of(&back.await.expect(200));
}

#[tokio::test]
async fn ab_20_a_right_code_begins_the_count_anew_and_another_factor_does_not() {
    let world = World::start().await;
    let ada = Enrolled::new(&world, "ada").await;
    let fail = async || {
        let token = world.begin_login(&ada.email).await;
        let wrong = wrong_code(&world, &ada.seed);
        world.mfa(&token, "totp", &wrong).await
    };
    for _ in 0..5 {
        fail().await.refused(401, "mfa_invalid");
    }
    fail().await.refused(429, "rate_limited");
    // The recovery code has its own count, and leaves that of the app alone.
    let token = world.begin_login(&ada.email).await;
    world
        .mfa(&token, "recovery_code", &ada.recovery_codes[0])
        .await
        .expect(200);
    fail().await.refused(429, "rate_limited");
    ada.login(&world).await;
    for _ in 0..5 {
        fail().await.refused(401, "mfa_invalid");
    }
    let limited = fail().await.refused(429, "rate_limited");
    assert_eq!(limited.header("retry-after"), "1");
}
