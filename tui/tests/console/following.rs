//! Following the log, key by key.

use countersign_openapi::ProblemCode;
use countersign_tui::Followed;
use countersign_tui::console::{Effect, Failed, Message, TailRow};
use serde_json::json;
use time::Duration;
use uuid::Uuid;

use super::driver::Driver;
use super::made;
use super::service::Service;

fn at_events() -> (Driver, Service) {
    let mut service = Service::with(10);
    let mut driver = Driver::signed_in((80, 24));
    driver.press(&["5"]);
    driver.serve(&mut service);
    (driver, service)
}

fn event(position: u64) -> countersign_openapi::Event {
    let id = made::session_id(position);
    made::event(
        position,
        "session",
        id,
        "refreshed",
        json!({"generation": 2}),
    )
}

fn positions(driver: &Driver) -> Vec<String> {
    let rows = driver.model.tail.rows();
    rows.filter_map(|row| row.event().map(|event| event.position.clone()))
        .collect()
}

#[test]
fn a_cut_stream_goes_on_from_its_cursor_and_nothing_comes_twice() {
    let (mut driver, mut service) = at_events();
    let before = positions(&driver).len();
    driver.happens(event(40));
    service.log.push(event(40));
    driver.beat(service.log.len());
    driver.cut();
    assert!(
        driver.screen().contains("RECONNECTING in 1 s"),
        "{}",
        driver.screen()
    );
    // It goes on without anybody looking at the whole log again.
    service.log.push(event(41));
    driver.wait(Duration::seconds(1));
    let after = driver.waiting.iter().find_map(|effect| match effect {
        Effect::Follow { after, .. } => after.clone(),
        _ => None,
    });
    assert_eq!(after, Some("7".to_owned()));
    driver.serve(&mut service);
    assert_eq!(positions(&driver)[before..], ["1.40", "1.41"]);
    assert!(driver.screen().contains("LIVE"), "{}", driver.screen());
}

#[test]
fn a_stream_without_a_cursor_begins_with_an_empty_screen() {
    let (mut driver, mut service) = at_events();
    let (ticket, _) = driver.stream.clone().expect("a stream");
    let told = "Invalid (validation_failed): Last-Event-ID".to_owned();
    let failed = Failed::Refused(ProblemCode::ValidationFailed, told);
    driver.tell(Message::Cut {
        ticket,
        failed: Some(failed),
    });
    driver.wait(Duration::seconds(1));
    assert!(driver.model.tail.is_empty(), "what came since is not known");
    driver.serve(&mut service);
    assert!(!driver.model.tail.is_empty());
    assert!(driver.screen().contains("LIVE"), "{}", driver.screen());
}

#[test]
fn what_the_service_ends_goes_on_at_once() {
    let (mut driver, mut service) = at_events();
    let (ticket, _) = driver.stream.clone().expect("a stream");
    let failed = None;
    driver.tell(Message::Cut { ticket, failed });
    driver.serve(&mut service);
    assert!(driver.screen().contains("LIVE"), "{}", driver.screen());
}

#[test]
fn whoever_goes_up_stays_there_and_is_told_how_much_comes() {
    let (mut driver, _service) = at_events();
    driver.press(&["k", "k"]);
    let at = driver.model.tail.selected().map(|event| event.id);
    for position in 40..45 {
        driver.happens(event(position));
    }
    assert!(
        driver.screen().contains("PAUSED +5 while paused"),
        "{}",
        driver.screen()
    );
    assert_eq!(driver.model.tail.selected().map(|event| event.id), at);
    driver.press(&["G"]);
    assert!(driver.screen().contains("LIVE"), "{}", driver.screen());
}

#[test]
fn nobody_is_followed_who_is_not_looked_at() {
    let (mut driver, mut service) = at_events();
    assert!(driver.stream.is_some());
    driver.press(&["2"]);
    driver.serve(&mut service);
    assert!(driver.stream.is_none());
    let rows = driver.model.tail.len();
    service.log.push(event(50));
    driver.press(&["5"]);
    driver.serve(&mut service);
    assert_eq!(
        driver.model.tail.len(),
        rows + 1,
        "what happened meanwhile came"
    );
}

#[test]
fn a_filter_goes_to_the_service_as_far_as_that_knows_it() {
    let (mut driver, mut service) = at_events();
    let id = made::session_id(3);
    driver.press(&["/"]);
    driver.write(&format!("name:session.ended id:{id} !refresh"));
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    let (_, query) = driver.stream.clone().expect("a stream");
    assert_eq!(query.noun.as_deref(), Some("session"));
    assert_eq!(query.name.as_deref(), Some("ended"));
    assert_eq!(query.subject_id, Some(id));
    // A part of a word is looked at here, and what is held stays.
    driver.press(&["Esc"]);
    driver.serve(&mut service);
    let held = driver.model.tail.len();
    let stream = driver.stream.clone();
    driver.press(&["/"]);
    driver.write("reus");
    driver.press(&["Enter"]);
    driver.serve(&mut service);
    assert_eq!(driver.model.tail.len(), held);
    assert_eq!(driver.stream, stream);
    assert!(
        driver.screen().contains("refresh_reused"),
        "{}",
        driver.screen()
    );
    assert!(
        !driver.screen().contains("session.started"),
        "{}",
        driver.screen()
    );
}

#[test]
fn what_another_stream_brings_is_not_taken() {
    let (mut driver, _service) = at_events();
    let rows = driver.model.tail.len();
    for ticket in [0, 1, 99_999] {
        if driver
            .stream
            .as_ref()
            .is_some_and(|(own, _)| *own == ticket)
        {
            continue;
        }
        driver.tell(Message::Followed {
            ticket,
            item: Followed::Events(vec![event(77)]),
            cursor: Some("x".to_owned()),
        });
        driver.tell(Message::Cut {
            ticket,
            failed: None,
        });
    }
    assert_eq!(driver.model.tail.len(), rows);
    assert!(driver.screen().contains("LIVE"), "{}", driver.screen());
}

#[test]
fn a_cause_in_the_log_is_gone_to() {
    let (mut driver, _service) = at_events();
    driver.press(&["c"]);
    let event = driver.model.tail.selected().expect("an event");
    assert_eq!(event.name, "refresh_reused");
    driver.happens(made::event(
        60,
        "session",
        Uuid::nil(),
        "refreshed",
        json!({}),
    ));
    assert!(
        driver
            .model
            .tail
            .rows()
            .all(|row| !matches!(row, TailRow::Gap { .. }))
    );
}
