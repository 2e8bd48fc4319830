//! Second factors that were seen, guessed or left out.

mod attempt;
mod guessing;

use std::time::Duration;

use countersign_api::TotpSeed;
use serde_json::{Value, json};

use crate::abuse::every::operations;
use crate::support::{Client, Enrolled, World, claims_of, email};

/// Moves the clock to just after the beginning of a time step, so that what
/// comes next happens within it.
pub(super) fn begin_step(world: &World) {
    let passed = world.seconds() % 30;
    world.later(Duration::from_secs(30 - passed + 2));
}

/// A code that is not good now, nor soon.
pub(super) fn wrong_code(world: &World, seed: &TotpSeed) -> String {
    let now = world.seconds();
    let near: Vec<_> = (0..=10)
        .map(|step| seed.code_at(now - 150 + step * 30))
        .collect();
    let mut guesses = (0..).map(|guess| format!("{guess:06}"));
    let wrong = guesses.find(|guess| near.iter().all(|code| **code != *guess));
    wrong.expect("there are more codes than that")
}

/// Presents a code that was used, wherever one is taken, in three tries.
async fn refused_everywhere(client: &Client, ada: &Enrolled, code: &str) {
    let token = client.begin_login(&ada.email).await;
    let (left, right) = code.split_at(3);
    for spelled in [code.to_owned(), format!(" {left} {right} ")] {
        client
            .mfa(&token, "totp", &spelled)
            .await
            .refused(401, "mfa_invalid");
    }
    client
        .step_up(&ada.session.access, "totp", code)
        .await
        .refused(401, "mfa_invalid");
}

#[tokio::test]
async fn ab_18_a_code_is_good_once_wherever_it_comes_again() {
    let world = World::start().await;
    let address = email("ada");
    let session = world.register(&address).await;
    begin_step(&world);
    let ada = Enrolled::of(&world, address, session).await;
    let confirmed = ada.seed.code_at(world.seconds());
    refused_everywhere(&world, &ada, &confirmed).await;

    let in_login = ada.next_code(&world);
    let token = world.begin_login(&ada.email).await;
    world.mfa(&token, "totp", &in_login).await.expect(200);
    world
        .mfa(&token, "totp", &in_login)
        .await
        .refused(401, "mfa_token_invalid");
    refused_everywhere(&world, &ada, &in_login).await;

    let in_step_up = ada.next_code(&world);
    world
        .step_up(&ada.session.access, "totp", &in_step_up)
        .await
        .expect(200);
    refused_everywhere(&world, &ada, &in_step_up).await;

    // One that nobody has used, but older than one that somebody has.
    let unused = ada.next_code(&world);
    let newer = ada.next_code(&world);
    world.login_with_code(&ada.email, &newer).await;
    let token = world.begin_login(&ada.email).await;
    world
        .mfa(&token, "totp", &unused)
        .await
        .refused(401, "mfa_invalid");

    // A service that has just started knows no more than the log.
    let restarted = world.second_service().await;
    refused_everywhere(&restarted, &ada, &newer).await;
    world.later(Duration::from_secs(1));
    let token = world.begin_login(&ada.email).await;
    world
        .mfa(&token, "totp", &newer)
        .await
        .refused(401, "mfa_invalid");
    let next = ada.next_code(&world);
    restarted.login_with_code(&ada.email, &next).await;
    refused_everywhere(&world, &ada, &next).await;
}

#[tokio::test]
async fn ab_22_a_code_is_refused_from_the_second_step_after_its_own() {
    let world = World::start().await;
    let ada = Enrolled::new(&world, "ada").await;
    for (age, is_good) in [(180, false), (91, false), (61, false), (31, true)] {
        // Ages are about codes that nobody has used, nor a later one.
        world.later(Duration::from_mins(5));
        begin_step(&world);
        let old = ada.seed.code_at(world.seconds() - age);
        let token = world.begin_login(&ada.email).await;
        let answer = world.mfa(&token, "totp", &old).await;
        if is_good {
            answer.expect(200);
        } else {
            answer.refused(401, "mfa_invalid");
        }
    }
    for (ahead, is_good) in [(180, false), (91, false), (61, false), (31, true)] {
        world.later(Duration::from_mins(5));
        begin_step(&world);
        let early = ada.seed.code_at(world.seconds() + ahead);
        let token = world.begin_login(&ada.email).await;
        let answer = world.mfa(&token, "totp", &early).await;
        if is_good {
            answer.expect(200);
        } else {
            answer.refused(401, "mfa_invalid");
        }
    }
}

