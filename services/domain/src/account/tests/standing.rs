//! Suspended, reinstated, other roles, forgotten; and devices.

use countersign_events::{
    DeviceAdded, Erased, FactorAdded, FactorDisabled, FactorKind, FactorRemoved, Noted, Reinstated,
    RolesChanged, SessionId, Suspended,
};

use super::super::{FactorCommand, MOST_DEVICES, NewDevice};
use super::*;

fn suspended() -> AccountEvent {
    Suspended { note: None }.into()
}

fn reinstated() -> AccountEvent {
    Reinstated { note: None }.into()
}

fn erased() -> AccountEvent {
    Erased {}.into()
}

fn noted() -> AccountEvent {
    Noted {
        note: sealed("note"),
    }
    .into()
}

fn set_roles(roles: &[&str]) -> AccountCommand {
    AccountCommand::SetRoles {
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        note: Some(sealed("note")),
    }
}

fn session(n: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(n))
}

fn device(n: u128) -> NewDevice {
    NewDevice {
        session: session(n),
        ip: sealed("ip"),
        user_agent: None,
    }
}

fn device_added(n: u128) -> AccountEvent {
    DeviceAdded {
        session: session(n),
        ip: sealed("ip"),
        user_agent: None,
    }
    .into()
}

fn add_device() -> AccountCommand {
    AccountCommand::AddDevice(device(1))
}

/// What a person can ask, who must not be suspended or forgotten.
fn by_the_person() -> Vec<AccountCommand> {
    let factor = |command| AccountCommand::Factor(command);
    vec![
        AccountCommand::Rehash {
            replaces: credential(1),
            password: credential(2),
        },
        AccountCommand::ChangePassword {
            replaces: credential(1),
            password: credential(2),
        },
        AccountCommand::RequestReset(request(9, 60)),
        AccountCommand::ResetPassword {
            request: credential(9),
            now: START,
            password: credential(2),
        },
        AccountCommand::RequestVerification(request(9, 60)),
        AccountCommand::VerifyEmail {
            request: credential(9),
            now: START,
        },
        AccountCommand::RequestEmailChange {
            request: request(9, 60),
            email: sealed("other"),
        },
        AccountCommand::ChangeEmail {
            request: credential(9),
            now: START,
            email: sealed("other"),
            previous: sealed("email"),
        },
        AccountCommand::SetDisplayName { display_name: None },
        add_device(),
        factor(FactorCommand::Offer {
            kind: FactorKind::Totp,
            credential: credential(5),
            now: START,
            expires_at: minute(10),
        }),
        factor(FactorCommand::Confirm {
            credential: credential(5),
            now: START,
            name: None,
            recovery_codes: (credential(6), 10),
        }),
        factor(FactorCommand::Rename {
            credential: credential(5),
            name: None,
        }),
        factor(FactorCommand::Remove {
            credential: credential(5),
        }),
        factor(FactorCommand::SetRecoveryCodes {
            credential: credential(6),
            count: 10,
        }),
        factor(FactorCommand::UseRecoveryCode {
            credential: credential(6),
            index: 0,
        }),
        factor(FactorCommand::NoteFailure {
            session: session(1),
            method: FactorKind::Totp,
            ip: sealed("ip"),
        }),
    ]
}

#[test]
fn a_suspension_ends_every_session_and_is_made_once() {
    let suspend = AccountCommand::Suspend {
        note: Some(sealed("note")),
    };
    let noted = AccountEvent::from(Suspended {
        note: Some(sealed("note")),
    });
    account([])
        .when(suspend.clone())
        .then([noted, sessions_ended(EndReason::Suspended)]);
    account([suspended()]).when(suspend).then([]);
    let state = account([suspended()]).state();
    assert!(state.exists() && state.is_suspended() && !state.standing().active);
}

#[test]
fn a_suspended_person_can_do_nothing() {
    for command in by_the_person() {
        account([suspended()])
            .when(command)
            .refused(AccountRefusal::Suspended);
    }
}

#[test]
fn an_operator_can_do_all_to_a_suspended_account() {
    let with_factor = || {
        let factor = FactorAdded {
            kind: FactorKind::Totp,
            credential: credential(5),
            name: None,
        };
        account([factor.into(), suspended()])
    };
    with_factor()
        .when(AccountCommand::EndSessions {
            reason: EndReason::RevokedByOperator,
            note: Some(sealed("note")),
        })
        .then([noted(), sessions_ended(EndReason::RevokedByOperator)]);
    with_factor()
        .when(AccountCommand::Erase)
        .then([erased(), sessions_ended(EndReason::Erased)]);
    let removed = FactorRemoved {
        kind: FactorKind::Totp,
        credential: credential(5),
    };
    with_factor()
        .when(AccountCommand::Factor(FactorCommand::Reset {
            note: Some(sealed("note")),
        }))
        .then([
            removed.into(),
            noted(),
            sessions_ended(EndReason::FactorChanged),
        ]);
    let disabled = FactorDisabled {
        kind: FactorKind::Password,
        credential: credential(1),
        failures: 100,
    };
    with_factor()
        .when(AccountCommand::Factor(FactorCommand::Disable {
            kind: FactorKind::Password,
            credential: credential(1),
            failures: 100,
        }))
        .then([disabled.into()]);
    for command in [register(), AccountCommand::Abandon] {
        with_factor().when(command).refused(AccountRefusal::Exists);
    }
}

