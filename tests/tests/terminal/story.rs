//! A stranger with a rough idea ends the right session.

use serde_json::json;

use super::console::{Home, Operator, arm, find, opens, signed_in};
use super::pty::{ENTER, TAB};
use crate::support::{PASSWORD, SignedIn, World, email};

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:149.0) Gecko/20100101 Firefox/149.0";

#[tokio::test]
async fn a_session_is_found_understood_and_ended() {
    let world = World::start().await;
    let operator = Operator::new(&world).await;
    let (address, other) = (email("ada"), email("bob"));
    let bob = world.register(&other).await;
    let form = json!({ "email": address, "password": PASSWORD, "display_name": "Ada" });
    let call = world.post("/v1/auth/register", &form).agent(AGENT);
    let ada = SignedIn::of(&call.send().await.expect(201));
    let form = json!({ "refresh_token": ada.refresh });
    let call = world.post("/v1/auth/refresh", &form).agent(AGENT);
    let next = ada.renewed(&call.send().await);
    world.projected().await;

    let home = Home::new(&world.client.url);
    let mut terminal = signed_in(&world, &operator, &home).await;
    assert!(terminal.is_taken());
    assert!(!terminal.screen().contains("ARMED"));
    // Whatever is switched on is switched off again.
    terminal.press("%");
    terminal.shows("mouse").await;

    // Found.
    terminal.press("2");
    terminal.shows(&other).await;
    find(&mut terminal, &address).await;
    assert!(!terminal.screen().contains(&other));
    assert!(terminal.screen().contains("Firefox, Linux"));

    // Understood.
    terminal.press(ENTER);
    terminal.shows(&ada.session.to_string()).await;
    terminal.shows("session.started").await;
    terminal.shows("session.refreshed").await;
    terminal.shows("generation 2").await;

    // Ended, with a reason, and not before it was confirmed.
    arm(&mut terminal, &world, &operator).await;
    opens(&mut terminal, "xz", "Revoke 1 session", "[z").await;
    terminal.shows("refresh token stops working").await;
    terminal.press("stolen laptop");
    terminal.shows("[stolen laptop").await;
    world.verify(&next.access).await.expect(200);
    terminal.press(TAB);
    terminal.shows("press y to revoke").await;
    terminal.press("y");
    terminal.shows("1 done, 0 failed").await;
    terminal.press(ENTER);
    terminal.hides("Reason (kept").await;
    terminal.shows("revoked by operator").await;
    terminal.shows("session.ended").await;

    // And the service agrees.
    for token in [&ada.access, &next.access] {
        world.verify(token).await.refused(401, "token_revoked");
    }
    for token in [&ada.refresh, &next.refresh] {
        world.refresh(token).await.refused(401, "session_revoked");
    }
    world.verify(&bob.access).await.expect(200);

    terminal.press("q");
    let left = terminal.ended(0).await;
    assert_eq!(left, "", "left on the screen");
    terminal.assert_clean();
}
