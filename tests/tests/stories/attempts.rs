//! Why the last sign-in failed.

use std::time::Duration;

use async_nats::jetstream;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Enrolled, PASSWORD, PATIENCE, SignedIn, World, email, eventually};

const WRONG: &str = "wrong-horse-battery";

async fn attempts(world: &World, by: &SignedIn, account: Uuid, query: &str) -> Vec<Value> {
    let path = format!("/v1/admin/accounts/{account}/attempts{query}");
    let page = world.get(&path).by(&by.access).send().await.expect(200);
    assert_eq!(page.json()["next"], Value::Null);
    page.items()
}

fn outcomes(attempts: &[Value]) -> Vec<&str> {
    let outcome = |attempt: &'_ Value| attempt["outcome"].is_string();
    assert!(attempts.iter().all(outcome), "{attempts:?}");
    let all = attempts.iter();
    all.filter_map(|attempt| attempt["outcome"].as_str())
        .collect()
}

/// What reads signals, as NATS counts it.
async fn consumers(world: &World) -> usize {
    let context = jetstream::new(world.log.client().clone());
    let name = format!("{}_SIGNALS", world.log.prefix());
    let stream = context.get_stream(name).await.expect("the stream");
    stream.cached_info().state.consumer_count
}

/// Waits until this is what is shown: signals are stored behind the answer.
async fn shows(world: &World, by: &SignedIn, account: Uuid, expected: &[&str]) -> Vec<Value> {
    eventually(PATIENCE, async || {
        outcomes(&attempts(world, by, account, "").await) == expected
    })
    .await;
    attempts(world, by, account, "").await
}

#[tokio::test]
async fn what_failed_and_what_opened_a_session_is_one_list_newest_first() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = Enrolled::new(&world, "ada").await;
    let account = ada.session.account;
    // Others fail, too, at their accounts and at none.
    let other = email("grace");
    let grace = world.register(&other).await;
    for address in [&other, &email("nobody")] {
        for _ in 0..5 {
            world.try_login(address, WRONG).await;
        }
    }
    let mut failed = Vec::new();
    for _ in 0..2 {
        let answer = world.try_login(&ada.email, WRONG).await;
        failed.push(answer.refused(401, "invalid_credentials"));
    }
    let token = world.begin_login(&ada.email).await;
    let answer = world.mfa(&token, "totp", "000000").await;
    failed.push(answer.refused(401, "mfa_invalid"));
    // The fifth failure is the first after which there is a wait.
    for _ in 0..5 {
        world.try_login(&ada.email, WRONG).await;
    }
    let throttled = world.try_login(&ada.email, PASSWORD).await;
    throttled.refused(429, "rate_limited");
    world.later(Duration::from_hours(2));
    let code = ada.seed.code_at(world.seconds()).to_string();
    let back = world.login_with_code(&ada.email, &code).await;
    // The clock went on, and with it the operator's token.
    let operator = {
        drop(operator);
        world.operator().await
    };
    world.projected().await;

    let expected = [
        "signed_in",
        "throttled",
        "wrong_password",
        "wrong_password",
        "wrong_password",
        "wrong_password",
        "wrong_password",
        "wrong_factor",
        "wrong_password",
        "wrong_password",
        "signed_in",
    ];
    let shown = shows(&world, &operator, account, &expected).await;
    assert_eq!(shown[0]["session_id"], back.session.to_string());
    assert_eq!(shown[0]["network"], Value::Null);
    assert_eq!(shown[10]["session_id"], ada.session.session.to_string());
    for (shown, answer) in [&shown[9], &shown[8], &shown[7]].into_iter().zip(&failed) {
        assert_eq!(shown["network"], "127.0.0.0/24", "{shown}");
        assert_eq!(
            shown["correlation_id"],
            answer.header("countersign-request-id")
        );
        assert_eq!(shown["session_id"], Value::Null);
    }
    let text = json!(shown).to_string();
    assert!(
        !text.contains(&ada.email) && !text.contains("127.0.0.1"),
        "{text}"
    );

    let newest = attempts(&world, &operator, account, "?limit=3").await;
    assert_eq!(outcomes(&newest), expected[..3]);
    let theirs = attempts(&world, &operator, grace.account, "").await;
    let signed_in = theirs.iter().filter(|one| one["outcome"] == "signed_in");
    assert_eq!(signed_in.count(), 1, "{theirs:?}");
    assert_eq!(theirs.len(), 6, "{theirs:?}");
}

