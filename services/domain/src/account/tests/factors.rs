//! Second factors and recovery codes.

use countersign_events::{
    ChallengeFailed, FactorAdded, FactorDisabled, FactorKind, FactorOffered, FactorRemoved,
    FactorRenamed, RecoveryCodeUsed, RecoveryCodesSet, SessionId,
};

use super::super::{FactorCommand, MOST_FACTORS};
use super::*;

use FactorKind::{Passkey, Password, RecoveryCode, Totp};

fn put(command: FactorCommand) -> AccountCommand {
    AccountCommand::Factor(command)
}

fn offer(kind: FactorKind, n: u128) -> AccountCommand {
    put(FactorCommand::Offer {
        kind,
        credential: credential(n),
        now: START,
        expires_at: minute(10),
    })
}

fn offered(kind: FactorKind, n: u128) -> AccountEvent {
    FactorOffered {
        kind,
        credential: credential(n),
        expires_at: minute(10),
    }
    .into()
}

fn confirm_at(n: u128, now: Timestamp) -> AccountCommand {
    put(FactorCommand::Confirm {
        credential: credential(n),
        now,
        name: None,
        recovery_codes: (credential(99), 10),
    })
}

fn confirm(n: u128) -> AccountCommand {
    confirm_at(n, minute(1))
}

fn added(kind: FactorKind, n: u128) -> AccountEvent {
    FactorAdded {
        kind,
        credential: credential(n),
        name: None,
    }
    .into()
}

fn removed(kind: FactorKind, n: u128) -> AccountEvent {
    FactorRemoved {
        kind,
        credential: credential(n),
    }
    .into()
}

fn remove(n: u128) -> AccountCommand {
    put(FactorCommand::Remove {
        credential: credential(n),
    })
}

fn codes_set(n: u128) -> AccountEvent {
    RecoveryCodesSet {
        credential: credential(n),
        count: 10,
    }
    .into()
}

fn code_used(index: u8, left: u8) -> AccountEvent {
    RecoveryCodeUsed {
        credential: credential(99),
        index,
        left,
    }
    .into()
}

fn use_code(n: u128, index: u8) -> AccountCommand {
    put(FactorCommand::UseRecoveryCode {
        credential: credential(n),
        index,
    })
}

fn disable(kind: FactorKind, n: u128) -> AccountCommand {
    put(FactorCommand::Disable {
        kind,
        credential: credential(n),
        failures: 100,
    })
}

fn disabled(kind: FactorKind, n: u128) -> AccountEvent {
    FactorDisabled {
        kind,
        credential: credential(n),
        failures: 100,
    }
    .into()
}

fn changed() -> AccountEvent {
    sessions_ended(EndReason::FactorChanged)
}

/// An account with a code generator, 5, and its recovery codes, 99.
fn protected(after: impl IntoIterator<Item = AccountEvent>) -> Given<Account> {
    let factor = [offered(Totp, 5), added(Totp, 5), codes_set(99), changed()];
    account(factor.into_iter().chain(after))
}

#[test]
fn a_first_factor_is_offered_confirmed_and_comes_with_recovery_codes() {
    account([]).when(offer(Totp, 5)).then([offered(Totp, 5)]);
    account([offered(Totp, 5)])
        .when(confirm(5))
        .then([added(Totp, 5), codes_set(99), changed()]);
    let state = account([offered(Totp, 5)]).state();
    assert!(!state.needs_factor(), "an offer is no factor");
    assert!(protected([]).state().standing().needs_factor);
}

#[test]
fn a_further_factor_leaves_the_recovery_codes() {
    protected([offered(Passkey, 6)])
        .when(confirm(6))
        .then([added(Passkey, 6), changed()]);
}

