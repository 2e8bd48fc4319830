//! Proving again, or better, who one is; and outliving what ended the others.

use countersign_events::{Bound, Continued, SteppedUp};

use super::super::StepUp;
use super::*;

pub(super) fn step_up(second: u64) -> StepUp {
    StepUp {
        standing: STANDING,
        acr: Acr::Aal2,
        amr: vec!["otp".into()],
        binding: None,
        replaces_token: false,
        now: at(second),
    }
}

fn stepped_up(acr: Acr, amr: &[&str], second: u64, generation: u32) -> SessionEvent {
    SteppedUp {
        acr,
        amr: amr.iter().map(|&method| method.to_owned()).collect(),
        auth_time: at(second),
        generation,
    }
    .into()
}

fn raised() -> SessionEvent {
    stepped_up(Acr::Aal2, &["pwd", "otp"], 60, 1)
}

fn replaced(generation: u32, second: u64) -> SessionEvent {
    stepped_up(Acr::Aal2, &["pwd", "otp"], second, generation)
}

#[test]
fn a_second_factor_raises_a_session() {
    Given::<Session>::events([started()])
        .when(SessionCommand::StepUp(step_up(60)))
        .then([raised()]);
    let state = Given::<Session>::events([started(), raised()]).state();
    let live = state.get().expect("started");
    assert_eq!((live.acr, live.auth_time), (Acr::Aal2, at(60)));
    assert_eq!(live.amr, ["pwd", "otp"]);
    assert_eq!((live.generation, live.rotated_at), (1, START));
}

#[test]
fn a_weaker_proof_makes_no_stronger_one_new_and_no_method_is_forgotten() {
    let again = StepUp {
        acr: Acr::Aal1,
        amr: vec!["pwd".into()],
        ..step_up(120)
    };
    Given::<Session>::events([started(), raised()])
        .when(SessionCommand::StepUp(again))
        .then([stepped_up(Acr::Aal1, &["pwd", "otp"], 120, 1)]);
    let clock_set_back = step_up(30);
    Given::<Session>::events([started(), raised()])
        .when(SessionCommand::StepUp(clock_set_back))
        .then([raised()]);
}

#[test]
fn a_password_renews_no_proof_where_a_factor_is_asked_for() {
    let mut again = StepUp {
        acr: Acr::Aal1,
        amr: vec!["pwd".into()],
        ..step_up(120)
    };
    again.standing.needs_factor = true;
    Given::<Session>::events([started(), raised()])
        .when(SessionCommand::StepUp(again))
        .refused(SessionRefusal::FactorMissing);
}

#[test]
fn what_is_over_is_not_raised() {
    Given::<Session>::events([started(), ended(EndReason::Logout)])
        .when(SessionCommand::StepUp(step_up(60)))
        .refused(SessionRefusal::Ended(EndReason::Logout));
    Given::<Session>::events([started()])
        .when(SessionCommand::StepUp(step_up(IDLE.as_secs())))
        .refused(SessionRefusal::Expired);
    for (active, min_epoch) in [(true, 5), (false, 0)] {
        let mut fenced = step_up(60);
        fenced.standing.active = active;
        fenced.standing.min_epoch = min_epoch;
        Given::<Session>::events([started()])
            .when(SessionCommand::StepUp(fenced))
            .refused(SessionRefusal::Fenced);
    }
}

#[test]
fn a_replaced_token_gets_no_successor_and_reusing_it_late_ends_the_session() {
    let replacing = StepUp {
        replaces_token: true,
        ..step_up(1)
    };
    Given::<Session>::events([started()])
        .when(SessionCommand::StepUp(replacing))
        .then([replaced(2, 1)]);
    // The replacement happened at second 1.
    for second in [1, 11] {
        Given::<Session>::events([started(), replaced(2, 1)])
            .when(refreshing(1, second))
            .refused(SessionRefusal::Replaced);
    }
    Given::<Session>::events([started(), replaced(2, 1)])
        .when(refreshing(1, 12))
        .then(reuse(1, 2));
    Given::<Session>::events([started(), replaced(2, 1)])
        .when(refreshing(2, 12))
        .then([refreshed(3, 12)]);
}

#[test]
fn the_token_after_a_replaced_one_rotates_with_grace_as_ever() {
    Given::<Session>::events([started(), replaced(2, 1), refreshed(3, 2)])
        .when(refreshing(2, 3))
        .then([]);
    Given::<Session>::events([started(), replaced(2, 1), refreshed(3, 2)])
        .when(refreshing(1, 3))
        .then(reuse(1, 3));
}

#[test]
fn a_step_up_that_replaces_nothing_leaves_the_grace_of_the_last_rotation() {
    let raised = stepped_up(Acr::Aal2, &["pwd", "otp"], 2, 2);
    Given::<Session>::events([started(), refreshed(2, 1), raised])
        .when(refreshing(1, 5))
        .then([]);
}

#[test]
fn a_step_up_ties_the_session_to_where_it_was_made() {
    let binding = Sealed::from_bytes(b"here".to_vec());
    let tying = StepUp {
        binding: Some(binding.clone()),
        ..step_up(60)
    };
    let bound = SessionEvent::from(Bound {
        binding: binding.clone(),
    });
    Given::<Session>::events([started()])
        .when(SessionCommand::StepUp(tying))
        .then([raised(), bound.clone()]);
    let state = Given::<Session>::events([started(), raised(), bound]).state();
    let live = state.get().expect("started");
    assert_eq!(
        live.binding.as_ref().map(|tied| &tied.value),
        Some(&binding)
    );
    let snapshot = state.snapshot().expect("a snapshot");
    assert_eq!(Session::restore(&snapshot), Some(state));
}

#[test]
fn a_session_that_goes_on_outlives_the_fence() {
    let go_on = SessionCommand::Continue { epoch: 6 };
    let continued = SessionEvent::from(Continued { epoch: 6 });
    Given::<Session>::events([started()])
        .when(go_on.clone())
        .then([continued.clone()]);
    let mut fenced = refresh(1, at(60));
    fenced.standing.min_epoch = 6;
    Given::<Session>::events([started()])
        .when(SessionCommand::Refresh(fenced.clone()))
        .refused(SessionRefusal::Fenced);
    Given::<Session>::events([started(), continued.clone()])
        .when(SessionCommand::Refresh(fenced.clone()))
        .then([refreshed(2, 60)]);
    fenced.standing.min_epoch = 7;
    Given::<Session>::events([started(), continued.clone()])
        .when(SessionCommand::Refresh(fenced))
        .refused(SessionRefusal::Fenced);
    Given::<Session>::events([started(), continued])
        .when(go_on)
        .then([]);
}

#[test]
fn a_session_goes_on_only_forwards_and_only_if_it_has_not_ended() {
    for epoch in [0, 4] {
        Given::<Session>::events([started()])
            .when(SessionCommand::Continue { epoch })
            .then([]);
    }
    let back = SessionEvent::from(Continued { epoch: 1 });
    let state = Given::<Session>::events([started(), back]).state();
    assert_eq!(state.get().expect("started").epoch, 4);
    Given::<Session>::events([started(), ended(EndReason::RevokedByOperator)])
        .when(SessionCommand::Continue { epoch: 6 })
        .refused(SessionRefusal::Ended(EndReason::RevokedByOperator));
}
