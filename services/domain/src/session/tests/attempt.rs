//! A sign-in in two steps.

use countersign_events::{Attempted, FactorKind, FactorRejected};

use super::super::{Attempt, MOST_TRIES};
use super::*;

const LIFETIME: Duration = Duration::from_mins(5);

const ASKS_FOR_A_FACTOR: Standing = Standing {
    needs_factor: true,
    ..STANDING
};

fn attempt() -> Attempt {
    Attempt {
        account: account(),
        standing: ASKS_FOR_A_FACTOR,
        ip: ip(),
        amr: vec!["pwd".into()],
        now: START,
        lifetime: LIFETIME,
        retention: RETENTION,
    }
}

fn attempted() -> SessionEvent {
    Attempted {
        account: account(),
        epoch: 4,
        ip: ip(),
        amr: vec!["pwd".into()],
        expires_at: START.plus(LIFETIME),
        forget_at: START.plus(LIFETIME).plus(RETENTION),
    }
    .into()
}

fn rejected(tries: u8) -> SessionEvent {
    FactorRejected {
        method: FactorKind::Totp,
        tries,
    }
    .into()
}

fn reject(now: Timestamp) -> SessionCommand {
    SessionCommand::RejectFactor {
        method: FactorKind::Totp,
        now,
    }
}

/// The second factor was right, `seconds` after the first.
fn complete(seconds: u64) -> Start {
    Start {
        standing: ASKS_FOR_A_FACTOR,
        acr: Acr::Aal2,
        amr: vec!["otp".into()],
        now: at(seconds),
        ..start()
    }
}

fn completed(seconds: u64) -> SessionEvent {
    Started {
        account: account(),
        epoch: 4,
        client: "first-party".into(),
        ip: ip(),
        user_agent: None,
        acr: Acr::Aal2,
        amr: vec!["pwd".into(), "otp".into()],
        auth_time: at(seconds),
        idle_expires_at: at(seconds).plus(IDLE),
        expires_at: at(seconds).plus(ABSOLUTE),
        forget_at: at(seconds).plus(ABSOLUTE).plus(RETENTION),
    }
    .into()
}

#[test]
fn a_right_password_is_an_attempt_that_a_second_factor_completes() {
    Given::<Session>::nothing()
        .when(SessionCommand::Attempt(attempt()))
        .then([attempted()]);
    Given::<Session>::events([attempted()])
        .when(SessionCommand::Start(complete(60)))
        .then([completed(60)]);
}

#[test]
fn the_log_keeps_an_attempt_for_its_own_time_and_a_session_for_its() {
    let attempt = Given::<Session>::events([attempted()]).state();
    assert_eq!(
        attempt.forget_at(),
        Some(START.plus(LIFETIME).plus(RETENTION))
    );
    let session = Given::<Session>::events([attempted(), completed(60)]).state();
    assert_eq!(
        session.forget_at(),
        Some(at(60).plus(ABSOLUTE).plus(RETENTION))
    );
}

#[test]
fn an_account_that_may_have_no_sessions_gets_no_attempt_and_no_completion() {
    let suspended = Standing {
        active: false,
        ..ASKS_FOR_A_FACTOR
    };
    Given::<Session>::nothing()
        .when(SessionCommand::Attempt(Attempt {
            standing: suspended,
            ..attempt()
        }))
        .refused(SessionRefusal::Fenced);
    Given::<Session>::events([attempted()])
        .when(SessionCommand::Start(Start {
            standing: suspended,
            ..complete(60)
        }))
        .refused(SessionRefusal::Fenced);
}

#[test]
fn a_second_factor_is_tried_five_times_and_no_more() {
    let mut events = vec![attempted()];
    for tries in 1..=MOST_TRIES {
        Given::<Session>::events(events.clone())
            .when(reject(at(60)))
            .then([rejected(tries)]);
        events.push(rejected(tries));
    }
    assert_eq!(MOST_TRIES, 5);
    let before = &events[..events.len() - 1];
    Given::<Session>::events(before.to_vec())
        .when(SessionCommand::Start(complete(60)))
        .then([completed(60)]);
    Given::<Session>::events(events.clone())
        .when(reject(at(60)))
        .refused(SessionRefusal::AttemptOver);
    Given::<Session>::events(events)
        .when(SessionCommand::Start(complete(60)))
        .refused(SessionRefusal::AttemptOver);
}

