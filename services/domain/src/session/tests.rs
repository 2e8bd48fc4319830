use core::time::Duration;

use countersign_events::{
    AccountId, Acr, EndReason, Ended, RefreshReused, Refreshed, Sealed, SessionEvent, Started,
    Timestamp,
};
use uuid::Uuid;

use super::{Place, Refresh, Session, SessionCommand, SessionRefusal, Start};
use crate::testing::{Given, START};
use crate::{Aggregate, Standing};

mod attempt;
mod place;
mod step_up;

const IDLE: Duration = Duration::from_hours(7 * 24);
const ABSOLUTE: Duration = Duration::from_hours(30 * 24);
const RETENTION: Duration = Duration::from_hours(90 * 24);
const GRACE: Duration = Duration::from_secs(10);
const STANDING: Standing = Standing {
    active: true,
    needs_factor: false,
    min_epoch: 0,
    epoch: 4,
};

fn ip() -> Sealed {
    Sealed::from_bytes(b"ip".to_vec())
}

fn account() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(7))
}

fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn started() -> SessionEvent {
    Started {
        account: account(),
        epoch: 4,
        client: "first-party".into(),
        ip: ip(),
        user_agent: None,
        acr: Acr::Aal1,
        amr: vec!["pwd".into()],
        auth_time: START,
        idle_expires_at: START.plus(IDLE),
        expires_at: START.plus(ABSOLUTE),
        forget_at: START.plus(ABSOLUTE).plus(RETENTION),
    }
    .into()
}

/// The rotation to `generation`; the story's clock puts event n at second n.
fn refreshed(generation: u32, second: u64) -> SessionEvent {
    Refreshed {
        generation,
        idle_expires_at: at(second).plus(IDLE),
        ip: ip(),
    }
    .into()
}

fn ended(reason: EndReason) -> SessionEvent {
    Ended { reason, note: None }.into()
}

fn start() -> Start {
    Start {
        account: account(),
        standing: STANDING,
        client: "first-party".into(),
        ip: ip(),
        user_agent: None,
        acr: Acr::Aal1,
        amr: vec!["pwd".into()],
        binding: None,
        now: START,
        idle: IDLE,
        absolute: ABSOLUTE,
        retention: RETENTION,
    }
}

fn refresh(presented: u32, now: Timestamp) -> Refresh {
    Refresh {
        presented,
        standing: STANDING,
        ip: ip(),
        place: Place::Same,
        now,
        idle: IDLE,
        grace: GRACE,
    }
}

fn refreshing(presented: u32, second: u64) -> SessionCommand {
    SessionCommand::Refresh(refresh(presented, at(second)))
}

fn reuse(presented: u32, live: u32) -> [SessionEvent; 2] {
    [
        RefreshReused {
            presented,
            live,
            ip: ip(),
        }
        .into(),
        ended(EndReason::RefreshReused),
    ]
}

#[test]
fn a_sign_in_starts_a_session_at_the_epoch_it_saw() {
    Given::<Session>::nothing()
        .when(SessionCommand::Start(start()))
        .then([started()]);
}

#[test]
fn a_session_id_is_used_once() {
    Given::<Session>::events([started()])
        .when(SessionCommand::Start(start()))
        .refused(SessionRefusal::Exists);
}

#[test]
fn an_account_that_may_have_no_sessions_gets_none() {
    let mut start = start();
    start.standing.active = false;
    Given::<Session>::nothing()
        .when(SessionCommand::Start(start))
        .refused(SessionRefusal::Fenced);
}

#[test]
fn an_idle_lifetime_never_outlives_the_absolute_one() {
    let mut long = start();
    long.idle = ABSOLUTE * 2;
    let events = Session::default()
        .decide(&SessionCommand::Start(long))
        .expect("starts");
    let [SessionEvent::Started(started)] = events.as_slice() else {
        panic!("one event")
    };
    assert_eq!(started.idle_expires_at, started.expires_at);
}

#[test]
fn the_live_generation_rotates() {
    Given::<Session>::events([started()])
        .when(refreshing(1, 60))
        .then([refreshed(2, 60)]);
}

