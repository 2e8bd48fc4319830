//! Looking around, key by key.

use countersign_tui::console::{Answer, Effect, Failed, Layer, Link, Message, Screen};
use time::Duration;

use super::driver::Driver;
use super::service::Service;

/// A console at the list of so many sessions.
pub fn at_sessions(number: u64) -> (Driver, Service) {
    let mut service = Service::with(number);
    let mut driver = Driver::signed_in((80, 24));
    driver.press(&["2"]);
    driver.serve(&mut service);
    (driver, service)
}

/// A console at another screen, by its key, that is able to act.
pub fn armed_at(screen: &str, number: u64) -> (Driver, Service) {
    let mut service = Service::with(number);
    let mut driver = Driver::signed_in((80, 24));
    driver.press(&[screen]);
    driver.serve(&mut service);
    driver.arm(&mut service);
    (driver, service)
}

#[test]
fn what_cannot_be_done_says_why() {
    let (mut driver, mut service) = at_sessions(40);
    driver.press(&["/"]);
    driver.write("state:revoked");
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    driver.press(&["x"]);
    assert!(
        driver.screen().contains("already ended"),
        "{}",
        driver.screen()
    );
    driver.press(&[":"]);
    driver.write("revoke");
    assert!(
        driver.screen().contains("already ended"),
        "{}",
        driver.screen()
    );
}

#[test]
fn an_outage_is_told_and_ends_by_itself() {
    let (mut driver, mut service) = at_sessions(10);
    service.up = false;
    driver.wait(Duration::seconds(6));
    driver.serve(&mut service);
    assert!(matches!(driver.model.link, Link::Down { .. }));
    assert!(driver.screen().contains("NO ANSWER"), "{}", driver.screen());
    assert!(driver.screen().contains("STALE"), "{}", driver.screen());
    driver.wait(Duration::seconds(1));
    driver.serve(&mut service);
    service.up = true;
    driver.wait(Duration::seconds(4));
    driver.serve(&mut service);
    assert_eq!(driver.model.link, Link::Up);
    driver.press(&["!"]);
    assert!(
        driver.screen().contains("connection refused"),
        "{}",
        driver.screen()
    );
}

#[test]
fn a_session_that_is_over_asks_to_sign_in_again() {
    let (mut driver, mut service) = at_sessions(10);
    driver.arm(&mut service);
    driver.press(&["r"]);
    let asked = driver.waiting.iter().find_map(|effect| match effect {
        Effect::Ask { ticket, query } => Some((*ticket, query.clone())),
        _ => None,
    });
    let (ticket, query) = asked.expect("a question");
    let outcome = Err(Failed::SignedOut("Revoked (token_revoked)".to_owned()));
    let answer = Answer {
        ticket,
        query,
        outcome,
    };
    driver.tell(Message::Answer(answer));
    let seen = driver.screen();
    assert!(
        seen.contains("Sign in") && seen.contains("token_revoked"),
        "{seen}"
    );
    assert!(seen.contains("READ-ONLY"), "{seen}");
}

#[test]
fn a_history_leads_from_effect_to_cause_and_to_the_account() {
    let (mut driver, mut service) = at_sessions(40);
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    driver.press(&["c"]);
    let event = driver.model.session.timeline.selected().expect("an event");
    assert_eq!(event.name, "refresh_reused");
    driver.press(&["i"]);
    assert!(matches!(driver.model.layer, Some(Layer::Raw { .. })));
    driver.press(&["Esc", "u"]);
    driver.serve(&mut service);
    assert_eq!(driver.model.screen, Screen::Account);
    assert!(driver.screen().contains("totp"), "{}", driver.screen());
    driver.press(&["Esc"]);
    assert_eq!(driver.model.screen, Screen::Session);
    driver.press(&["Esc"]);
    assert_eq!(driver.model.screen, Screen::Sessions);
    driver.press(&["Esc", "Esc"]);
    assert!(
        driver
            .waiting
            .iter()
            .all(|effect| !matches!(effect, Effect::Quit))
    );
}

#[test]
fn hostile_text_reaches_no_cell_as_it_is() {
    let (mut driver, mut service) = at_sessions(40);
    let mut everything = driver.screen();
    for keys in [
        &["Enter"][..],
        &["i"],
        &["Esc", "3"],
        &["4"],
        &["5"],
        &["7"],
    ] {
        driver.press(keys);
        driver.serve(&mut service);
        everything.push_str(&driver.screen());
    }
    for character in everything.chars().filter(|character| *character != '\n') {
        let mut bytes = [0; 4];
        let text: &str = character.encode_utf8(&mut bytes);
        assert_eq!(
            countersign_openapi::display_safe(text),
            text,
            "{character:?}"
        );
    }
    assert!(everything.contains("\\u{1b}"), "it is written out");
    driver.press(&["2", "Y"]);
    let copied = driver.waiting.iter().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    assert!(!copied.expect("copied").contains('\u{202e}'));
}

#[test]
fn files_hold_what_is_listed() {
    let (mut driver, mut service) = at_sessions(10);
    driver.press(&["e", "j", "e", "c"]);
    driver.serve(&mut service);
    let saved: Vec<_> = driver
        .others
        .iter()
        .filter_map(|effect| match effect {
            Effect::Save { name, text } => Some((name.as_str(), text.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(saved[0].0, "countersign-sessions-20261122140307.jsonl");
    assert_eq!(saved[0].1.lines().count(), 10);
    assert_eq!(saved[1].1.lines().count(), 11);
}

#[test]
fn an_account_shows_what_an_operator_did_to_it_and_why() {
    for size in [(80, 24), (120, 40)] {
        let mut service = Service::with(40);
        let mut driver = Driver::signed_in(size);
        driver.press(&["3"]);
        driver.serve(&mut service);
        // The fifth of six, newest first.
        driver.press(&["j", "Enter"]);
        driver.serve(&mut service);
        let seen = driver.screen();
        assert!(
            seen.contains("suspended 1") && seen.contains("by you:"),
            "{seen}"
        );
        assert!(seen.contains("phishing,\\u{202e}"), "{seen}");
        assert!(!seen.contains('\u{202e}'));
    }
}
