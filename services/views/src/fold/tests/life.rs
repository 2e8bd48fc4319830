//! What becomes of an account and its sessions after their beginning.

use std::collections::BTreeMap;

use countersign_events::{
    Attempted, BindingBroken, Bound, Continued, EmailChanged, EmailVerified, Erased, FactorAdded,
    FactorDisabled, FactorKind, FactorRejected, FactorRemoved, RecoveryCodeUsed, RecoveryCodesSet,
    Reinstated, RolesChanged, SteppedUp, Suspended,
};

use super::*;
use crate::account::{FactorChange, Suspension};
use crate::history::Forget;

fn credential(n: u128) -> CredentialId {
    CredentialId::from_uuid(Uuid::from_u128(n))
}

/// One message of several events.
fn composite(sequence: u64, id: u128, events: Vec<AccountEvent>) -> Message {
    let events = events.into_iter().map(AnyEvent::Account).collect();
    message(sequence, account_id(id).uuid(), events)
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

fn attempted() -> Attempted {
    Attempted {
        account: account_id(1),
        epoch: 0,
        ip: sealed("192.0.2.7"),
        amr: vec!["pwd".into()],
        expires_at: at(60),
        forget_at: at(600),
    }
}

fn rejected() -> FactorRejected {
    FactorRejected {
        method: FactorKind::Totp,
        tries: 1,
    }
}

fn sequences(runs: &[Run]) -> Vec<Vec<u64>> {
    runs.iter()
        .map(|run| run.history.entries.iter().map(|row| row.sequence).collect())
        .collect()
}

#[test]
fn what_happens_to_a_new_account_is_in_its_one_row() {
    let disabled = FactorDisabled {
        kind: FactorKind::Password,
        credential: credential(1),
        failures: 100,
    };
    let used = RecoveryCodeUsed {
        credential: credential(6),
        index: 0,
        left: 9,
    };
    let changed = EmailChanged {
        email: sealed("ada@example.net"),
        previous: sealed("Ada@Example.com"),
    };
    let codes = RecoveryCodesSet {
        credential: credential(6),
        count: 10,
    };
    let roles = RolesChanged {
        roles: vec!["operator".into()],
        note: None,
    };
    let suspended = Suspended {
        note: Some(sealed("incident")),
    };
    let fold = fold(
        0,
        &[
            composite(1, 1, vec![registered().into(), EmailVerified {}.into()]),
            composite(2, 1, vec![added(FactorKind::Totp, 5), codes.into()]),
            account(3, 1, used),
            account(4, 1, disabled),
            account(5, 1, changed),
            account(6, 1, roles),
            composite(7, 1, vec![suspended.into(), sessions_ended().into()]),
        ],
    );
    let [row] = fold.run.accounts.created.as_slice() else {
        panic!("one row: {:?}", fold.run.accounts);
    };
    let values = &row.values;
    assert!(values.is_verified);
    assert_eq!(values.email.text(), Some("ada@example.net"));
    assert_eq!(
        values.roles.as_deref(),
        Some(["operator".into()].as_slice())
    );
    let totp = FactorChange::Is {
        kind: FactorKind::Totp,
        disabled: false,
    };
    assert_eq!(values.factors, BTreeMap::from([(credential(5), totp)]));
    assert_eq!(values.recovery_codes_left, Some(9));
    assert_eq!(values.password_disabled, Some(true));
    let note = Some("incident".to_owned());
    assert_eq!(values.suspension, Some(Suspension::Suspended { note }));
    assert_eq!(values.end.map(|end| end.sequence), Some(7));
    assert_eq!(row.sequence, 7);
}

#[test]
fn the_last_word_about_an_older_account_counts() {
    let disabled = FactorDisabled {
        kind: FactorKind::Passkey,
        credential: credential(5),
        failures: 100,
    };
    let fold = fold(
        9,
        &[
            account(10, 1, Suspended { note: None }),
            account(11, 1, Reinstated { note: None }),
            account(12, 1, disabled),
        ],
    );
    let [patch] = fold.run.accounts.patched.as_slice() else {
        panic!("one patch: {:?}", fold.run.accounts);
    };
    assert_eq!(patch.values.suspension, Some(Suspension::Lifted));
    assert_eq!(patch.values.email, TextChange::Kept);
    let disabled = FactorChange::Is {
        kind: FactorKind::Passkey,
        disabled: true,
    };
    assert_eq!(patch.values.factors[&credential(5)], disabled);
}

#[test]
fn what_depends_on_the_rows_is_a_run_by_itself() {
    let fold = fold(
        0,
        &[
            account(1, 1, registered()),
            session(2, 7, started(1)),
            account(3, 1, sessions_ended()),
            session(4, 7, Continued { epoch: 3 }),
            session(5, 7, ended(EndReason::Logout)),
            composite(
                6,
                1,
                vec![removed(FactorKind::Totp, 5), sessions_ended().into()],
            ),
            composite(7, 1, vec![Erased {}.into(), sessions_ended().into()]),
            session(8, 8, started(1)),
        ],
    );
    assert_eq!(
        sequences(&fold.before),
        [vec![1, 2, 3], vec![4], vec![5], vec![6, 6], vec![7, 7]]
    );
    assert_eq!(sequences(&[fold.run]), [vec![8]]);
    let continued: Vec<_> = fold.before.iter().map(|run| run.continued.len()).collect();
    assert_eq!(continued, [0, 1, 0, 0, 0]);
    assert_eq!(fold.before[1].continued[0].epoch, 3);
    let erased: Vec<_> = fold.before.iter().map(|run| run.erased.len()).collect();
    assert_eq!(erased, [0, 0, 0, 0, 1]);
    assert_eq!(fold.before[4].erased[0].account, account_id(1));
}

#[test]
fn an_attempt_has_no_row_and_what_completes_it_has() {
    let tried = fold(0, &[session(1, 7, attempted()), session(2, 7, rejected())]);
    assert!(tried.run.sessions.is_empty());
    let completed = fold(
        0,
        &[
            session(1, 7, attempted()),
            session(2, 7, rejected()),
            session(3, 7, started(0)),
        ],
    );
    let [row] = completed.run.sessions.created.as_slice() else {
        panic!("one row");
    };
    assert_eq!((row.started_sequence, row.started_at), (3, at(3)));
    let later = fold(2, &[session(3, 7, started(0))]);
    assert_eq!(later.run.sessions, completed.run.sessions);
}

#[test]
fn a_step_up_raises_a_new_session_and_an_older_one() {
    let raised = || SteppedUp {
        acr: Acr::Aal2,
        amr: vec!["pwd".into(), "otp".into()],
        auth_time: at(2),
        generation: 2,
    };
    let new = fold(0, &[session(1, 7, started(0)), session(2, 7, raised())]);
    let row = &new.run.sessions.created[0];
    assert_eq!((row.proof.acr, row.proof.auth_time), (Acr::Aal2, at(2)));
    assert_eq!((row.generation, row.seen.at), (2, at(1)), "not seen again");
    let older = fold(1, &[session(2, 7, raised())]);
    let patch = &older.run.sessions.patched[0];
    assert_eq!(patch.proof.as_ref(), Some(&row.proof));
    assert_eq!((patch.generation, &patch.seen), (Some(2), &None));
    assert!(!patch.ip.is_change());
}

#[test]
fn use_from_elsewhere_shows_in_a_new_session_and_an_older_one() {
    let away = || {
        let broken = BindingBroken {
            ip: sealed("198.51.100.9"),
            user_agent: Some(sealed("wget")),
        };
        let bound = Bound {
            binding: sealed("there"),
        };
        let mut message = session(2, 7, broken);
        message.events.push(AnyEvent::Session(bound.into()));
        message.events.push(AnyEvent::Session(refreshed(2).into()));
        message
    };
    let new = fold(0, &[session(1, 7, started(0)), away()]);
    let row = &new.run.sessions.created[0];
    assert_eq!(row.elsewhere_at, Some(at(2)));
    assert_eq!(row.user_agent.as_deref(), Some("wget"));
    assert_eq!(row.ip.as_deref(), Some("198.51.100.9"));
    let older = fold(1, &[away()]);
    let patch = &older.run.sessions.patched[0];
    assert_eq!(patch.elsewhere_at, Some(at(2)));
    assert_eq!(
        (patch.user_agent.text(), patch.generation),
        (Some("wget"), Some(2))
    );
}

#[test]
fn a_history_says_what_happened_and_nothing_that_is_sealed() {
    let fold = fold(
        0,
        &[
            composite(1, 1, vec![registered().into(), EmailVerified {}.into()]),
            session(2, 7, attempted()),
            session(3, 7, rejected()),
            session(4, 7, started(1)),
            session(5, 7, refreshed(2)),
            session(6, 7, ended(EndReason::Logout)),
        ],
    );
    let rows: Vec<_> = fold
        .run
        .history
        .entries
        .iter()
        .map(|row| (row.sequence, row.index, row.noun, row.name, row.forget))
        .collect();
    assert_eq!(
        rows,
        [
            (1, 0, "account", "registered", Forget::Never),
            (1, 1, "account", "email_verified", Forget::Never),
            (2, 0, "session", "attempted", Forget::At(at(600))),
            (3, 0, "session", "factor_rejected", Forget::WithAttempt),
            (4, 0, "session", "started", Forget::At(at(2_000))),
            (6, 0, "session", "ended", Forget::WithSession),
        ]
    );
    let entry = &fold.run.history.entries[0];
    assert_eq!(entry.subject, account_id(1).uuid());
    assert_eq!(
        (entry.account, entry.actor),
        (Some(account_id(1)), Some(account_id(1)))
    );
}