#[test]
fn the_predecessor_gets_the_same_successor_within_the_grace_window() {
    // The rotation happened at second 1.
    for second in [1, 5, 11] {
        Given::<Session>::events([started(), refreshed(2, 1)])
            .when(refreshing(1, second))
            .then([]);
    }
}

#[test]
fn the_predecessor_after_the_grace_window_is_reuse() {
    Given::<Session>::events([started(), refreshed(2, 1)])
        .when(SessionCommand::Refresh(refresh(
            1,
            at(11).plus(Duration::from_millis(1)),
        )))
        .then(reuse(1, 2));
}

#[test]
fn the_predecessor_of_a_used_successor_is_reuse_even_within_the_window() {
    Given::<Session>::events([started(), refreshed(2, 1), refreshed(3, 2)])
        .when(refreshing(1, 3))
        .then(reuse(1, 3));
}

#[test]
fn a_clock_set_back_does_not_reopen_the_grace_window() {
    let before = Timestamp::from_millis(START.as_millis() - 3_600_000);
    Given::<Session>::events([started(), refreshed(2, 1)])
        .when(SessionCommand::Refresh(refresh(1, before)))
        .then(reuse(1, 2));
}

#[test]
fn a_generation_never_handed_out_is_refused_and_ends_nothing() {
    for presented in [0, 2, u32::MAX] {
        Given::<Session>::events([started()])
            .when(refreshing(presented, 0))
            .refused(SessionRefusal::NeverIssued);
    }
}

#[test]
fn an_ended_session_is_never_refreshed() {
    for presented in 0..4 {
        Given::<Session>::events([started(), refreshed(2, 1), ended(EndReason::Logout)])
            .when(refreshing(presented, 3))
            .refused(SessionRefusal::Ended(EndReason::Logout));
    }
}

#[test]
fn an_account_that_ended_its_sessions_fences_older_ones() {
    let mut fenced = refresh(1, at(60));
    fenced.standing.min_epoch = 5;
    Given::<Session>::events([started()])
        .when(SessionCommand::Refresh(fenced.clone()))
        .refused(SessionRefusal::Fenced);
    fenced.standing.min_epoch = 4;
    Given::<Session>::events([started()])
        .when(SessionCommand::Refresh(fenced.clone()))
        .then([refreshed(2, 60)]);
    fenced.standing.active = false;
    Given::<Session>::events([started()])
        .when(SessionCommand::Refresh(fenced))
        .refused(SessionRefusal::Fenced);
}

#[test]
fn idle_and_absolute_lifetimes_end_at_their_second() {
    let idle_end = START.plus(IDLE);
    Given::<Session>::events([started()])
        .when(SessionCommand::Refresh(refresh(1, idle_end)))
        .refused(SessionRefusal::Expired);
    let mut last = refresh(1, Timestamp::from_millis(idle_end.as_millis() - 1));
    last.idle = ABSOLUTE;
    let events = Given::<Session>::events([started()])
        .state()
        .decide(&SessionCommand::Refresh(last))
        .expect("still alive");
    let [SessionEvent::Refreshed(refreshed)] = events.as_slice() else {
        panic!("one event")
    };
    assert_eq!(refreshed.idle_expires_at, START.plus(ABSOLUTE));
}

#[test]
fn ending_twice_is_ending_once() {
    let end = |reason| SessionCommand::End { reason, note: None };
    Given::<Session>::events([started()])
        .when(end(EndReason::Logout))
        .then([ended(EndReason::Logout)]);
    Given::<Session>::events([started(), ended(EndReason::Logout)])
        .when(end(EndReason::RevokedByOperator))
        .then([]);
}

#[test]
fn what_never_began_can_be_neither_refreshed_nor_ended() {
    Given::<Session>::nothing()
        .when(refreshing(1, 0))
        .refused(SessionRefusal::Unknown);
    Given::<Session>::nothing()
        .when(SessionCommand::End {
            reason: EndReason::Logout,
            note: None,
        })
        .refused(SessionRefusal::Unknown);
}
