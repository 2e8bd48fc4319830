//! Given messages, then rows.

use core::convert::Infallible;

use countersign_events::{
    Abandoned, AccountEvent, AccountId, Acr, Actor, CredentialId, CredentialKind, CredentialSet,
    EmailEvent, EndReason, Ended, MessageId, ProfileChanged, RefreshReused, Refreshed, Registered,
    Reserved, SessionEvent, SessionId, SessionsEnded, Started, Timestamp,
};
use uuid::Uuid;

use super::*;
use crate::account::AccountEnd;
use crate::text::TextChange;

mod life;
mod past;

const SHARD: u8 = 3;

fn account_id(n: u128) -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(n))
}

fn session_id(n: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(n))
}

fn at(sequence: u64) -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000 + i64::try_from(sequence).expect("small") * 1_000)
}

fn position(sequence: u64) -> Position {
    Position {
        shard: SHARD,
        sequence,
    }
}

/// The tests' cipher: the text itself.
fn sealed(text: &str) -> Sealed {
    Sealed::from_bytes(text.into())
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a fold's opener")]
fn open(sealed: &Sealed, _: &'static str) -> Result<Option<String>, Infallible> {
    Ok(Some(
        String::from_utf8_lossy(sealed.as_bytes()).into_owned(),
    ))
}

struct Message {
    sequence: u64,
    subject: Uuid,
    events: Vec<AnyEvent>,
}

fn message(sequence: u64, subject: Uuid, events: Vec<AnyEvent>) -> Message {
    Message {
        sequence,
        subject,
        events,
    }
}

fn account(sequence: u64, id: u128, event: impl Into<AccountEvent>) -> Message {
    message(
        sequence,
        account_id(id).uuid(),
        vec![AnyEvent::Account(event.into())],
    )
}

fn session(sequence: u64, id: u128, event: impl Into<SessionEvent>) -> Message {
    message(
        sequence,
        session_id(id).uuid(),
        vec![AnyEvent::Session(event.into())],
    )
}

fn header(message: &Message) -> Envelope<()> {
    Envelope {
        id: MessageId::from_uuid(Uuid::from_u128(message.sequence.into())),
        subject_id: message.subject,
        occurred_at: at(message.sequence),
        actor: Actor::Account(account_id(1)),
        account: Some(account_id(1)),
        correlation: Uuid::nil(),
        causation: None,
        trace_parent: None,
        events: Vec::new(),
        state: None,
    }
}

fn fold_with(
    after: u64,
    messages: &[Message],
    open: impl Fn(&Sealed, &'static str) -> Result<Option<String>, Infallible>,
) -> Fold {
    let mut fold = Fold::new(position(after));
    for message in messages {
        let header = header(message);
        let Ok(()) = fold.add(position(message.sequence), &header, &message.events, &open);
    }
    fold
}

fn fold(after: u64, messages: &[Message]) -> Fold {
    fold_with(after, messages, open)
}

fn registered() -> Registered {
    Registered {
        email: sealed("Ada@Example.com"),
        display_name: Some(sealed("Ada")),
        roles: vec!["user".into()],
    }
}

fn started(epoch: u64) -> Started {
    Started {
        account: account_id(1),
        epoch,
        client: "web".into(),
        ip: sealed("192.0.2.7"),
        user_agent: Some(sealed("curl")),
        acr: Acr::Aal1,
        amr: vec!["pwd".into()],
        auth_time: at(0),
        idle_expires_at: at(100),
        expires_at: at(1_000),
        forget_at: at(2_000),
    }
}

fn refreshed(generation: u32) -> Refreshed {
    Refreshed {
        generation,
        idle_expires_at: at(100 + u64::from(generation)),
        ip: sealed("198.51.100.9"),
    }
}

fn ended(reason: EndReason) -> Ended {
    Ended { reason, note: None }
}

fn sessions_ended() -> SessionsEnded {
    SessionsEnded {
        reason: EndReason::LogoutAll,
    }
}

#[test]
fn a_registration_and_what_follows_is_one_row() {
    let fold = fold(
        0,
        &[
            account(1, 1, registered()),
            account(
                2,
                1,
                CredentialSet {
                    kind: CredentialKind::Password,
                    credential: CredentialId::from_uuid(Uuid::nil()),
                },
            ),
            account(3, 1, ProfileChanged { display_name: None }),
        ],
    );
    let [row] = fold.run.accounts.created.as_slice() else {
        panic!("one row: {:?}", fold.run.accounts);
    };
    assert_eq!(row.values.email.text(), Some("Ada@Example.com"));
    assert_eq!(row.values.display_name, TextChange::To(None));
    assert_eq!((row.created_at, row.sequence), (at(1), 3));
    assert!(fold.run.accounts.patched.is_empty());
    assert_eq!((fold.last(), fold.messages()), (position(3), 3));
}

#[test]
fn an_older_account_is_patched_once() {
    let name = |text: &str| ProfileChanged {
        display_name: Some(sealed(text)),
    };
    let fold = fold(
        9,
        &[
            account(10, 1, name("Ada L.")),
            account(11, 1, sessions_ended()),
            account(12, 1, name("A. L.")),
        ],
    );
    let [patch] = fold.run.accounts.patched.as_slice() else {
        panic!("one patch: {:?}", fold.run.accounts);
    };
    assert_eq!(
        patch.values.display_name,
        TextChange::To(Some("A. L.".into()))
    );
    assert_eq!(patch.values.end.map(|end| end.sequence), Some(11));
    assert_eq!(patch.sequence, 12);
}

#[test]
fn a_session_of_the_batch_is_one_row() {
    let fold = fold(
        0,
        &[
            session(1, 7, started(0)),
            session(2, 7, refreshed(2)),
            session(3, 7, refreshed(3)),
            session(4, 7, ended(EndReason::Logout)),
        ],
    );
    let [row] = fold.run.sessions.created.as_slice() else {
        panic!("one row: {:?}", fold.run.sessions);
    };
    assert_eq!(row.started_at, at(1));
    assert_eq!((row.started_sequence, row.sequence), (1, 4));
    assert_eq!((row.generation, row.seen.at), (3, at(3)));
    assert_eq!(row.ip.as_deref(), Some("198.51.100.9"));
    let end = row.end.as_ref().expect("ended");
    assert_eq!((end.at, end.reason), (at(4), EndReason::Logout));
    assert!(fold.run.sessions.patched.is_empty());
}

#[test]
fn an_older_session_is_patched_once_and_its_first_end_stands() {
    let mut thief = session(
        11,
        7,
        RefreshReused {
            presented: 1,
            live: 2,
            ip: sealed("203.0.113.66"),
        },
    );
    thief
        .events
        .push(AnyEvent::Session(ended(EndReason::RefreshReused).into()));
    let fold = fold(
        9,
        &[
            session(10, 7, refreshed(2)),
            thief,
            session(12, 7, ended(EndReason::Logout)),
        ],
    );
    let [patch] = fold.run.sessions.patched.as_slice() else {
        panic!("one patch: {:?}", fold.run.sessions);
    };
    assert_eq!(patch.ip.text(), Some("198.51.100.9"), "not the thief's");
    assert_eq!(
        patch.end.as_ref().map(|end| (end.sequence, end.reason)),
        Some((11, EndReason::RefreshReused))
    );
    assert_eq!(patch.sequence, 12);
}

#[test]
fn a_sign_in_that_raced_the_end_of_all_sessions_is_over_as_it_begins() {
    let fold = fold(
        0,
        &[
            account(1, 1, registered()),
            account(5, 1, sessions_ended()),
            session(6, 7, started(1)),
            session(7, 7, ended(EndReason::Logout)),
            session(8, 8, started(5)),
        ],
    );
    let [raced, later] = fold.run.sessions.created.as_slice() else {
        panic!("two rows: {:?}", fold.run.sessions);
    };
    let end = raced.end.as_ref().expect("over");
    assert_eq!((end.sequence, end.at), (6, at(6)));
    assert_eq!(end.reason, EndReason::LogoutAll);
    assert_eq!(later.end, None, "it had seen the event");
    assert_eq!(
        fold.run.accounts.ends,
        [AccountEnd {
            account: account_id(1),
            sequence: 5,
            at: at(5),
            by: Actor::Account(account_id(1)),
            reason: EndReason::LogoutAll,
            cause: None,
        }]
    );
}

#[test]
fn a_repeated_message_changes_nothing() {
    let once = [
        account(1, 1, registered()),
        session(2, 7, started(1)),
        session(3, 7, refreshed(2)),
        account(4, 1, sessions_ended()),
    ];
    let mut thrice = Vec::new();
    for Message {
        sequence,
        subject,
        events,
    } in &once
    {
        for _ in 0..3 {
            thrice.push(message(*sequence, *subject, events.clone()));
        }
    }
    thrice.push(account(1, 1, registered()));
    assert_eq!(fold(0, &once), fold(0, &thrice));
    let nothing = fold(4, &once);
    assert_eq!(nothing, Fold::new(position(4)));
}

#[test]
fn what_is_erased_is_none() {
    let fold = fold_with(
        0,
        &[account(1, 1, registered()), session(2, 7, started(1))],
        |_, _| Ok(None),
    );
    assert_eq!(
        fold.run.accounts.created[0].values.email,
        TextChange::To(None)
    );
    assert_eq!(
        fold.run.accounts.created[0].values.display_name,
        TextChange::To(None)
    );
    assert_eq!(fold.run.sessions.created[0].ip, None);
    assert_eq!(fold.run.sessions.created[0].user_agent, None);
}

#[test]
fn reservations_and_abandoned_ids_have_no_row() {
    let fold = fold(
        0,
        &[
            message(
                1,
                Uuid::nil(),
                vec![AnyEvent::Email(EmailEvent::Reserved(Reserved {
                    account: account_id(1),
                }))],
            ),
            account(2, 1, Abandoned {}),
        ],
    );
    assert!(fold.run.accounts.created.is_empty() && fold.run.accounts.patched.is_empty());
    assert_eq!(fold.last(), position(2), "but they are read");
}

#[test]
fn a_field_that_does_not_open_stops_the_fold() {
    let mut fold = Fold::new(position(0));
    let message = account(1, 1, registered());
    let result = fold.add(
        position(1),
        &header(&message),
        &message.events,
        |_, field| Err::<Option<String>, _>(field),
    );
    assert_eq!(result, Err("email"));
    assert_eq!(fold.last(), position(0));
}

#[test]
fn text_that_postgres_cannot_store_is_mended() {
    let mut start = started(0);
    start.client = "a\0b".into();
    start.user_agent = Some(sealed("x\0"));
    let fold = fold(0, &[session(1, 7, start)]);
    assert_eq!(fold.run.sessions.created[0].client, "a\u{FFFD}b");
    assert_eq!(
        fold.run.sessions.created[0].user_agent.as_deref(),
        Some("x\u{FFFD}")
    );
}