#[test]
fn an_attempt_ends_at_its_second() {
    let end = START.plus(LIFETIME);
    let last = Timestamp::from_millis(end.as_millis() - 1);
    for (now, is_open) in [(last, true), (end, false)] {
        let completing = Given::<Session>::events([attempted()]);
        let trying = Given::<Session>::events([attempted()]);
        let start = Start {
            now,
            ..complete(60)
        };
        if is_open {
            assert!(
                completing
                    .state()
                    .decide(&SessionCommand::Start(start))
                    .is_ok()
            );
            trying.when(reject(now)).then([rejected(1)]);
        } else {
            completing
                .when(SessionCommand::Start(start))
                .refused(SessionRefusal::AttemptOver);
            trying
                .when(reject(now))
                .refused(SessionRefusal::AttemptOver);
        }
    }
}

#[test]
fn an_account_that_ended_its_sessions_in_between_ended_the_attempt() {
    for (min_epoch, is_open) in [(4, true), (5, false)] {
        let start = Start {
            standing: Standing {
                min_epoch,
                epoch: 5,
                ..ASKS_FOR_A_FACTOR
            },
            ..complete(60)
        };
        let answer = Given::<Session>::events([attempted()])
            .state()
            .decide(&SessionCommand::Start(start));
        if is_open {
            assert!(answer.is_ok(), "{answer:?}");
        } else {
            assert_eq!(answer, Err(SessionRefusal::AttemptOver));
        }
    }
}

#[test]
fn an_attempt_is_completed_by_its_own_account_and_by_a_second_factor() {
    let other = Start {
        account: AccountId::from_uuid(Uuid::from_u128(8)),
        ..complete(60)
    };
    let password_only = Start {
        acr: Acr::Aal1,
        ..complete(60)
    };
    for start in [other, password_only] {
        Given::<Session>::events([attempted()])
            .when(SessionCommand::Start(start))
            .refused(SessionRefusal::AttemptOver);
    }
}

#[test]
fn a_password_alone_starts_nothing_where_a_factor_is_asked_for() {
    let mut password_only = start();
    password_only.standing = ASKS_FOR_A_FACTOR;
    Given::<Session>::nothing()
        .when(SessionCommand::Start(password_only.clone()))
        .refused(SessionRefusal::FactorMissing);
    password_only.acr = Acr::Aal3;
    let answer = Session::default().decide(&SessionCommand::Start(password_only));
    assert!(answer.is_ok(), "a passkey is both: {answer:?}");
}

#[test]
fn until_it_is_complete_it_is_no_session_to_anybody() {
    for command in [
        refreshing(1, 60),
        SessionCommand::StepUp(step_up::step_up(60)),
        SessionCommand::Continue { epoch: 9 },
        SessionCommand::End {
            reason: EndReason::Logout,
            note: None,
        },
    ] {
        Given::<Session>::nothing()
            .when(command.clone())
            .refused(SessionRefusal::Unknown);
        Given::<Session>::events([attempted(), rejected(1)])
            .when(command)
            .refused(SessionRefusal::Unknown);
    }
    assert_eq!(Given::<Session>::events([attempted()]).state().get(), None);
}

#[test]
fn an_attempt_is_made_and_completed_once() {
    for events in [vec![attempted()], vec![attempted(), completed(1)]] {
        Given::<Session>::events(events)
            .when(SessionCommand::Attempt(attempt()))
            .refused(SessionRefusal::Exists);
    }
    Given::<Session>::nothing()
        .when(reject(START))
        .refused(SessionRefusal::Unknown);
    for command in [SessionCommand::Start(complete(2)), reject(at(2))] {
        Given::<Session>::events([attempted(), completed(1)])
            .when(command.clone())
            .refused(SessionRefusal::AttemptOver);
        Given::<Session>::events([started()])
            .when(command)
            .refused(SessionRefusal::Exists);
    }
}

#[test]
fn methods_are_named_once() {
    let start = Start {
        amr: vec!["pwd".into(), "otp".into(), "otp".into()],
        ..complete(60)
    };
    Given::<Session>::events([attempted()])
        .when(SessionCommand::Start(start))
        .then([completed(60)]);
}

#[test]
fn the_snapshot_of_an_attempt_says_what_the_events_say() {
    let state = Given::<Session>::events([attempted(), rejected(1)]).state();
    let snapshot = state.snapshot().expect("a snapshot");
    assert_eq!(Session::restore(&snapshot), Some(state));
}
