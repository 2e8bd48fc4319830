//! What a token in a mail opens.

use countersign_events::{
    EmailChangeRequested, EmailChanged, PasswordResetRequested, Reinstated, Suspended,
};

use super::*;

fn reset_asked(n: u128) -> AccountEvent {
    PasswordResetRequested {
        request: credential(n),
        expires_at: minute(60),
    }
    .into()
}

fn verification_asked(n: u128) -> AccountEvent {
    VerificationRequested {
        request: credential(n),
        expires_at: minute(60),
    }
    .into()
}

fn change_asked(n: u128) -> AccountEvent {
    EmailChangeRequested {
        request: credential(n),
        email: sealed("other"),
        expires_at: minute(60),
    }
    .into()
}

fn changed() -> AccountEvent {
    EmailChanged {
        email: sealed("other"),
        previous: sealed("email"),
    }
    .into()
}

fn reset(n: u128, at: Timestamp) -> AccountCommand {
    AccountCommand::ResetPassword {
        request: credential(n),
        now: at,
        password: credential(2),
    }
}

fn verify(n: u128, at: Timestamp) -> AccountCommand {
    AccountCommand::VerifyEmail {
        request: credential(n),
        now: at,
    }
}

fn change(n: u128, at: Timestamp) -> AccountCommand {
    AccountCommand::ChangeEmail {
        request: credential(n),
        now: at,
        email: sealed("other"),
        previous: sealed("email"),
    }
}

fn was_reset() -> [AccountEvent; 2] {
    [password(2), sessions_ended(EndReason::PasswordReset)]
}

#[test]
fn a_forgotten_password_is_set_anew_and_ends_every_session() {
    account([])
        .when(AccountCommand::RequestReset(request(9, 60)))
        .then([reset_asked(9)]);
    account([reset_asked(9)])
        .when(reset(9, minute(1)))
        .then(was_reset());
}

#[test]
fn who_got_the_mail_has_the_address() {
    let [set, ended] = was_reset();
    Given::<Account>::events([registered(), password(1), reset_asked(9)])
        .when(reset(9, minute(1)))
        .then([set, ended, verified()]);
}

/// Each kind of token with what asks for it and what it opens.
type Opening = (
    fn(u128) -> AccountEvent,
    fn(u128, Timestamp) -> AccountCommand,
);

const OPENINGS: [Opening; 3] = [
    (reset_asked, reset),
    (verification_asked, verify),
    (change_asked, change),
];

#[test]
fn only_the_newest_token_opens_and_only_before_its_end() {
    let last = Timestamp::from_millis(minute(60).as_millis() - 1);
    for (asked, open) in OPENINGS {
        account([])
            .when(open(9, minute(1)))
            .refused(AccountRefusal::RequestClosed);
        account([asked(8), asked(9)])
            .when(open(8, minute(1)))
            .refused(AccountRefusal::RequestClosed);
        account([asked(9)])
            .when(open(9, minute(60)))
            .refused(AccountRefusal::RequestClosed);
        let answer = crate::Aggregate::decide(&account([asked(9)]).state(), &open(9, last));
        assert!(answer.is_ok(), "{answer:?}");
    }
}

#[test]
fn a_token_is_of_one_kind() {
    for (asked, _) in OPENINGS {
        for (other, open) in OPENINGS {
            if asked(9) != other(9) {
                account([asked(9)])
                    .when(open(9, minute(1)))
                    .refused(AccountRefusal::RequestClosed);
            }
        }
    }
}

#[test]
fn a_token_is_used_once() {
    let [set, ended] = was_reset();
    account([reset_asked(9), set, ended])
        .when(reset(9, minute(1)))
        .refused(AccountRefusal::RequestClosed);
    account([verification_asked(9), verified()])
        .when(verify(9, minute(1)))
        .refused(AccountRefusal::RequestClosed);
    account([change_asked(9), changed()])
        .when(change(9, minute(1)))
        .refused(AccountRefusal::RequestClosed);
}

#[test]
fn a_reset_is_closed_by_another_password_another_address_and_a_suspension() {
    let suspended = AccountEvent::from(Suspended { note: None });
    let reinstated = AccountEvent::from(Reinstated { note: None });
    for between in [
        vec![password(3)],
        vec![change_asked(8), changed()],
        vec![suspended, reinstated],
    ] {
        let events = [reset_asked(9)].into_iter().chain(between);
        account(events)
            .when(reset(9, minute(1)))
            .refused(AccountRefusal::RequestClosed);
    }
}

#[test]
fn an_address_is_proven_once_asked_for() {
    Given::<Account>::events([registered(), password(1)])
        .when(AccountCommand::RequestVerification(request(9, 60)))
        .then([verification_asked(9)]);
    Given::<Account>::events([registered(), password(1), verification_asked(9)])
        .when(verify(9, minute(1)))
        .then([verified()]);
    account([])
        .when(AccountCommand::RequestVerification(request(9, 60)))
        .then([]);
}

#[test]
fn another_address_is_asked_for_and_then_proven() {
    account([])
        .when(AccountCommand::RequestEmailChange {
            request: request(9, 60),
            email: sealed("other"),
        })
        .then([change_asked(9)]);
    account([change_asked(9)])
        .when(change(9, minute(1)))
        .then([changed()]);
    let events = [
        registered(),
        verification_asked(7),
        change_asked(9),
        changed(),
    ];
    let state = Given::<Account>::events(events).state();
    assert!(state.email_verified, "its token came to the new address");
    let email = state.email.as_ref().expect("an address");
    assert_eq!(email.value, sealed("other"));
    assert_eq!((state.verification, state.email_change), (None, None));
}

#[test]
fn a_proof_of_the_address_before_proves_nothing_of_the_next() {
    account([verification_asked(9), change_asked(8), changed()])
        .when(verify(9, minute(1)))
        .refused(AccountRefusal::RequestClosed);
}

#[test]
fn a_changed_password_ends_every_session_and_yields_to_none() {
    let command = AccountCommand::ChangePassword {
        replaces: credential(1),
        password: credential(2),
    };
    account([])
        .when(command.clone())
        .then([password(2), sessions_ended(EndReason::PasswordChanged)]);
    account([password(3)])
        .when(command)
        .refused(AccountRefusal::Changed);
}

#[test]
fn a_change_of_address_that_was_asked_for_ends_with_the_sessions_of_its_time() {
    for reason in [EndReason::PasswordReset, EndReason::LogoutAll] {
        account([change_asked(9), sessions_ended(reason)])
            .when(change(9, minute(1)))
            .refused(AccountRefusal::RequestClosed);
    }
}
