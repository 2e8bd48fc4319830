//! Ending things, key by key.

use countersign_openapi::SessionState;
use countersign_tui::console::{Effect, Layer, Message, Screen, Verb};
use time::Duration;

use super::made;
use super::stories::{armed_at, at_sessions};

const BLINK: Duration = Duration::milliseconds(300);

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
    driver.serve(&mut service);
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
    let (mut driver, mut service) = armed_at("3", 40);
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
fn a_proof_that_nobody_waits_for_arms_nothing() {
    let (mut driver, mut service) = at_sessions(10);
    driver.press(&["A"]);
    driver.wait(BLINK);
    driver.write("123456");
    driver.press(&["Enter", "Esc"]);
    driver.serve(&mut service);
    assert!(driver.model.arming.arms(driver.now).is_none());
    assert!(
        driver
            .others
            .iter()
            .any(|effect| matches!(effect, Effect::Disarm))
    );
}

#[test]
fn all_that_fits_is_counted_first_and_ended_as_counted() {
    let (mut driver, mut service) = at_sessions(40);
    driver.arm(&mut service);
    driver.press(&["R"]);
    assert!(
        driver.screen().contains("narrow the list down"),
        "{}",
        driver.screen()
    );
    driver.press(&["/"]);
    driver.write("ip:203.0.113.0/24 age<2h");
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    driver.press(&["R"]);
    driver.serve(&mut service);
    let Some(Layer::Confirm(confirm)) = &driver.model.layer else {
        panic!("{}", driver.screen());
    };
    let number = confirm.asked().expect("a number");
    let seen = driver.screen();
    assert!(
        seen.contains(&number) && seen.contains("is spared"),
        "{seen}"
    );
    driver.wait(BLINK);
    driver.write("incident 311");
    driver.press(&["Tab"]);
    driver.write(&number);
    driver.press(&["Tab", "y"]);
    driver.serve(&mut service);
    let order = &service.told[0];
    let filtered = order.filtered.as_ref().expect("counted");
    assert_eq!(
        filtered.predicate.network.as_deref(),
        Some("203.0.113.0/24")
    );
    assert_eq!(
        filtered.predicate.started_after,
        Some(driver.now - BLINK - Duration::hours(2))
    );
    assert_eq!(filtered.as_of, "0.1-1.2@3");
    // What the service ended is counted, not the one order.
    let seen = driver.screen();
    let all = format!("{number} of {number} sessions ended as of 1.9000");
    assert!(seen.contains(&all), "{seen}");
    assert_eq!(seen.matches("Enter closes").count(), 2, "{seen}");
    assert!(!seen.contains("1 done"), "{seen}");
    driver.press(&["Enter"]);
    assert!(driver.screen().contains(&all), "{}", driver.screen());
}

#[test]
fn a_part_of_a_name_is_no_order() {
    let (mut driver, mut service) = at_sessions(40);
    driver.arm(&mut service);
    for filter in ["bob", "ip:10.0.0.0/8 !bot", "state:revoked client:a"] {
        driver.press(&["/", "^u"]);
        driver.write(filter);
        driver.press(&["Enter", "R"]);
        driver.serve(&mut service);
        assert!(driver.model.layer.is_none(), "{}", driver.screen());
        assert!(service.told.is_empty());
    }
}

#[test]
fn marks_go_with_their_rows() {
    let (mut driver, mut service) = at_sessions(40);
    driver.press(&["Space", "Space", "j", "Space"]);
    assert_eq!(driver.model.sessions.marks().len(), 3);
    // One ends up in nobody's list, and a new one comes.
    let lost = service.sessions.remove(1).id;
    service.sessions.insert(0, made::session(50));
    driver.wait(Duration::seconds(6));
    driver.serve(&mut service);
    assert!(!driver.model.sessions.marks().contains(&lost));
    assert!(
        driver.screen().contains("listed no longer"),
        "{}",
        driver.screen()
    );
    let lost = service.sessions.remove(1).id;
    driver.press(&["g"]);
    driver.serve(&mut service);
    assert!(!driver.model.sessions.marks().contains(&lost));
    assert_eq!(driver.model.sessions.marks().len(), 1);
    assert_eq!(driver.model.sessions.rows()[0].id, made::session_id(50));
}