#[tokio::test]
async fn ab_23_one_of_two_factors_opens_nothing() {
    let world = World::start().await;
    let ada = Enrolled::new(&world, "ada").await;
    let eve = Enrolled::new(&world, "eve").await;
    let before = world.get("/v1/me/sessions").by(&ada.session.access);
    world.projected().await;
    let before = before.send().await.items().len();

    // The password alone, whatever way the tokens are to travel.
    let answers = [
        world
            .try_login(&ada.email, crate::support::PASSWORD)
            .await
            .expect(200),
        world.cookie_login(&ada.email).send().await.expect(200),
    ];
    for answer in answers {
        assert_eq!(answer.cookies(), [""; 0]);
        let body = answer.json();
        let fields: Vec<_> = body.as_object().expect("an object").keys().collect();
        assert_eq!(fields, ["expires_in", "methods", "mfa_token", "status"]);
        assert_eq!(body["methods"], json!(["totp", "recovery_code"]));
    }
    world.projected().await;
    let after = world.get("/v1/me/sessions").by(&ada.session.access);
    assert_eq!(after.send().await.items().len(), before, "no session yet");

    // The code alone, in place of the password or with somebody else's.
    let code = ada.next_code(&world);
    world
        .try_login(&ada.email, &code)
        .await
        .refused(401, "invalid_credentials");
    let login = json!({ "email": ada.email, "code": code });
    world
        .post("/v1/auth/login", &login)
        .send()
        .await
        .refused(400, "validation_failed");
    let of_eve = world.begin_login(&eve.email).await;
    world
        .mfa(&of_eve, "totp", &code)
        .await
        .refused(401, "mfa_invalid");
    for recovery_code in &ada.recovery_codes[..2] {
        world
            .mfa(&of_eve, "recovery_code", recovery_code)
            .await
            .refused(401, "mfa_invalid");
    }
    let forged = format!("{}A", &of_eve[..of_eve.len() - 1]);
    for token in ["", "csm_", "x", &forged, &ada.session.refresh] {
        let answer = world.mfa(token, "totp", &code).await;
        assert!(matches!(answer.status, 400 | 401), "{token}: {answer:?}");
    }
    // None of that has used it up.
    world.login_with_code(&ada.email, &code).await;
}

#[tokio::test]
async fn ab_23_tokens_claim_no_more_than_was_proved() {
    let world = World::start().await;
    let claims = |access: &str| {
        let claims = claims_of(access);
        let auth_time = claims["auth_time"].as_u64().expect("seconds");
        let now = world.seconds();
        assert!((now - 10..=now).contains(&auth_time), "{auth_time} {now}");
        (claims["acr"].clone(), claims["amr"].clone())
    };
    let address = email("ada");
    let one = (json!("aal1"), json!(["pwd"]));
    let session = world.register(&address).await;
    assert_eq!(claims(&session.access), one);
    assert_eq!(claims(&world.login(&address).await.access), one);
    let stepped = world
        .step_up(&session.access, "password", crate::support::PASSWORD)
        .await
        .expect(200)
        .json();
    assert_eq!(stepped["acr"], "aal1");
    assert_eq!(claims(stepped["access_token"].as_str().expect("text")), one);

    let two = (json!("aal2"), json!(["pwd", "otp", "mfa"]));
    let ada = Enrolled::of(&world, address, session).await;
    assert_eq!(claims(&ada.session.access), two);
    let back = ada.login(&world).await;
    assert_eq!(claims(&back.access), two);
    let token = world.begin_login(&ada.email).await;
    let recovered = world.mfa(&token, "recovery_code", &ada.recovery_codes[0]);
    let recovered = crate::support::SignedIn::of(&recovered.await.expect(200));
    assert_eq!(claims(&recovered.access), two);
    // The password cannot refresh what two factors have proved.
    world
        .step_up(&back.access, "password", crate::support::PASSWORD)
        .await
        .refused(401, "insufficient_user_authentication");
}

/// Open operations whose bodies hold nothing that a token could stand in for,
/// and those where it belongs.
const TAKE_NO_TOKEN: [&str; 9] = [
    "forgot_password",
    "healthz",
    "jwks",
    "login",
    "metrics",
    "mfa",
    "oauth_metadata",
    "readyz",
    "register",
];

#[tokio::test]
async fn ab_24_after_the_password_step_nothing_but_the_second_step_is_open() {
    let world = World::start().await;
    let ada = Enrolled::new(&world, "ada").await;
    let token = world.begin_login(&ada.email).await;
    let before = world.ends().await;
    let mut open = Vec::new();
    for operation in operations() {
        if operation.is_secured {
            let answer = operation.call(&world).by(&token).send().await;
            answer.refused(401, "token_invalid");
            continue;
        }
        if TAKE_NO_TOKEN.contains(&operation.id.as_str()) {
            continue;
        }
        let id = operation.id.clone();
        if let Some(mut body) = operation.body.clone() {
            let fields = body.as_object_mut().expect("an object");
            for (name, value) in fields.iter_mut() {
                if name.ends_with("token") {
                    *value = Value::from(token.as_str());
                }
            }
            let answer = operation.bare(&world).json(&body).by(&token).send().await;
            let is_refused = matches!(answer.status, 400 | 401 | 403 | 404);
            assert!(is_refused, "{id}: {answer:?}");
        }
        // In place of a cookie, its CSRF token and a bearer's token.
        let call = operation.bare(&world).for_cookie().with_cookie(&token);
        let call = call.header("x-csrf-token", &token).by(&token);
        let call = match operation.body {
            Some(_) => call.json(&json!({})),
            None => call,
        };
        let answer = call.send().await;
        let is_refused = matches!(answer.status, 400 | 401 | 403);
        assert!(is_refused, "{id}: {answer:?}");
        assert_eq!(answer.cookies(), [""; 0], "{id}");
        open.push(id);
    }
    open.sort();
    let expected = [
        "confirm_email",
        "get_csrf_token",
        "introspect",
        "logout",
        "passkey_login",
        "passkey_options",
        "refresh",
        "reset_password",
        "revoke_token",
        "token",
    ];
    assert_eq!(open, expected);
    assert_eq!(world.ends().await, before, "nothing was written");
    // And it is still good for what it is for.
    let code = ada.next_code(&world);
    world.mfa(&token, "totp", &code).await.expect(200);
}
