//! A code is for one: R-06, AB-18, AB-31, with one service and with two.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, Client, Enrolled, World};

const USES: usize = 200;

/// How many sign-ins begin side by side: hashing takes as many processors.
const BESIDE: usize = 2;

/// Sign-ins that wait for a second factor.
async fn begun(world: &World, ada: &Enrolled, count: usize) -> Vec<String> {
    let mut tokens = Vec::new();
    while tokens.len() < count {
        let next = BESIDE.min(count - tokens.len());
        tokens.extend(join_all((0..next).map(|_| world.begin_login(&ada.email))).await);
    }
    tokens
}

/// Uses a code in all of these sign-ins at once, at these services in turn.
async fn all_at_once(
    clients: &[&Client],
    tokens: &[String],
    method: &str,
    code: &str,
) -> Vec<Answer> {
    let uses = tokens.iter().zip(clients.iter().cycle());
    join_all(uses.map(|(token, client)| client.mfa(token, method, code))).await
}

/// How many won. All others were wrong, or had to wait.
fn winners(answers: &[Answer]) -> usize {
    let mut winners = 0;
    for answer in answers {
        match (answer.status, answer.code().as_str()) {
            (200, _) => winners += 1,
            (401, "mfa_invalid") | (429, "rate_limited") => {}
            other => panic!("{other:?}: {}", answer.text()),
        }
    }
    winners
}

#[tokio::test]
async fn r_06_a_code_of_an_app_has_one_winner_among_200_at_one_service_and_at_two() {
    let world = World::start().await;
    let other = world.second_service().await;
    let ada = Enrolled::new(&world, "ada").await;
    let mut tokens = begun(&world, &ada, USES).await;
    for clients in [vec![&world.client], vec![&world.client, &other.client]] {
        let code = ada.next_code(&world);
        let answers = all_at_once(&clients, &tokens, "totp", &code).await;
        assert_eq!(winners(&answers), 1);
        // Nobody but the waits stands in the way of the next one.
        world.later(Duration::from_secs(61));
        ada.login(&world).await;
        // Those that lost wait for the next round.
        let winner = answers.iter().position(|answer| answer.status == 200);
        tokens.swap_remove(winner.expect("somebody won"));
        tokens.extend(begun(&world, &ada, 1).await);
    }
}

#[tokio::test]
async fn r_06_a_code_of_an_app_raises_one_session_once() {
    let world = World::start().await;
    let other = world.second_service().await;
    let ada = Enrolled::new(&world, "ada").await;
    let code = ada.next_code(&world);
    let clients = [&world.client, &other.client].into_iter().cycle();
    let uses = clients
        .take(USES)
        .map(|client| client.step_up(&ada.session.access, "totp", &code));
    assert_eq!(winners(&join_all(uses).await), 1);
    world.later(Duration::from_secs(61));
    ada.login(&world).await;
}

#[tokio::test]
async fn r_06_a_recovery_code_has_one_winner_among_200_at_one_service_and_at_two() {
    let world = World::start().await;
    let other = world.second_service().await;
    let ada = Enrolled::new(&world, "ada").await;
    // Beginning a sign-in costs a hash; stepping up with the code does not.
    let sign_ins = match std::env::var_os("COUNTERSIGN_SOAK") {
        Some(_) => USES,
        None => 40,
    };
    let mut tokens = begun(&world, &ada, sign_ins).await;
    let rounds = [vec![&world.client], vec![&world.client, &other.client]];
    for (round, clients) in rounds.into_iter().enumerate() {
        let code = &ada.recovery_codes[round];
        let raised = clients.iter().cycle().take(USES - sign_ins);
        let raised = raised.map(|client| {
            let form = json!({ "method": "recovery_code", "code": code });
            let call = client.post("/v1/auth/step-up", &form);
            call.by(&ada.session.access).send()
        });
        let (mut answers, raised) = tokio::join!(
            all_at_once(&clients, &tokens, "recovery_code", code),
            join_all(raised)
        );
        // Those that lost wait for the next round, in which nobody's sign-in
        // is over before it began.
        let lost = answers.iter().map(|answer| answer.status != 200);
        let mut lost = lost.collect::<Vec<_>>().into_iter();
        tokens.retain(|_| lost.next().expect("an answer for each"));
        answers.extend(raised);
        assert!(answers.len() + 1 >= USES);
        assert_eq!(winners(&answers), 1);
        world.later(Duration::from_secs(61));
    }
    let token = world.begin_login(&ada.email).await;
    for spent in &ada.recovery_codes[..2] {
        world
            .mfa(&token, "recovery_code", spent)
            .await
            .refused(401, "mfa_invalid");
    }
    let token = other.begin_login(&ada.email).await;
    other
        .mfa(&token, "recovery_code", &ada.recovery_codes[2])
        .await
        .expect(200);
}