#[tokio::test]
async fn an_account_that_is_attacked_shows_its_last_failures_and_hides_nobodys() {
    let world = World::start().await;
    let operator = world.operator().await;
    let (ada, grace) = (email("ada"), email("grace"));
    let (one, two) = (world.register(&ada).await, world.register(&grace).await);
    world.try_login(&grace, WRONG).await;
    // Stored as the service stores them, only faster.
    let signal = countersign_events::Signal {
        occurred_at: world.now(),
        kind: countersign_events::SignalKind::WrongPassword,
        account: Some(countersign_events::AccountId::from_uuid(one.account)),
        network: "192.0.2.0/24".into(),
        correlation: Uuid::nil(),
    };
    for number in 0..5_000 {
        let correlation = Uuid::from_u128(number);
        let signal = countersign_events::Signal {
            correlation,
            ..signal.clone()
        };
        world.log.signal(&signal).await;
    }
    world.log.client().flush().await.expect("sent");
    world.projected().await;
    let last = Uuid::from_u128(4_999).to_string();
    eventually(PATIENCE, async || {
        let shown = attempts(&world, &operator, one.account, "?limit=200").await;
        shown.len() == 200 && shown[0]["correlation_id"] == last
    })
    .await;
    let shown = attempts(&world, &operator, one.account, "?limit=200").await;
    let numbers = shown.iter().map(|one| {
        let id = one["correlation_id"].as_str().expect("an id");
        id.parse::<Uuid>().expect("an id").as_u128()
    });
    assert!(numbers.eq((4_800..5_000).rev()), "{shown:?}");
    let expected = ["wrong_password", "signed_in"];
    shows(&world, &operator, two.account, &expected).await;
    assert_eq!(consumers(&world).await, 0, "each was taken away");
}

#[tokio::test]
async fn few_ask_at_once_and_the_others_are_told_to_come_back() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    world.projected().await;
    let path = format!("/v1/admin/accounts/{}/attempts", ada.account);
    let asked = async || {
        let asking = (0..24).map(|_| world.get(&path).by(&operator.access).send());
        let answers = join_all(asking).await;
        let refused = answers.iter().filter(|answer| answer.status == 503);
        let refused = refused.filter(|answer| answer.code() == "overloaded");
        let answered = answers.iter().filter(|answer| answer.status == 200);
        refused.count() > 0 && answered.count() > 0
    };
    eventually(PATIENCE, asked).await;
    // Every place is free again.
    attempts(&world, &operator, ada.account, "").await;
}

#[tokio::test]
async fn what_is_no_account_has_no_tries() {
    let world = World::start().await;
    let operator = world.operator().await;
    let ada = world.register(&email("ada")).await;
    for nobody in [ada.session, Uuid::from_u128(7)] {
        let path = format!("/v1/admin/accounts/{nobody}/attempts");
        let answer = world.get(&path).by(&operator.access).send().await;
        answer.refused(404, "not_found");
    }
    for limit in ["0", "201", "x"] {
        let path = format!("/v1/admin/accounts/{}/attempts?limit={limit}", ada.account);
        let answer = world.get(&path).by(&operator.access).send().await;
        answer.refused(400, "validation_failed");
    }
    let path = format!("/v1/admin/accounts/{}/attempts", ada.account);
    let answer = world.get(&path).by(&ada.access).send().await;
    answer.refused(403, "insufficient_permissions");
}
