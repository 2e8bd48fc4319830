//! Strangers guess, and whoever comes with a device that is known gets in all
//! the same. SECURITY.md N5: lockout that nobody can turn against others.

use std::time::Duration;

use serde_json::json;

use super::WRONG;
use crate::support::{Answer, PASSWORD, World, email};

async fn login(world: &World, address: &str, password: &str, device: Option<&str>) -> Answer {
    let form = json!({ "email": address, "password": password });
    let call = world.post("/v1/auth/login", &form);
    match device {
        Some(device) => call.header("countersign-device", device).send().await,
        None => call.send().await,
    }
}

/// What a device keeps of a login.
async fn device(world: &World, address: &str, password: &str) -> String {
    let answer = login(world, address, password, None).await.expect(200);
    let body = answer.json();
    body["device_token"].as_str().expect("a token").to_owned()
}

fn limited(answer: Answer) {
    let answer = answer.refused(429, "rate_limited");
    let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(answer.json()["retry_after"], seconds);
}

/// Makes this network wait.
async fn exhaust_network(world: &World) {
    for _ in 0..5 {
        login(world, &email("nobody"), WRONG, None)
            .await
            .refused(401, "invalid_credentials");
    }
    limited(login(world, &email("nobody"), WRONG, None).await);
}

#[tokio::test]
async fn a_network_that_fails_waits_and_a_known_device_there_does_not() {
    let world = World::with(&[("failed_logins_per_minute", "5")]).await;
    let (address, other) = (email("ada"), email("eve"));
    let ada = world.register(&address).await;
    world.register(&other).await;
    let known = device(&world, &address, PASSWORD).await;
    let foreign = device(&world, &other, PASSWORD).await;
    exhaust_network(&world).await;

    for address in [&address, &other] {
        limited(login(&world, address, PASSWORD, None).await);
    }
    let cut = &known[..known.len() - 1];
    let forged = format!("{cut}{}", if known.ends_with('A') { 'Q' } else { 'A' });
    let refresh = &ada.refresh;
    for token in [&foreign, &forged, cut, "", "csd_", "x", refresh] {
        limited(login(&world, &address, PASSWORD, Some(token)).await);
    }
    // Two are none.
    let form = json!({ "email": address, "password": PASSWORD });
    let call = world.post("/v1/auth/login", &form);
    let call = call.header("countersign-device", &known);
    let call = call.header("countersign-device", &known);
    limited(call.send().await);

    let answer = login(&world, &address, PASSWORD, Some(&known)).await;
    let body = answer.expect(200).json();
    assert_eq!(body["device_token"], json!(null), "it has a good one");
    login(&world, &other, PASSWORD, Some(&foreign))
        .await
        .expect(200);
    // It is no password.
    login(&world, &address, WRONG, Some(&known))
        .await
        .refused(401, "invalid_credentials");

    world.later(Duration::from_secs(61));
    login(&world, &address, PASSWORD, None).await.expect(200);
}

#[tokio::test]
async fn a_device_is_unknown_once_the_password_is_another() {
    let world = World::with(&[("failed_logins_per_minute", "5")]).await;
    let address = email("ada");
    let ada = world.register(&address).await;
    let old = device(&world, &address, PASSWORD).await;
    let new_password = "grey-Quartz-17-meadow";
    let form = json!({ "current_password": PASSWORD, "new_password": new_password });
    let changed = world.post("/v1/auth/password/change", &form);
    changed.by(&ada.access).send().await.expect(200);
    let new = device(&world, &address, new_password).await;
    exhaust_network(&world).await;
    limited(login(&world, &address, new_password, Some(&old)).await);
    login(&world, &address, new_password, Some(&new))
        .await
        .expect(200);
}

#[tokio::test]
async fn ab_69_while_strangers_guess_at_an_account_its_owner_gets_in_by_device() {
    let world = World::start().await;
    let address = email("ada");
    world.register(&address).await;
    let known = device(&world, &address, PASSWORD).await;
    for _ in 0..8 {
        world.later(Duration::from_secs(20));
        login(&world, &address, WRONG, None)
            .await
            .refused(401, "invalid_credentials");
    }
    let answer = login(&world, &address, PASSWORD, None).await;
    answer.refused(429, "rate_limited");
    login(&world, &address, PASSWORD, Some(&known))
        .await
        .expect(200);
    // Which was right, so the strangers' failures are forgotten.
    login(&world, &address, PASSWORD, None).await.expect(200);
}

#[tokio::test]
async fn a_device_that_fails_waits_itself_and_is_at_last_a_stranger() {
    let world = World::with(&[("failed_logins_per_minute", "5")]).await;
    let address = email("ada");
    world.register(&address).await;
    let known = device(&world, &address, PASSWORD).await;
    for _ in 0..5 {
        login(&world, &address, WRONG, Some(&known))
            .await
            .refused(401, "invalid_credentials");
    }
    limited(login(&world, &address, PASSWORD, Some(&known)).await);
    for _ in 5..20 {
        world.later(Duration::from_secs(3_601));
        login(&world, &address, WRONG, Some(&known))
            .await
            .refused(401, "invalid_credentials");
    }
    // Known it would pass this network's limit.
    world.later(Duration::from_secs(3_601));
    exhaust_network(&world).await;
    limited(login(&world, &address, PASSWORD, Some(&known)).await);
    world.later(Duration::from_secs(61));
    login(&world, &address, PASSWORD, None).await.expect(200);
}
