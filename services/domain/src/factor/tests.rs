use core::time::Duration;

use countersign_events::{AccountId, AssertionAccepted, CodeAccepted, FactorEvent, Timestamp};
use uuid::Uuid;

use super::{FactorUse, FactorUseCommand, FactorUseRefusal, MOST_SIGNED};
use crate::Aggregate;
use crate::testing::{Given, START};

fn account() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(7))
}

fn later(minutes: u64) -> Timestamp {
    START.plus(Duration::from_mins(minutes))
}

fn accepted(step: u64) -> FactorEvent {
    CodeAccepted {
        account: account(),
        step,
        forget_at: later(90),
    }
    .into()
}

fn accept(step: u64) -> FactorUseCommand {
    FactorUseCommand::AcceptCode {
        account: account(),
        step,
        forget_at: later(90),
    }
}

fn signed(challenge: u128, counter: u32) -> FactorEvent {
    AssertionAccepted {
        account: account(),
        challenge: Uuid::from_u128(challenge),
        expires_at: later(5),
        counter,
        forget_at: later(90),
    }
    .into()
}

fn sign(challenge: u128, counter: u32, now: Timestamp) -> FactorUseCommand {
    FactorUseCommand::AcceptAssertion {
        account: account(),
        challenge: Uuid::from_u128(challenge),
        expires_at: later(5),
        counter,
        known_counter: 0,
        now,
        forget_at: later(90),
    }
}

#[test]
fn a_code_is_accepted_once_and_only_forwards() {
    Given::<FactorUse>::nothing()
        .when(accept(100))
        .then([accepted(100)]);
    for step in [100, 99, 1] {
        Given::<FactorUse>::events([accepted(100)])
            .when(accept(step))
            .refused(FactorUseRefusal::CodeUsed);
    }
    Given::<FactorUse>::events([accepted(100)])
        .when(accept(101))
        .then([accepted(101)]);
}

#[test]
fn a_challenge_is_signed_once_and_in_time() {
    Given::<FactorUse>::nothing()
        .when(sign(1, 0, later(1)))
        .then([signed(1, 0)]);
    Given::<FactorUse>::events([signed(1, 0)])
        .when(sign(1, 0, later(1)))
        .refused(FactorUseRefusal::ChallengeClosed);
    Given::<FactorUse>::nothing()
        .when(sign(1, 0, later(5)))
        .refused(FactorUseRefusal::ChallengeClosed);
}

#[test]
fn an_authenticator_that_counts_never_counts_backwards() {
    for counter in [0, 4, 5] {
        Given::<FactorUse>::events([signed(1, 5)])
            .when(sign(2, counter, later(1)))
            .refused(FactorUseRefusal::CounterWentBack);
    }
    Given::<FactorUse>::events([signed(1, 5)])
        .when(sign(2, 6, later(1)))
        .then([signed(2, 6)]);
    let FactorUseCommand::AcceptAssertion { .. } = sign(1, 1, START) else {
        panic!("an assertion")
    };
    let mut known = sign(2, 6, later(1));
    if let FactorUseCommand::AcceptAssertion { known_counter, .. } = &mut known {
        *known_counter = 6;
    }
    Given::<FactorUse>::nothing()
        .when(known)
        .refused(FactorUseRefusal::CounterWentBack);
}

#[test]
fn more_signatures_than_can_be_remembered_are_refused() {
    let most = u128::try_from(MOST_SIGNED).expect("fits");
    let all: Vec<FactorEvent> = (0..most).map(|n| signed(n, 0)).collect();
    let state = Given::<FactorUse>::events(all).state();
    assert_eq!(
        state.decide(&sign(most, 0, START)),
        Err(FactorUseRefusal::ChallengeClosed)
    );
}

#[test]
fn the_snapshot_says_what_the_events_say() {
    let state = Given::<FactorUse>::events([accepted(3), signed(1, 5)]).state();
    let snapshot = state.snapshot().expect("a snapshot");
    assert_eq!(FactorUse::restore(&snapshot), Some(state));
}
