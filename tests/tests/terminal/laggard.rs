//! Somebody who ends several sessions sees which verifier lags, until it does
//! not.

use serde_json::{Value, json};
use uuid::Uuid;

use super::console::{Home, Operator, SIZE, arm, built, find, opens, signed_in};
use super::pty::{ENTER, TAB};
use crate::support::{World, email, soon};

/// A verifier says how far it is, as of now.
async fn reports(world: &World, cursor: &Value) {
    let report = json!({
        "v": 1, "id": Uuid::from_u128(7), "name": "laggard", "seq": 1, "cursor": cursor,
        "kids": ["k"], "staleness_ms": 12, "max_staleness_ms": 60_000, "leaving": false,
    });
    let subject = format!("{}.ver.report", world.log.prefix());
    let payload = report.to_string().into_bytes().into();
    let answer = soon(world.log.client().request(subject, payload)).await;
    answer.expect("an answer");
}

#[tokio::test]
async fn several_are_ended_and_who_lags_is_named_until_it_has_applied_them() {
    let world = World::start().await;
    let operator = Operator::new(&world).await;
    let address = email("ada");
    let ada = world.register(&address).await;
    let bob = world.register(&format!("x{address}")).await;
    world.projected().await;
    let home = Home::new(&world.client.url);
    let mut terminal = signed_in(&world, &operator, &home).await;
    // Both; the whole address of the other may be too long for its column.
    let both = address.split('@').next().expect("a name");
    find(&mut terminal, both).await;
    arm(&mut terminal, &world, &operator).await;
    reports(&world, &json!(world.ends().await)).await;
    terminal.press("*");
    opens(&mut terminal, "xz", "Revoke 2 sessions", "[z").await;
    terminal.press("incident 311");
    terminal.shows("[incident 311").await;
    terminal.press(TAB);
    terminal.press("2");
    terminal.press(TAB);
    terminal.shows("press y to revoke").await;
    terminal.press("y");
    terminal.shows("2 done, 0 failed").await;
    terminal.shows("not yet by laggard").await;
    for one in [&ada, &bob] {
        let refreshed = world.refresh(&one.refresh).await;
        refreshed.refused(401, "session_revoked");
    }
    reports(&world, &json!(world.ends().await)).await;
    terminal.shows("applied by all 2 verifiers").await;
    terminal.press(ENTER);
    terminal.hides("Reason (kept").await;
    terminal
        .shows("2 of 2 done; applied by all 2 verifiers")
        .await;
    terminal.press("q");
    terminal.ended(0).await;
    terminal.assert_clean();
}

#[tokio::test]
async fn a_rebuild_on_the_command_line_is_confirmed_or_not_done() {
    let world = World::start().await;
    let home = Home::new(&world.client.url);
    let words = ["projections", "rebuild", "--context", "here"];
    let program = built("countersign");
    for typed in ["y", "al", ""] {
        let mut terminal = home.run(&program, SIZE, &words);
        terminal.shows("Type all to rebuild them").await;
        terminal.press(typed);
        terminal.press(ENTER);
        let left = terminal.ended(3).await;
        assert!(left.contains("nothing was done"), "{left}");
    }
    let mut terminal = home.run(&program, SIZE, &words);
    terminal.shows("Type all to rebuild them").await;
    terminal.press("all");
    terminal.press(ENTER);
    // Only then anything is asked of the service.
    terminal.shows("Email").await;
}
