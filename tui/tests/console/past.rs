//! Looking at what was, key by key.

use countersign_openapi::SessionState;
use countersign_tui::console::{Answer, Effect, Layer, Message, Past, Query, Screen};
use time::Duration;

use super::driver::Driver;
use super::made;
use super::service::Service;
use super::stories::at_sessions;

fn go(driver: &mut Driver, service: &mut Service, when: &str) {
    driver.press(&[":"]);
    driver.write(&format!("at {when}"));
    driver.press(&["Enter"]);
    driver.serve(service);
}

/// What is asked now, and as of when.
fn asked(driver: &Driver) -> Vec<(Option<String>, Query)> {
    let asked = driver.waiting.iter().filter_map(|effect| match effect {
        Effect::Ask { query, .. } => Some(match query {
            Query::AsOf { as_of, query } => (Some(as_of.clone()), (**query).clone()),
            query => (None, query.clone()),
        }),
        _ => None,
    });
    asked.collect()
}

#[test]
fn every_pane_shows_the_state_that_the_first_answer_named() {
    let (mut driver, mut service) = at_sessions(40);
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    driver.press(&[":"]);
    driver.write("at 13:33:07");
    driver.press(&["Enter"]);
    let first = asked(&driver);
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(first[0].0.as_deref(), Some("2026-11-22T13:33:07Z"));
    // One answer at a time, to see what the others ask.
    let mut seen = Vec::new();
    for _ in 0..9 {
        seen.extend(asked(&driver));
        driver.serve(&mut service);
        driver.wait(Duration::seconds(6));
    }
    let exact = format!(
        "0.1-1.2@{}",
        (made::NOW - Duration::minutes(30)).unix_timestamp()
    );
    driver.press(&["-"]);
    driver.press(&["3"]);
    seen.extend(asked(&driver));
    let about = |query: &Query| !matches!(query, Query::Ready);
    for (as_of, query) in seen.iter().skip(1).filter(|(_, query)| about(query)) {
        assert_eq!(as_of.as_deref(), Some(exact.as_str()), "{query:?}");
    }
    assert!(
        seen.iter()
            .any(|(_, query)| matches!(query, Query::Accounts { .. }))
    );
}

#[test]
fn what_ended_later_was_active_and_nothing_can_be_done_to_it() {
    let (mut driver, mut service) = at_sessions(40);
    driver.arm(&mut service);
    let ended = driver.model.sessions.rows().iter();
    let ended = ended
        .filter(|row| row.state == SessionState::Revoked)
        .count();
    assert!(ended > 0);
    go(&mut driver, &mut service, "-30m");
    assert!(
        driver.screen().contains("AS OF 13:33:07Z"),
        "{}",
        driver.screen()
    );
    let rows = driver.model.sessions.rows();
    assert!(rows.iter().all(|row| row.state == SessionState::Active));
    for key in ["x", "X", "R", " ", "*", "v", "A"] {
        driver.press(&[key]);
        assert!(driver.model.layer.is_none(), "{key}");
        let seen = driver.screen();
        assert!(
            seen.contains("you look at 13:33:07Z; :now returns"),
            "{key}: {seen}"
        );
    }
    for action in ["suspend", "reset-factors"] {
        driver.press(&[":"]);
        driver.write(action);
        driver.press(&["Enter"]);
        assert!(driver.model.layer.is_none(), "{action}");
    }
    driver.press(&["7", "x"]);
    assert!(driver.model.layer.is_none());
    driver.press(&["-", ":"]);
    driver.write("now");
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    let rows = driver.model.sessions.rows().iter();
    assert_eq!(
        rows.filter(|row| row.state == SessionState::Revoked)
            .count(),
        ended
    );
    driver.press(&["x"]);
    assert!(matches!(driver.model.layer, Some(Layer::Confirm(_))));
    assert!(service.told.is_empty());
}

#[test]
fn an_answer_of_now_changes_nothing_of_then_and_the_other_way_round() {
    let (mut driver, mut service) = at_sessions(40);
    driver.press(&["Enter"]);
    // Now is asked for, and then the past is gone to before it answers.
    let of_now = std::mem::take(&mut driver.waiting);
    go(&mut driver, &mut service, "-30m");
    driver.waiting = of_now;
    driver.serve(&mut service);
    let session = driver.model.session.pane.data().expect("a session");
    assert!(session.causes.is_some(), "it is the one of then");
    driver.press(&["r"]);
    let of_then = std::mem::take(&mut driver.waiting);
    driver.press(&[":"]);
    driver.write("now");
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    driver.waiting = of_then;
    driver.serve(&mut service);
    let session = driver.model.session.pane.data().expect("a session");
    assert!(session.causes.is_none(), "it is the one of now");
}

