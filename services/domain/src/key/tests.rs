//! given / when / then.

use core::time::Duration;

use countersign_events::{
    Activated, Created, KeyAlgorithm, KeyEvent, KeyRetired, KeyRevoked, RotationRequested,
    SecretId, Timestamp,
};
use uuid::Uuid;

use super::{
    KeyCommand, KeyRefusal, KeyState, Keyring, MOST_PUBLISHED, Publication, Retirement, RevokeKey,
    Rotate,
};
use crate::testing::{Given, START};

const CACHE: Duration = Duration::from_mins(5);
const WINDOW: Duration = Duration::from_mins(40);

pub(super) fn created(kid: &str) -> Created {
    Created {
        kid: kid.into(),
        algorithm: KeyAlgorithm::ES256,
        public: "BA".into(),
        secret: SecretId::from_uuid(Uuid::nil()),
    }
}

fn made(kid: &str) -> KeyEvent {
    created(kid).into()
}

fn signs(kid: &str) -> KeyEvent {
    Activated { kid: kid.into() }.into()
}

fn wanted(kid: &str) -> KeyEvent {
    RotationRequested {
        kid: kid.into(),
        note: None,
    }
    .into()
}

fn retired(kid: &str) -> KeyEvent {
    KeyRetired { kid: kid.into() }.into()
}

fn revoked(kid: &str) -> KeyEvent {
    KeyRevoked {
        kid: kid.into(),
        note: None,
    }
    .into()
}

/// This many seconds after the first event.
fn second(n: u64) -> Timestamp {
    START.plus(Duration::from_secs(n))
}

fn activate(kid: &str, now: Timestamp, lacking: usize) -> KeyCommand {
    KeyCommand::Activate {
        kid: kid.into(),
        publication: Publication {
            now,
            cache: CACHE,
            lacking,
        },
    }
}

fn rotate(replaces: &str, fresh: Option<&str>, is_forced: bool, now: Timestamp) -> KeyCommand {
    KeyCommand::Rotate(Rotate {
        replaces: replaces.into(),
        fresh: fresh.map(created),
        is_forced,
        publication: Publication {
            now,
            cache: CACHE,
            lacking: 0,
        },
        note: None,
    })
}

fn retire(kid: &str, now: Timestamp) -> KeyCommand {
    KeyCommand::Retire(Retirement {
        kid: kid.into(),
        now,
        window: WINDOW,
    })
}

fn revoke(kid: &str, fresh: Option<&str>) -> KeyCommand {
    KeyCommand::Revoke(RevokeKey {
        kid: kid.into(),
        note: None,
        fresh: fresh.map(created),
    })
}

/// `a` signs.
fn founded() -> Given<Keyring> {
    Given::events([made("a"), signs("a")])
}

/// `a` signs, `b` was published at second 2.
fn prepared() -> Given<Keyring> {
    Given::events([made("a"), signs("a"), made("b")])
}

/// `b` signs since second 3, when `a` was superseded.
fn rotated() -> Given<Keyring> {
    Given::events([made("a"), signs("a"), made("b"), signs("b")])
}

fn states(ring: &Keyring) -> Vec<(&str, KeyState)> {
    let state = |key: &'_ super::Key| key.state;
    ring.keys
        .iter()
        .map(|key| (key.kid.as_str(), state(key)))
        .collect()
}

#[test]
fn an_empty_ring_gets_its_first_key_and_signs_with_it() {
    Given::<Keyring>::nothing()
        .when(KeyCommand::Found(created("a")))
        .then([made("a"), signs("a")]);
    let ring = founded().state();
    assert_eq!(ring.active().map(|key| key.kid.as_str()), Some("a"));
    founded().when(KeyCommand::Found(created("b"))).then([]);
}

#[test]
fn one_key_waits_at_a_time() {
    founded()
        .when(KeyCommand::Prepare(created("b")))
        .then([made("b")]);
    prepared()
        .when(KeyCommand::Prepare(created("c")))
        .refused(KeyRefusal::Prepared { kid: "b".into() });
    rotated()
        .when(KeyCommand::Prepare(created("a")))
        .refused(KeyRefusal::NotNew);
}

#[test]
fn a_key_signs_only_after_everybody_can_know_it() {
    prepared()
        .when(activate("b", second(301), 0))
        .refused(KeyRefusal::TooEarly { due: second(302) });
    prepared()
        .when(activate("b", second(302), 1))
        .refused(KeyRefusal::NotHeld);
    prepared()
        .when(activate("b", second(302), 0))
        .then([signs("b")]);
    prepared().when(activate("a", second(302), 0)).then([]);
    prepared()
        .when(activate("c", second(302), 0))
        .refused(KeyRefusal::Unknown);
}

