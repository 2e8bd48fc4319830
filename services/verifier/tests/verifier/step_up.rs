//! Asking for more (RFC 9470).

use crate::support::{NOW, claims};
use countersign_verifier::{Acr, Claims, require};

fn with(acr: Option<&str>, auth_time: Option<u64>) -> Claims {
    Claims {
        acr: acr.map(str::to_owned),
        auth_time,
        ..claims()
    }
}

#[test]
fn a_stronger_level_satisfies_a_weaker_one() {
    let all = [Acr::Aal1, Acr::Aal2, Acr::Aal3];
    for own in all {
        for needed in all {
            let answer = require(&with(Some(own.as_str()), None), Some(needed), None, NOW);
            assert_eq!(answer.is_ok(), own >= needed, "{own:?} for {needed:?}");
        }
    }
}

#[test]
fn what_is_absent_or_unknown_satisfies_nothing() {
    for own in [
        None,
        Some(""),
        Some("aal4"),
        Some("AAL3"),
        Some("aal3 "),
        Some("3"),
    ] {
        assert!(
            require(&with(own, Some(NOW)), Some(Acr::Aal1), None, NOW).is_err(),
            "{own:?}"
        );
    }
    assert!(require(&with(Some("aal3"), None), None, Some(u64::MAX), NOW).is_err());
}

#[test]
fn the_age_is_exact() {
    for (auth_time, is_fresh) in [
        (NOW, true),
        (NOW - 300, true),
        (NOW - 301, false),
        (0, false),
        (NOW + 1, false),
    ] {
        let answer = require(&with(None, Some(auth_time)), None, Some(300), NOW);
        assert_eq!(answer.is_ok(), is_fresh, "{auth_time}");
    }
}

#[test]
fn a_route_that_asks_for_nothing_is_satisfied() {
    assert_eq!(require(&with(None, None), None, None, NOW), Ok(()));
}

#[test]
fn the_challenge_names_the_whole_requirement() {
    let weak = require(
        &with(Some("aal1"), Some(NOW)),
        Some(Acr::Aal2),
        Some(300),
        NOW,
    )
    .expect_err("it is too weak");
    assert_eq!(weak.code(), "insufficient_user_authentication");
    assert_eq!(
        weak.www_authenticate(),
        "Bearer error=\"insufficient_user_authentication\", \
         error_description=\"A different authentication level is required\", \
         acr_values=\"aal2\", max_age=\"300\""
    );
    let old = require(
        &with(Some("aal2"), Some(0)),
        Some(Acr::Aal2),
        Some(300),
        NOW,
    )
    .expect_err("it is too old");
    assert_eq!(
        old.www_authenticate(),
        "Bearer error=\"insufficient_user_authentication\", \
         error_description=\"More recent authentication is required\", \
         acr_values=\"aal2\", max_age=\"300\""
    );
    let only_age = require(&with(None, None), None, Some(5), NOW).expect_err("it has no age");
    assert_eq!(
        only_age.www_authenticate(),
        "Bearer error=\"insufficient_user_authentication\", \
         error_description=\"More recent authentication is required\", max_age=\"5\""
    );
    let only_acr = require(&with(None, None), Some(Acr::Aal3), None, NOW).expect_err("no level");
    assert_eq!(
        only_acr.www_authenticate(),
        "Bearer error=\"insufficient_user_authentication\", \
         error_description=\"A different authentication level is required\", acr_values=\"aal3\""
    );
}