#[test]
fn who_is_reinstated_may_have_sessions_again_but_not_those_of_before() {
    let reinstate = AccountCommand::Reinstate { note: None };
    account([suspended()])
        .when(reinstate.clone())
        .then([reinstated()]);
    account([]).when(reinstate).then([]);
    let ended = sessions_ended(EndReason::Suspended);
    let state = account([suspended(), ended, reinstated()]).state();
    let standing = state.standing();
    assert_eq!((standing.active, standing.min_epoch), (true, 5));
}

#[test]
fn other_roles_end_every_session() {
    let changed = AccountEvent::from(RolesChanged {
        roles: vec!["user".into(), "operator".into()],
        note: Some(sealed("note")),
    });
    for before in [vec![], vec![suspended()]] {
        account(before)
            .when(set_roles(&["user", "operator"]))
            .then([changed.clone(), sessions_ended(EndReason::RolesChanged)]);
    }
    account([]).when(set_roles(&["user"])).then([]);
    account([changed])
        .when(set_roles(&["user", "operator"]))
        .then([]);
}

#[test]
fn a_forgotten_person_stays_forgotten() {
    account([])
        .when(AccountCommand::Erase)
        .then([erased(), sessions_ended(EndReason::Erased)]);
    account([erased()]).when(AccountCommand::Erase).then([]);
    for command in [register(), AccountCommand::Abandon] {
        account([erased()])
            .when(command)
            .refused(AccountRefusal::Exists);
    }
    let mut others = by_the_person();
    others.extend([
        AccountCommand::Suspend { note: None },
        AccountCommand::Reinstate { note: None },
        set_roles(&["operator"]),
        AccountCommand::EndSessions {
            reason: EndReason::LogoutAll,
            note: None,
        },
        AccountCommand::Factor(FactorCommand::Reset { note: None }),
        AccountCommand::Factor(FactorCommand::Disable {
            kind: FactorKind::Password,
            credential: credential(1),
            failures: 100,
        }),
    ]);
    for command in others {
        account([erased()])
            .when(command)
            .refused(AccountRefusal::Erased);
    }
}

#[test]
fn nothing_is_left_of_a_forgotten_person_but_that_and_when() {
    let state = account([erased(), sessions_ended(EndReason::Erased)]).state();
    assert!(state.is_erased() && !state.exists() && !state.is_active());
    assert_eq!((state.min_epoch, state.epoch), (5, 5));
    assert_eq!((&state.email, &state.password), (&None, &None));
    assert!(state.roles.is_empty() && !state.refers_to(credential(1)));
    assert_eq!(state.created_at, START);
}

#[test]
fn a_new_device_is_noted() {
    account([]).when(add_device()).then([device_added(1)]);
    let AccountCommand::Register {
        email,
        display_name,
        roles,
        password: hash,
        verification,
        ..
    } = register()
    else {
        panic!("a registration")
    };
    Given::<Account>::nothing()
        .when(AccountCommand::Register {
            email,
            display_name,
            roles,
            password: hash,
            verification,
            device: Some(device(1)),
        })
        .then([registered(), password(1), verified(), device_added(1)]);
}

#[test]
fn only_the_newest_devices_are_known() {
    let most = u128::try_from(MOST_DEVICES).expect("few");
    let state = account((0..=most).map(device_added)).state();
    assert_eq!(state.devices.len(), MOST_DEVICES);
    let messages: Vec<u128> = state
        .devices
        .iter()
        .map(|device| device.ip.message.uuid().as_u128())
        .collect();
    // Three messages made the account, and the first device after them went.
    assert_eq!(messages.first(), Some(&5));
    assert_eq!(messages.last(), Some(&(4 + most)));
}

#[test]
fn what_an_owner_asks_is_refused_if_their_sessions_were_ended_meanwhile() {
    let ended: AccountEvent = SessionsEnded {
        reason: EndReason::LogoutAll,
    }
    .into();
    let asks = |epoch, command| AccountCommand::AsOwner {
        epoch,
        command: Box::new(command),
    };
    for command in by_the_person() {
        Given::<Account>::events([registered(), password(1), ended.clone()])
            .when(asks(2, command))
            .refused(AccountRefusal::Fenced);
    }
    // The one that ended the others has the epoch of that.
    Given::<Account>::events([registered(), password(1), ended])
        .when(asks(
            3,
            AccountCommand::EndSessions {
                reason: EndReason::LogoutAll,
                note: None,
            },
        ))
        .then([SessionsEnded {
            reason: EndReason::LogoutAll,
        }
        .into()]);
}
