//! Refreshing from where the session is tied to, and from elsewhere.

use countersign_events::{BindingBroken, Bound};

use super::*;

fn sealed(text: &str) -> Sealed {
    Sealed::from_bytes(text.as_bytes().to_vec())
}

fn bound(binding: &str) -> SessionEvent {
    Bound {
        binding: sealed(binding),
    }
    .into()
}

fn noted() -> Place {
    Place::Noted {
        user_agent: Some(sealed("wget")),
        binding: sealed("there"),
    }
}

fn refreshing_from(place: Place, presented: u32, second: u64) -> SessionCommand {
    SessionCommand::Refresh(Refresh {
        place,
        ..refresh(presented, at(second))
    })
}

#[test]
fn a_sign_in_ties_the_session() {
    let mut tied = start();
    tied.binding = Some(sealed("here"));
    Given::<Session>::nothing()
        .when(SessionCommand::Start(tied))
        .then([started(), bound("here")]);
}

#[test]
fn the_same_place_is_nothing_to_note() {
    Given::<Session>::events([started(), bound("here")])
        .when(refreshing_from(Place::Same, 1, 60))
        .then([refreshed(2, 60)]);
}

#[test]
fn another_place_that_is_only_noted_becomes_the_place() {
    let broken = BindingBroken {
        ip: ip(),
        user_agent: Some(sealed("wget")),
    };
    let events = [broken.into(), bound("there"), refreshed(2, 60)];
    Given::<Session>::events([started(), bound("here")])
        .when(refreshing_from(noted(), 1, 60))
        .then(events.clone());
    let all = [started(), bound("here")].into_iter().chain(events);
    let state = Given::<Session>::events(all).state();
    let live = state.get().expect("started");
    let binding = live.binding.as_ref().expect("tied");
    assert_eq!(binding.value, sealed("there"));
}

#[test]
fn another_place_that_is_refused_gets_neither_a_successor_nor_the_same_one_again() {
    Given::<Session>::events([started(), bound("here")])
        .when(refreshing_from(Place::Refused, 1, 60))
        .refused(SessionRefusal::Elsewhere);
    Given::<Session>::events([started(), refreshed(2, 1)])
        .when(refreshing_from(Place::Refused, 1, 2))
        .refused(SessionRefusal::Elsewhere);
}

#[test]
fn an_answer_that_was_lost_on_the_way_is_given_again_elsewhere_without_a_note() {
    Given::<Session>::events([started(), refreshed(2, 1)])
        .when(refreshing_from(noted(), 1, 2))
        .then([]);
}

#[test]
fn reuse_from_another_place_is_reuse() {
    for place in [Place::Same, noted(), Place::Refused] {
        Given::<Session>::events([started(), refreshed(2, 1)])
            .when(refreshing_from(place, 1, 60))
            .then(reuse(1, 2));
    }
}

#[test]
fn what_is_over_is_over_from_everywhere() {
    for place in [Place::Same, noted(), Place::Refused] {
        Given::<Session>::events([started(), ended(EndReason::Logout)])
            .when(refreshing_from(place, 1, 60))
            .refused(SessionRefusal::Ended(EndReason::Logout));
    }
}
