//! What a session and an account were, folded without a database. That it is
//! what the rows were is compared over a real one.

use countersign_events::{Continued, EmailChanged, Erased};

use super::*;
use crate::session::{Session, SessionState};

const OF: u128 = 1;
const ONE: u128 = 11;

fn end(reason: EndReason) -> SessionsEnded {
    SessionsEnded { reason }
}

fn past_with(
    messages: &[Message],
    open: impl Fn(&Sealed, &'static str) -> Result<Option<String>, Infallible>,
) -> session::Past {
    let mut past = session::Past::new(session_id(ONE), account_id(OF));
    for message in messages {
        let header = header(message);
        let Ok(()) = past.add(position(message.sequence), &header, &message.events, &open);
    }
    past
}

fn past(messages: &[Message]) -> Option<Session> {
    past_with(messages, open).session()
}

#[test]
fn a_session_is_there_from_its_start_on() {
    let messages = [
        account(1, OF, registered()),
        session(2, ONE, started(1)),
        session(5, ONE, refreshed(2)),
    ];
    assert_eq!(past(&messages[..1]), None);
    let first = past(&messages[..2]).expect("there");
    assert_eq!(first.email.as_deref(), Some("Ada@Example.com"));
    assert_eq!((first.generation, first.position), (1, position(2)));
    let second = past(&messages).expect("there");
    assert_eq!((second.generation, second.last_seen_at), (2, at(5)));
    assert_eq!(second.started_at, at(2));
    assert_eq!(second.state(at(101)), SessionState::Active);
    assert_eq!(second.state(at(102)), SessionState::Expired);
}

#[test]
fn what_is_about_somebody_else_changes_nothing() {
    let mut messages = vec![account(1, OF, registered()), session(2, ONE, started(1))];
    let alone = past(&messages);
    messages.push(account(3, 2, end(EndReason::Suspended)));
    messages.push(session(4, 12, started(1)));
    assert_eq!(past(&messages), alone);
}

#[test]
fn a_sign_in_that_raced_an_end_is_over_as_it_begins() {
    let messages = [
        account(1, OF, registered()),
        account(2, OF, end(EndReason::Suspended)),
        session(3, ONE, started(1)),
    ];
    let ended = past(&messages).and_then(|row| row.ended).expect("over");
    assert_eq!((ended.at, ended.reason.as_str()), (at(3), "suspended"));
}

#[test]
fn a_session_that_made_the_change_goes_on_until_the_next() {
    let messages = [
        account(1, OF, registered()),
        session(2, ONE, started(1)),
        account(3, OF, end(EndReason::PasswordChanged)),
        session(4, ONE, Continued { epoch: 3 }),
        account(5, OF, end(EndReason::RolesChanged)),
    ];
    let reason = |messages: &[Message]| {
        let ended = past(messages).expect("there").ended;
        ended.map(|ended| ended.reason)
    };
    assert_eq!(reason(&messages[..3]).as_deref(), Some("password_changed"));
    assert_eq!(reason(&messages[..4]), None);
    assert_eq!(past(&messages[..4]).expect("there").epoch, 3);
    assert_eq!(reason(&messages).as_deref(), Some("roles_changed"));
}

#[test]
fn the_address_is_that_of_the_moment_and_goes_with_the_key() {
    let changed = EmailChanged {
        email: sealed("Ada@example.net"),
        previous: sealed("Ada@Example.com"),
    };
    let messages = [
        account(1, OF, registered()),
        session(2, ONE, started(1)),
        account(3, OF, changed),
        account(4, OF, Erased {}),
        session(5, ONE, refreshed(2)),
    ];
    let email = |row: Option<Session>| row.and_then(|row| row.email);
    assert_eq!(
        email(past(&messages[..2])).as_deref(),
        Some("Ada@Example.com")
    );
    assert_eq!(
        email(past(&messages[..3])).as_deref(),
        Some("Ada@example.net")
    );
    assert_eq!(past(&messages), None);
    let row = past_with(&messages[..3], |_, _| Ok(None)).session();
    let row = row.expect("there");
    assert_eq!((row.email, row.ip, row.user_agent), (None, None, None));
}
