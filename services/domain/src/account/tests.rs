use core::time::Duration;

use countersign_events::{
    Abandoned, AccountEvent, CredentialId, CredentialKind, CredentialSet, EmailVerified, EndReason,
    ProfileChanged, Registered, Sealed, SessionsEnded, Timestamp, VerificationRequested,
};
use uuid::Uuid;

use super::{Account, AccountCommand, AccountRefusal, Request};
use crate::testing::{Given, START};

mod factors;
mod requests;
mod standing;

fn sealed(text: &str) -> Sealed {
    Sealed::from_bytes(text.as_bytes().to_vec())
}

fn credential(n: u128) -> CredentialId {
    CredentialId::from_uuid(Uuid::from_u128(n))
}

fn registered() -> AccountEvent {
    Registered {
        email: sealed("email"),
        display_name: None,
        roles: vec!["user".into()],
    }
    .into()
}

fn password(n: u128) -> AccountEvent {
    CredentialSet {
        kind: CredentialKind::Password,
        credential: credential(n),
    }
    .into()
}

fn register() -> AccountCommand {
    AccountCommand::Register {
        email: sealed("email"),
        display_name: None,
        roles: vec!["user".into()],
        password: credential(1),
        verification: None,
        device: None,
    }
}

/// A moment of the story, far beyond the seconds of its events.
fn minute(n: u64) -> Timestamp {
    START.plus(Duration::from_mins(n))
}

/// A request that is open until the end of its minute.
fn request(n: u128, until: u64) -> Request {
    Request {
        id: credential(n),
        expires_at: minute(until),
    }
}

fn verified() -> AccountEvent {
    EmailVerified {}.into()
}

fn sessions_ended(reason: EndReason) -> AccountEvent {
    SessionsEnded { reason }.into()
}

/// An account with the first password and the given events after it.
fn account(after: impl IntoIterator<Item = AccountEvent>) -> Given<Account> {
    let born = [registered(), password(1), verified()];
    Given::events(born.into_iter().chain(after))
}

#[test]
fn an_unused_id_becomes_an_account_with_its_password_in_one_decision() {
    Given::<Account>::nothing()
        .when(register())
        .then([registered(), password(1), verified()]);
}

#[test]
fn an_address_that_is_not_taken_for_proven_is_to_be_proven() {
    let AccountCommand::Register {
        email,
        display_name,
        roles,
        password: hash,
        ..
    } = register()
    else {
        panic!("a registration")
    };
    let asked = VerificationRequested {
        request: credential(9),
        expires_at: minute(60),
    };
    Given::<Account>::nothing()
        .when(AccountCommand::Register {
            email,
            display_name,
            roles,
            password: hash,
            verification: Some(request(9, 60)),
            device: None,
        })
        .then([registered(), password(1), asked.clone().into()]);
    let state = Given::<Account>::events([registered(), password(1), asked.into()]).state();
    assert!(state.is_active() && !state.email_verified);
    assert_eq!(state.verification, Some(request(9, 60)));
}

#[test]
fn an_id_is_registered_once() {
    Given::<Account>::events([registered(), password(1)])
        .when(register())
        .refused(AccountRefusal::Exists);
}

#[test]
fn nothing_but_registering_or_abandoning_works_on_an_unused_id() {
    for command in [
        AccountCommand::SetDisplayName { display_name: None },
        AccountCommand::EndSessions {
            reason: EndReason::LogoutAll,
            note: None,
        },
        AccountCommand::Rehash {
            replaces: credential(1),
            password: credential(2),
        },
        AccountCommand::RequestReset(request(9, 60)),
        AccountCommand::Suspend { note: None },
        AccountCommand::Reinstate { note: None },
        AccountCommand::Erase,
        AccountCommand::Factor(super::FactorCommand::Reset { note: None }),
    ] {
        Given::<Account>::nothing()
            .when(command.clone())
            .refused(AccountRefusal::Unknown);
        Given::<Account>::events([Abandoned {}.into()])
            .when(command)
            .refused(AccountRefusal::Unknown);
    }
}

#[test]
fn an_abandoned_id_never_becomes_an_account() {
    Given::<Account>::nothing()
        .when(AccountCommand::Abandon)
        .then([Abandoned {}.into()]);
    Given::<Account>::events([Abandoned {}.into()])
        .when(register())
        .refused(AccountRefusal::Abandoned);
    Given::<Account>::events([Abandoned {}.into()])
        .when(AccountCommand::Abandon)
        .then([]);
}

#[test]
fn an_account_cannot_be_abandoned() {
    Given::<Account>::events([registered(), password(1)])
        .when(AccountCommand::Abandon)
        .refused(AccountRefusal::Exists);
}

#[test]
fn a_rehash_yields_to_a_newer_password() {
    let stale = AccountCommand::Rehash {
        replaces: credential(1),
        password: credential(3),
    };
    Given::<Account>::events([registered(), password(1), password(2)])
        .when(stale.clone())
        .then([]);
    Given::<Account>::events([registered(), password(1)])
        .when(stale)
        .then([password(3)]);
}

#[test]
fn ending_sessions_raises_the_minimum_epoch_to_its_own_sequence() {
    let account = Given::<Account>::events([
        registered(),
        password(1),
        SessionsEnded {
            reason: EndReason::LogoutAll,
        }
        .into(),
    ])
    .state();
    assert_eq!(account.min_epoch, 3);
    assert_eq!(account.standing().epoch, 3);
    let later = Given::<Account>::events([
        registered(),
        SessionsEnded {
            reason: EndReason::LogoutAll,
        }
        .into(),
        ProfileChanged { display_name: None }.into(),
    ])
    .state();
    assert_eq!((later.min_epoch, later.epoch), (2, 3));
}

#[test]
fn a_cleared_name_is_gone() {
    let account = Given::<Account>::events([
        registered(),
        ProfileChanged {
            display_name: Some(sealed("Ada")),
        }
        .into(),
        ProfileChanged { display_name: None }.into(),
    ])
    .state();
    assert_eq!(account.display_name, None);
}