#[test]
fn only_the_newest_offer_is_confirmed_once_and_before_its_end() {
    account([])
        .when(confirm(5))
        .refused(AccountRefusal::NoSuchFactor);
    account([offered(Totp, 4), offered(Totp, 5)])
        .when(confirm(4))
        .refused(AccountRefusal::NoSuchFactor);
    account([offered(Totp, 5)])
        .when(confirm_at(5, minute(10)))
        .refused(AccountRefusal::NoSuchFactor);
    let last = Timestamp::from_millis(minute(10).as_millis() - 1);
    account([offered(Totp, 5)]).when(confirm_at(5, last)).then([
        added(Totp, 5),
        codes_set(99),
        changed(),
    ]);
    protected([])
        .when(confirm(5))
        .refused(AccountRefusal::NoSuchFactor);
}

#[test]
fn there_is_one_code_generator_that_is_believed() {
    protected([])
        .when(offer(Totp, 6))
        .refused(AccountRefusal::FactorExists);
    // The offer was made before the other one was confirmed.
    account([added(Totp, 5), offered(Totp, 6)])
        .when(confirm(6))
        .refused(AccountRefusal::FactorExists);
    protected([disabled(Totp, 5)])
        .when(offer(Totp, 6))
        .then([offered(Totp, 6)]);
    protected([disabled(Totp, 5), offered(Totp, 6)])
        .when(confirm(6))
        .then([added(Totp, 6), changed()]);
    protected([added(Passkey, 6)])
        .when(offer(Passkey, 7))
        .then([offered(Passkey, 7)]);
}

#[test]
fn an_account_has_only_so_many_factors() {
    let most = u128::try_from(MOST_FACTORS).expect("few");
    let all = |count| (0..count).map(|n| added(Passkey, 10 + n));
    account(all(most - 1))
        .when(offer(Passkey, 5))
        .then([offered(Passkey, 5)]);
    account(all(most))
        .when(offer(Passkey, 5))
        .refused(AccountRefusal::TooManyFactors);
    account(
        all(most - 1)
            .chain([offered(Passkey, 5)])
            .chain([added(Passkey, 50)]),
    )
    .when(confirm(5))
    .refused(AccountRefusal::NoSuchFactor);
}

#[test]
fn a_factor_is_renamed_by_its_id() {
    let name = || Some(sealed("phone"));
    let rename = |n| {
        put(FactorCommand::Rename {
            credential: credential(n),
            name: name(),
        })
    };
    let renamed = AccountEvent::from(FactorRenamed {
        credential: credential(5),
        name: name(),
    });
    protected([]).when(rename(5)).then([renamed.clone()]);
    protected([])
        .when(rename(6))
        .refused(AccountRefusal::NoSuchFactor);
    let state = protected([added(Passkey, 6), renamed]).state();
    let names: Vec<_> = state
        .factors
        .iter()
        .map(|factor| factor.name.as_ref().map(|name| name.value.clone()))
        .collect();
    assert_eq!(names, [name(), None]);
}

#[test]
fn removing_a_factor_ends_every_session_and_the_last_takes_the_codes_along() {
    protected([])
        .when(remove(5))
        .then([removed(Totp, 5), changed()]);
    protected([])
        .when(remove(6))
        .refused(AccountRefusal::NoSuchFactor);
    let two = protected([added(Passkey, 6), removed(Totp, 5)]).state();
    assert!(two.needs_factor() && two.recovery.is_some());
    let none = protected([removed(Totp, 5)]).state();
    assert!(!none.needs_factor() && none.recovery.is_none());
    protected([removed(Totp, 5), offered(Passkey, 6)])
        .when(confirm(6))
        .then([added(Passkey, 6), codes_set(99), changed()]);
}

#[test]
fn an_operator_removes_them_all_at_once() {
    protected([added(Passkey, 6)])
        .when(put(FactorCommand::Reset { note: None }))
        .then([removed(Totp, 5), removed(Passkey, 6), changed()]);
    account([])
        .when(put(FactorCommand::Reset { note: None }))
        .then([]);
}