#[test]
fn a_row_of_then_is_not_made_new_by_an_answer_of_now() {
    let (mut driver, mut service) = at_sessions(40);
    go(&mut driver, &mut service, "-30m");
    let ended = service.sessions.iter();
    let ended = ended
        .clone()
        .find(|session| session.state == SessionState::Revoked);
    let id = ended.expect("one that is over").id;
    let query = Query::Session { id, at_least: None };
    let outcome = service.ask(&query);
    driver.tell(Message::Answer(Answer {
        ticket: 7,
        query,
        outcome,
    }));
    let row = driver.model.sessions.rows().iter().find(|row| row.id == id);
    assert_eq!(row.map(|row| row.state), Some(SessionState::Active));
}

#[test]
fn an_answer_of_another_moment_says_nothing_of_this_one() {
    let (mut driver, mut service) = at_sessions(40);
    driver.press(&[":"]);
    driver.write("at -30m");
    driver.press(&["Enter"]);
    let of_before = std::mem::take(&mut driver.waiting);
    driver.press(&[":"]);
    driver.write("at -10m");
    driver.press(&["Enter"]);
    let of_this = std::mem::replace(&mut driver.waiting, of_before);
    driver.serve(&mut service);
    driver.waiting = of_this;
    driver.serve(&mut service);
    let seconds = (made::NOW - Duration::minutes(10)).unix_timestamp();
    let past = driver.model.past.as_ref().expect("a moment");
    assert_eq!(past.as_of(), format!("0.1-1.2@{seconds}"));
    assert!(!driver.model.sessions.rows().is_empty());
}

#[test]
fn a_field_leads_to_the_event_that_set_it() {
    let (mut driver, mut service) = at_sessions(40);
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    go(&mut driver, &mut service, "-30m");
    let seen = driver.screen();
    assert!(seen.contains("started 1.14"), "{seen}");
    driver.press(&["Tab", "Tab", "j", "Enter"]);
    let event = driver.model.session.timeline.selected().expect("an event");
    assert_eq!(
        (event.name.as_str(), event.position.as_str()),
        ("started", "1.14")
    );
    assert!(driver.model.session.is_in_timeline());
    // What set the address of the account is in the account's history.
    driver.press(&["Tab", "Tab", "Enter"]);
    let seen = driver.screen();
    assert!(seen.contains("account.registered at 0.3"), "{seen}");
    assert_eq!(driver.model.screen, Screen::Session);
}

#[test]
fn what_cannot_be_gone_to_says_why() {
    let (mut driver, mut service) = at_sessions(10);
    for (when, why) in [
        ("23:00:00", "lies ahead"),
        ("tomorrow", "not a time"),
        ("-5y", "-15m"),
    ] {
        go(&mut driver, &mut service, when);
        assert!(driver.screen().contains(why), "{when}: {}", driver.screen());
        assert!(matches!(driver.model.layer, Some(Layer::Palette { .. })));
        assert!(driver.model.past.is_none());
        driver.press(&["Esc"]);
    }
    driver.press(&[":"]);
    driver.write("now");
    driver.press(&["Enter"]);
    assert!(
        driver.screen().contains("this is now"),
        "{}",
        driver.screen()
    );
}

#[test]
fn rows_beside_the_opened_one_are_gone_through() {
    let (mut driver, mut service) = at_sessions(10);
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    driver.press(&["]", "]", "["]);
    driver.serve(&mut service);
    assert_eq!(driver.model.session.id, Some(made::session_id(8)));
    driver.press(&["[", "["]);
    assert!(
        driver.screen().contains("no further session"),
        "{}",
        driver.screen()
    );
    driver.press(&["Esc"]);
    assert_eq!(driver.model.screen, Screen::Sessions);
}

#[test]
fn lists_of_the_service_are_not_sorted() {
    let (mut driver, mut service) = at_sessions(10);
    driver.press(&["o"]);
    assert!(
        driver.screen().contains("o means nothing on Sessions"),
        "{}",
        driver.screen()
    );
    driver.press(&["7"]);
    driver.serve(&mut service);
    driver.press(&["O"]);
    let kept = driver.waiting.iter().find_map(|effect| match effect {
        Effect::Remember(text) => Some(text.clone()),
        _ => None,
    });
    assert_eq!(kept.as_deref(), Some("{\"keys\":\"-key\"}"));
    let kids: Vec<String> = driver
        .model
        .keys
        .data()
        .expect("keys")
        .iter()
        .map(|key| key.kid.clone())
        .collect();
    let mut sorted = kids.clone();
    sorted.sort_by(|left, right| right.cmp(left));
    assert_eq!(kids, sorted);
}

#[test]
fn a_dialog_that_is_open_does_nothing_to_the_past() {
    let (mut driver, mut service) = at_sessions(10);
    driver.arm(&mut service);
    driver.press(&["x"]);
    driver.wait(Duration::milliseconds(300));
    driver.write("why");
    driver.press(&["Tab"]);
    // No key leads here; it holds all the same.
    driver.model.past = Some(Past::new(made::NOW - Duration::HOUR));
    driver.press(&["y"]);
    driver.serve(&mut service);
    assert!(service.told.is_empty());
    assert!(
        driver.screen().contains("you look at the past"),
        "{}",
        driver.screen()
    );
    driver.model.past = None;
    driver.press(&["y"]);
    driver.serve(&mut service);
    assert_eq!(service.told.len(), 1);
}
