//! What somebody does, key by key.

use countersign_openapi::SessionState;
use countersign_tui::console::{Effect, Failed, Layer, Link, Message, Screen, Verb};
use time::Duration;

use super::driver::Driver;
use super::made;
use super::service::Service;

const BLINK: Duration = Duration::milliseconds(300);

fn at_sessions(number: u64) -> (Driver, Service) {
    let mut service = Service::with(number);
    let mut driver = Driver::signed_in((80, 24));
    driver.press(&["2"]);
    driver.serve(&mut service);
    (driver, service)
}

#[test]
fn a_stranger_finds_a_user_and_ends_the_right_session() {
    let (mut driver, mut service) = at_sessions(40);
    driver.press(&["/"]);
    driver.write("carol state:active");
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    let seen = driver.screen();
    assert!(
        seen.contains("carol@example.com") && !seen.contains("bob@"),
        "{seen}"
    );
    let meant = driver.model.sessions.selected().expect("a row").id;
    // The console is read-only, and says how to change that.
    driver.press(&["x"]);
    assert!(driver.screen().contains("read-only"), "{}", driver.screen());
    driver.wait(BLINK);
    driver.write("123456");
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    assert!(
        driver.screen().contains("press x again"),
        "{}",
        driver.screen()
    );
    driver.press(&["x"]);
    driver.wait(BLINK);
    driver.write("stolen laptop");
    driver.press(&["Tab"]);
    assert!(
        driver.screen().contains("press y to revoke"),
        "{}",
        driver.screen()
    );
    driver.press(&["y"]);
    driver.serve(&mut service);
    assert_eq!(service.told.len(), 1);
    assert_eq!(service.told[0].target, meant.to_string());
    assert_eq!(service.told[0].reason, "stolen laptop");
    assert!(service.told[0].wait);
    assert!(
        driver.screen().contains("as of 1.9000"),
        "{}",
        driver.screen()
    );
    driver.press(&["Enter"]);
    let row = driver
        .model
        .sessions
        .rows()
        .iter()
        .find(|row| row.id == meant);
    assert_eq!(row.map(|row| row.state), Some(SessionState::Revoked));
    assert!(
        driver.screen().contains("revoked by operator"),
        "{}",
        driver.screen()
    );
}

#[test]
fn targets_are_those_of_the_moment_the_dialog_opened() {
    let (mut driver, mut service) = at_sessions(40);
    driver.arm(&mut service);
    driver.press(&["j", "j", "x"]);
    let meant = driver.model.sessions.selected().expect("a row").id;
    // New sessions come while somebody types.
    service
        .sessions
        .splice(0..0, (40..60).rev().map(made::session));
    driver.wait(Duration::seconds(6));
    driver.serve(&mut service);
    driver.write("why");
    driver.press(&["Tab", "y"]);
    driver.serve(&mut service);
    assert_eq!(service.told[0].target, meant.to_string());
    assert_eq!(driver.model.sessions.selected().expect("a row").id, meant);
    assert!(driver.model.sessions.fresh() > 0);
}

#[test]
fn several_are_ended_with_their_number_and_failures_are_told() {
    let (mut driver, mut service) = at_sessions(40);
    driver.arm(&mut service);
    driver.press(&["*"]);
    let marks = driver.model.sessions.marks().len();
    let rows: Vec<_> = driver
        .model
        .sessions
        .rows()
        .iter()
        .map(|row| row.id)
        .collect();
    service.refuses = vec![rows[0]];
    driver.press(&["x"]);
    driver.wait(BLINK);
    let seen = driver.screen();
    assert!(seen.contains("YOUR OWN"), "{seen}");
    driver.write("incident 311");
    driver.press(&["Tab"]);
    driver.tell(Message::Paste(marks.to_string()));
    driver.press(&["Tab", "y"]);
    assert!(
        service.told.is_empty(),
        "a pasted number counts for nothing"
    );
    driver.press(&["BackTab"]);
    driver.write(&marks.to_string());
    driver.press(&["Tab", "y"]);
    driver.serve(&mut service);
    assert_eq!(service.told.len(), marks);
    let own = made::session_id(6).to_string();
    assert_eq!(
        service.told.last().map(|order| order.target.clone()),
        Some(own)
    );
    let seen = driver.screen();
    assert!(
        seen.contains("1 not") || seen.contains("1 failed"),
        "{seen}"
    );
    assert!(!driver.model.errors.is_empty());
}

#[test]
fn typed_ahead_and_pasted_text_does_nothing() {
    let (mut driver, mut service) = at_sessions(10);
    driver.arm(&mut service);
    driver.press(&["x", "a", "Tab", "y", "Tab", "Tab", "y", "y"]);
    driver.tell(Message::Paste("x\ny\ny\n".to_owned()));
    driver.serve(&mut service);
    assert!(service.told.is_empty());
    driver.wait(BLINK);
    driver.press(&["Enter"]);
    assert!(driver.model.layer.is_none(), "Enter cancels");
    driver.tell(Message::Paste("xqy".to_owned()));
    assert!(driver.model.layer.is_none());
    assert!(driver.screen().contains("pasted text was ignored"));
}

#[test]
fn arms_run_out_even_while_a_dialog_is_open() {
    let (mut driver, mut service) = at_sessions(10);
    driver.arm(&mut service);
    assert!(
        driver.screen().contains("ARMED 10:00"),
        "{}",
        driver.screen()
    );
    driver.press(&["x"]);
    driver.wait(BLINK);
    driver.write("why");
    driver.press(&["Tab"]);
    driver.wait(Duration::minutes(10));
    driver.press(&["y"]);
    driver.serve(&mut service);
    assert!(service.told.is_empty());
    assert!(
        driver
            .others
            .iter()
            .any(|effect| matches!(effect, Effect::Disarm))
    );
    assert!(driver.screen().contains("READ-ONLY"), "{}", driver.screen());
}

#[test]
fn all_sessions_of_an_account_take_the_word_all() {
    let mut service = Service::with(40);
    let mut driver = Driver::signed_in((80, 24));
    driver.press(&["3"]);
    driver.serve(&mut service);
    driver.arm(&mut service);
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    assert_eq!(driver.model.screen, Screen::Account);
    driver.press(&["x", "r"]);
    driver.wait(BLINK);
    driver.write("left the company");
    driver.press(&["Tab"]);
    driver.write("all");
    driver.press(&["Tab", "y"]);
    driver.serve(&mut service);
    assert_eq!(service.told.len(), 1);
    assert_eq!(service.told[0].verb, Verb::RevokeAll);
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
fn a_write_without_an_answer_is_unknown_not_failed() {
    let (mut driver, mut service) = at_sessions(10);
    driver.arm(&mut service);
    driver.press(&["x"]);
    driver.wait(BLINK);
    driver.write("why");
    driver.press(&["Tab", "y"]);
    service.up = false;
    driver.serve(&mut service);
    assert!(driver.screen().contains("unknown"), "{}", driver.screen());
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
    let answer = countersign_tui::console::Answer {
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