#[test]
fn recovery_codes_are_replaced_only_where_there_is_a_factor() {
    let set = put(FactorCommand::SetRecoveryCodes {
        credential: credential(98),
        count: 10,
    });
    protected([]).when(set.clone()).then([codes_set(98)]);
    account([]).when(set).refused(AccountRefusal::NoSuchFactor);
}

#[test]
fn a_recovery_code_is_used_once_and_counts_down() {
    protected([]).when(use_code(99, 0)).then([code_used(0, 9)]);
    protected([code_used(0, 9)])
        .when(use_code(99, 0))
        .refused(AccountRefusal::CodeSpent);
    protected([code_used(0, 9)])
        .when(use_code(99, 9))
        .then([code_used(9, 8)]);
    for index in [10, 31, 32, u8::MAX] {
        protected([])
            .when(use_code(99, index))
            .refused(AccountRefusal::CodeSpent);
    }
}

#[test]
fn a_code_of_another_set_is_none() {
    protected([])
        .when(use_code(98, 0))
        .refused(AccountRefusal::CodeSpent);
    protected([codes_set(98)])
        .when(use_code(99, 0))
        .refused(AccountRefusal::CodeSpent);
    account([])
        .when(use_code(99, 0))
        .refused(AccountRefusal::CodeSpent);
    let state = protected([codes_set(98), code_used(0, 9)]).state();
    assert_eq!(state.recovery.map(|set| set.left()), Some(10));
}

#[test]
fn what_failed_too_often_is_disabled_once() {
    for (kind, n) in [(Totp, 5), (Password, 1), (RecoveryCode, 99)] {
        protected([])
            .when(disable(kind, n))
            .then([disabled(kind, n)]);
        protected([disabled(kind, n)])
            .when(disable(kind, n))
            .then([]);
        protected([]).when(disable(kind, 77)).then([]);
    }
}

#[test]
fn what_is_disabled_still_counts_and_is_not_believed() {
    let state = protected([
        disabled(Totp, 5),
        disabled(Password, 1),
        disabled(RecoveryCode, 99),
    ])
    .state();
    assert!(state.needs_factor(), "else failing would be a way round it");
    assert_eq!(state.live_factors(Totp).count(), 0);
    assert!(state.password_disabled && state.recovery.is_some_and(|set| set.disabled));
    let state = protected([
        disabled(Password, 1),
        disabled(RecoveryCode, 99),
        password(2),
        codes_set(98),
    ])
    .state();
    assert!(!state.password_disabled, "it was set anew");
    assert!(state.recovery.is_some_and(|set| !set.disabled));
}

#[test]
fn a_failure_is_noted_once_for_each_sign_in() {
    let session = |n| SessionId::from_uuid(Uuid::from_u128(n));
    let note = |n, method| {
        put(FactorCommand::NoteFailure {
            session: session(n),
            method,
            ip: sealed("ip"),
        })
    };
    let noted = |n| {
        AccountEvent::from(ChallengeFailed {
            session: session(n),
            method: Totp,
            ip: sealed("ip"),
        })
    };
    protected([]).when(note(1, Totp)).then([noted(1)]);
    protected([noted(1)]).when(note(1, Passkey)).then([]);
    protected([noted(1)]).when(note(2, Totp)).then([noted(2)]);
}

#[test]
fn an_account_refers_to_what_is_live_and_to_nothing_else() {
    let state = protected([added(Passkey, 6), offered(Passkey, 7)]).state();
    for n in [1, 5, 6, 7, 99] {
        assert!(state.refers_to(credential(n)), "{n}");
    }
    let state = protected([
        removed(Totp, 5),
        password(2),
        offered(Passkey, 7),
        offered(Passkey, 8),
    ])
    .state();
    for n in [1, 5, 7, 99] {
        assert!(!state.refers_to(credential(n)), "{n}");
    }
    assert!(state.refers_to(credential(2)) && state.refers_to(credential(8)));
}
