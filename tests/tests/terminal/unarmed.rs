//! What must not do anything does nothing.

use super::console::{Home, Operator, arm, find, opens, signed_in};
use super::pty::ESC;
use crate::support::{SignedIn, World, email};

/// Keys that would end the session under the cursor, if they were typed by
/// somebody who may.
const REVOKE: &str = "xstolen laptop\ty\r";

async fn is_alive(world: &World, person: &SignedIn) {
    world.verify(&person.access).await.expect(200);
}

#[tokio::test]
async fn whoever_is_not_armed_ends_nothing_and_is_told_why() {
    let world = World::start().await;
    let operator = Operator::new(&world).await;
    let address = email("ada");
    let ada = world.register(&address).await;
    world.projected().await;
    let home = Home::new(&world.client.url);
    let mut terminal = signed_in(&world, &operator, &home).await;
    let before = world.ends().await;
    find(&mut terminal, &address).await;
    for key in ["xy", "Xy"] {
        opens(&mut terminal, key, "prove who you are", "[y").await;
        terminal.shows("The console is read-only").await;
        terminal.press("stolen");
        terminal.shows("[stolen").await;
        terminal.press(ESC);
        terminal.hides("prove who you are").await;
    }
    terminal.press("3");
    terminal.shows("FACTORS").await;
    terminal.press("x");
    terminal.shows("suspend it").await;
    opens(&mut terminal, "sy", "The console is read-only", "[y").await;
    terminal.press(ESC);
    terminal.hides("prove who you are").await;
    is_alive(&world, &ada).await;
    assert_eq!(world.ends().await, before, "nothing was written");
    terminal.press("q");
    assert_eq!(terminal.ended(0).await, "");
    terminal.assert_clean();
}

#[tokio::test]
async fn pasted_keys_are_no_keys() {
    let world = World::start().await;
    let operator = Operator::new(&world).await;
    let address = email("ada");
    let ada = world.register(&address).await;
    world.projected().await;
    let home = Home::new(&world.client.url);
    let mut terminal = signed_in(&world, &operator, &home).await;
    find(&mut terminal, &address).await;
    arm(&mut terminal, &world, &operator).await;
    terminal.paste(REVOKE);
    terminal.shows("pasted text was ignored").await;
    assert!(!terminal.screen().contains("Revoke 1"));
    // Nor does it confirm what was begun by hand.
    opens(&mut terminal, "xy", "Revoke 1 session", "[y").await;
    terminal.paste(REVOKE);
    terminal.shows("pasted text was ignored here").await;
    // It may be part of a reason, and of no more than that.
    terminal.press("z");
    terminal.shows("[z").await;
    terminal.paste(REVOKE);
    terminal.shows("[zx").await;
    terminal.shows("Revoke 1 session").await;
    is_alive(&world, &ada).await;
    terminal.press(ESC);
    terminal.hides("Revoke 1 session").await;
    is_alive(&world, &ada).await;
    terminal.press("q");
    assert_eq!(terminal.ended(0).await, "");
}

#[tokio::test]
async fn a_terminal_that_is_too_small_says_so_and_obeys_no_key() {
    let world = World::start().await;
    let operator = Operator::new(&world).await;
    let address = email("ada");
    let ada = world.register(&address).await;
    world.projected().await;
    let home = Home::new(&world.client.url);
    let mut terminal = signed_in(&world, &operator, &home).await;
    arm(&mut terminal, &world, &operator).await;
    find(&mut terminal, &address).await;
    for (columns, rows) in [(59, 24), (80, 14), (1, 1), (20, 5)] {
        terminal.resize(columns, rows);
        if columns > 18 {
            terminal.shows("Enlarge to 60x15").await;
        }
    }
    terminal.press(REVOKE);
    terminal.drawn_anew().await;
    terminal.resize(60, 15);
    terminal.shows(&address).await;
    assert!(!terminal.screen().contains("Revoke 1"));
    terminal.resize(80, 24);
    terminal.shows("q quit").await;
    terminal.shows(&address).await;
    assert!(!terminal.screen().contains("Enlarge"));
    is_alive(&world, &ada).await;
    terminal.press("q");
    assert_eq!(terminal.ended(0).await, "");
    terminal.assert_clean();
}