#[test]
fn a_key_that_was_superseded_retired_or_revoked_never_signs_again() {
    let late = second(1_000_000);
    rotated()
        .when(activate("a", late, 0))
        .refused(KeyRefusal::Over);
    for end in [retired("a"), revoked("a")] {
        Given::<Keyring>::events([made("a"), signs("a"), made("b"), signs("b"), end])
            .when(activate("a", late, 0))
            .refused(KeyRefusal::Over);
    }
    Given::<Keyring>::events([made("a"), signs("a"), made("b"), revoked("b")])
        .when(activate("b", late, 0))
        .refused(KeyRefusal::Over);
}

#[test]
fn who_is_superseded_waits_for_its_last_token() {
    let ring = rotated().state();
    assert_eq!(
        states(&ring),
        [("a", KeyState::Retiring), ("b", KeyState::Active)]
    );
    let until = second(2_403);
    rotated()
        .when(retire("a", second(2_402)))
        .refused(KeyRefusal::TokensValid { until });
    rotated().when(retire("a", until)).then([retired("a")]);
    rotated()
        .when(retire("b", until))
        .refused(KeyRefusal::InUse);
    prepared()
        .when(retire("b", until))
        .refused(KeyRefusal::InUse);
    rotated()
        .when(retire("c", until))
        .refused(KeyRefusal::Unknown);
    Given::<Keyring>::events([made("a"), signs("a"), made("b"), signs("b"), retired("a")])
        .when(retire("a", until))
        .then([]);
    Given::<Keyring>::events([made("a"), signs("a"), made("b"), signs("b"), revoked("a")])
        .when(retire("a", until))
        .refused(KeyRefusal::Over);
}

#[test]
fn an_operator_rotates_as_soon_as_it_may_be() {
    founded()
        .when(rotate("a", Some("b"), false, second(9)))
        .then([made("b"), wanted("b")]);
    founded()
        .when(rotate("a", None, false, second(9)))
        .refused(KeyRefusal::NoSuccessor);
    // What waits is taken; what was brought is not needed.
    prepared()
        .when(rotate("a", Some("c"), false, second(301)))
        .then([wanted("b")]);
    prepared()
        .when(rotate("a", Some("c"), false, second(302)))
        .then([wanted("b"), signs("b")]);
    Given::<Keyring>::nothing()
        .when(rotate("a", Some("b"), false, second(9)))
        .refused(KeyRefusal::Unknown);
}

#[test]
fn to_ask_twice_changes_nothing() {
    Given::<Keyring>::events([made("a"), signs("a"), made("b"), wanted("b")])
        .when(rotate("a", Some("c"), false, second(9)))
        .then([]);
    rotated()
        .when(rotate("a", Some("c"), true, second(9)))
        .then([]);
}

#[test]
fn in_haste_a_key_signs_at_once() {
    founded()
        .when(rotate("a", Some("b"), true, second(9)))
        .then([made("b"), wanted("b"), signs("b")]);
    prepared()
        .when(rotate("a", None, true, second(9)))
        .then([wanted("b"), signs("b")]);
}

#[test]
fn to_revoke_the_key_that_signs_needs_another() {
    prepared()
        .when(revoke("a", None))
        .then([revoked("a"), signs("b")]);
    founded()
        .when(revoke("a", Some("b")))
        .then([revoked("a"), made("b"), signs("b")]);
    founded()
        .when(revoke("a", None))
        .refused(KeyRefusal::NoSuccessor);
    founded()
        .when(revoke("a", Some("a")))
        .refused(KeyRefusal::NotNew);
    let ring =
        Given::<Keyring>::events([made("a"), signs("a"), revoked("a"), made("b"), signs("b")])
            .state();
    assert_eq!(
        states(&ring),
        [("a", KeyState::Revoked), ("b", KeyState::Active)]
    );
}

#[test]
fn every_key_can_be_revoked_once() {
    prepared().when(revoke("b", None)).then([revoked("b")]);
    rotated().when(revoke("a", None)).then([revoked("a")]);
    Given::<Keyring>::events([made("a"), signs("a"), made("b"), signs("b"), retired("a")])
        .when(revoke("a", None))
        .then([revoked("a")]);
    Given::<Keyring>::events([made("a"), signs("a"), made("b"), revoked("b")])
        .when(revoke("b", None))
        .then([]);
    founded()
        .when(revoke("z", Some("b")))
        .refused(KeyRefusal::Unknown);
}

#[test]
fn no_more_keys_are_published_than_verifiers_read() {
    let many = || {
        let mut events = vec![];
        for n in 0..MOST_PUBLISHED {
            events.extend([made(&n.to_string()), signs(&n.to_string())]);
        }
        Given::<Keyring>::events(events)
    };
    let last = (MOST_PUBLISHED - 1).to_string();
    many()
        .when(KeyCommand::Prepare(created("x")))
        .refused(KeyRefusal::TooMany);
    many()
        .when(rotate(&last, Some("x"), true, second(9)))
        .refused(KeyRefusal::TooMany);
    many()
        .when(revoke(&last, Some("x")))
        .then([revoked(&last), made("x"), signs("x")]);
}
