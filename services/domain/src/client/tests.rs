use core::time::Duration;

use countersign_events::{
    ClientChanged, ClientDisabled, ClientEnabled, ClientEvent, ClientProfile, ClientRegistered,
    KeysSet, SecretAdded, SecretId, SecretRemoved, Timestamp, TokensEnded,
};
use uuid::Uuid;

use super::{Client, ClientCommand, ClientRefusal};
use crate::testing::{Given, START};

fn profile(scopes: &[&str]) -> ClientProfile {
    ClientProfile {
        name: "Orders".into(),
        serves: vec!["https://orders.example".into()],
        audiences: vec!["https://stock.example".into()],
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
    }
}

fn registered() -> ClientEvent {
    ClientRegistered {
        profile: profile(&["a", "b"]),
    }
    .into()
}

fn secret(n: u128) -> SecretId {
    SecretId::from_uuid(Uuid::from_u128(n))
}

fn added(n: u128, expires_at: Option<Timestamp>) -> ClientEvent {
    SecretAdded {
        secret: secret(n),
        expires_at,
    }
    .into()
}

fn removed(n: u128) -> ClientEvent {
    SecretRemoved { secret: secret(n) }.into()
}

fn add(n: u128, now: Timestamp) -> ClientCommand {
    ClientCommand::AddSecret {
        secret: secret(n),
        expires_at: None,
        now,
    }
}

fn ended() -> ClientEvent {
    TokensEnded { note: None }.into()
}

fn keys(jwks: &str) -> ClientEvent {
    KeysSet { jwks: jwks.into() }.into()
}

fn later() -> Timestamp {
    START.plus(Duration::from_hours(1))
}

#[test]
fn a_client_is_registered_once() {
    let register = || ClientCommand::Register {
        profile: profile(&["a", "b"]),
    };
    Given::<Client>::nothing()
        .when(register())
        .then([registered()]);
    Given::<Client>::events([registered()])
        .when(register())
        .refused(ClientRefusal::Exists);
}

#[test]
fn nothing_can_be_asked_of_a_client_that_is_not_there() {
    for command in [
        ClientCommand::Change {
            profile: profile(&[]),
        },
        add(1, START),
        ClientCommand::RemoveSecret { secret: secret(1) },
        ClientCommand::SetKeys { jwks: None },
        ClientCommand::EndTokens { note: None },
        ClientCommand::Disable { note: None },
        ClientCommand::Enable,
    ] {
        Given::<Client>::nothing()
            .when(command)
            .refused(ClientRefusal::Unknown);
    }
}

#[test]
fn a_change_that_takes_a_right_away_ends_the_tokens_and_no_other() {
    let change = |profile: &ClientProfile| ClientCommand::Change {
        profile: profile.clone(),
    };
    let changed = |profile: &ClientProfile| {
        ClientEvent::from(ClientChanged {
            profile: profile.clone(),
        })
    };
    let given = || Given::<Client>::events([registered()]);
    given().when(change(&profile(&["a", "b"]))).then([]);
    let more = profile(&["a", "b", "c"]);
    given().when(change(&more)).then([changed(&more)]);
    let renamed = ClientProfile {
        name: "Sales".into(),
        ..profile(&["b", "a"])
    };
    given().when(change(&renamed)).then([changed(&renamed)]);
    let elsewhere = ClientProfile {
        audiences: vec!["https://mail.example".into()],
        ..profile(&["a", "b"])
    };
    let serves_none = ClientProfile {
        serves: Vec::new(),
        ..profile(&["a", "b"])
    };
    for less in [profile(&["a"]), elsewhere, serves_none] {
        given().when(change(&less)).then([changed(&less), ended()]);
    }
}

#[test]
fn a_client_has_two_secrets_at_most_that_count() {
    Given::<Client>::events([registered(), added(1, None)])
        .when(add(2, START))
        .then([added(2, None)]);
    let two = || Given::<Client>::events([registered(), added(1, None), added(2, Some(later()))]);
    two()
        .when(add(3, START))
        .refused(ClientRefusal::TooManySecrets);
    two()
        .when(add(3, later()))
        .then([removed(2), added(3, None)]);
}

#[test]
fn taking_a_secret_away_ends_the_tokens() {
    let given = || Given::<Client>::events([registered(), added(1, None), added(2, None)]);
    let remove = |n| ClientCommand::RemoveSecret { secret: secret(n) };
    given().when(remove(1)).then([removed(1), ended()]);
    given().when(remove(3)).refused(ClientRefusal::NoSuchSecret);
    let left = Given::<Client>::events([registered(), added(1, None), removed(1)]).state();
    assert_eq!(left.secrets, []);
}

#[test]
fn the_first_keys_end_nothing_and_others_end_the_tokens() {
    let set = |jwks: Option<&str>| ClientCommand::SetKeys {
        jwks: jwks.map(str::to_owned),
    };
    let first = || Given::<Client>::events([registered(), keys("one")]);
    Given::<Client>::events([registered()])
        .when(set(Some("one")))
        .then([keys("one")]);
    first().when(set(Some("one"))).then([]);
    first().when(set(Some("two"))).then([keys("two"), ended()]);
    let none = r#"{"keys":[]}"#;
    first().when(set(None)).then([keys(none), ended()]);
    let without = || Given::<Client>::events([registered(), keys("one"), keys(none)]);
    assert_eq!(without().state().jwks, None);
    without().when(set(None)).then([]);
}

#[test]
fn a_disabled_client_is_not_active_and_its_tokens_are_over() {
    let disabled = || ClientEvent::from(ClientDisabled {});
    let disable = || ClientCommand::Disable { note: None };
    Given::<Client>::events([registered()])
        .when(disable())
        .then([disabled(), ended()]);
    let given = || Given::<Client>::events([registered(), disabled(), ended()]);
    given().when(disable()).then([]);
    given()
        .when(ClientCommand::Enable)
        .then([ClientEnabled {}.into()]);
    let state = given().state();
    assert_eq!(state.active(), None);
    assert_eq!((state.epoch, state.min_epoch), (3, 3));
    let again = [registered(), disabled(), ended(), ClientEnabled {}.into()];
    let again = Given::<Client>::events(again);
    let state = again.state();
    assert_eq!(state.active(), Some(&profile(&["a", "b"])));
    // Enabling gives back no token of before.
    assert_eq!((state.epoch, state.min_epoch), (4, 3));
    Given::<Client>::events([registered()])
        .when(ClientCommand::Enable)
        .then([]);
}

#[test]
fn tokens_can_be_ended_alone() {
    Given::<Client>::events([registered()])
        .when(ClientCommand::EndTokens { note: None })
        .then([ended()]);
}
