use countersign_events::{
    Abandoned, ChallengeFailed, CredentialId, CredentialSet, DeviceAdded, EmailChangeRequested,
    EmailChanged, EmailVerified, Erased, FactorAdded, FactorDisabled, FactorKind, FactorOffered,
    FactorRemoved, FactorRenamed, Noted, PasswordResetRequested, ProfileChanged, RecoveryCodeUsed,
    RecoveryCodesSet, Registered, Reinstated, RolesChanged, Sealed, SessionId, SessionsEnded,
    Suspended, Timestamp, VerificationRequested,
};
use uuid::Uuid;

use super::*;

const EXPIRES: Timestamp = Timestamp::from_millis(1_780_000_000_000);

fn sealed(text: &str) -> Sealed {
    Sealed::from_bytes(text.as_bytes().to_vec())
}

fn id() -> CredentialId {
    CredentialId::from_uuid(Uuid::from_u128(7))
}

fn ended(reason: EndReason) -> AccountEvent {
    SessionsEnded { reason }.into()
}

fn password() -> AccountEvent {
    CredentialSet {
        kind: CredentialKind::Password,
        credential: id(),
    }
    .into()
}

fn registered() -> AccountEvent {
    Registered {
        email: sealed("email"),
        display_name: None,
        roles: Vec::new(),
    }
    .into()
}

fn verification() -> AccountEvent {
    VerificationRequested {
        request: id(),
        expires_at: EXPIRES,
    }
    .into()
}

fn removed() -> AccountEvent {
    FactorRemoved {
        kind: FactorKind::Totp,
        credential: id(),
    }
    .into()
}

fn codes() -> AccountEvent {
    RecoveryCodesSet {
        credential: id(),
        count: 10,
    }
    .into()
}

fn added() -> AccountEvent {
    FactorAdded {
        kind: FactorKind::Passkey,
        credential: id(),
        name: None,
    }
    .into()
}

fn device() -> AccountEvent {
    DeviceAdded {
        session: SessionId::from_uuid(Uuid::from_u128(8)),
        ip: sealed("ip"),
        user_agent: None,
    }
    .into()
}

/// The mails of a message as `kind>recipient`.
#[track_caller]
fn causes(events: &[AccountEvent], expected: &[&str]) {
    let found: Vec<String> = plan(events)
        .iter()
        .map(|mail| format!("{}>{}", mail.kind.word(), mail.to.word()))
        .collect();
    assert_eq!(found, expected, "{events:?}");
}

#[test]
fn requests_cause_links() {
    causes(&[verification()], &["verify_email>holder"]);
    causes(
        &[registered(), password(), verification()],
        &["verify_email>holder"],
    );
    let reset = PasswordResetRequested {
        request: id(),
        expires_at: EXPIRES,
    };
    causes(&[reset.into()], &["reset_password>holder"]);
    let change = EmailChangeRequested {
        request: id(),
        email: sealed("new"),
        expires_at: EXPIRES,
    };
    causes(
        &[change.into()],
        &["email_change_asked>holder", "change_email>candidate"],
    );
}

#[test]
fn what_weakens_or_moves_an_account_causes_notices() {
    let changed = EmailChanged {
        email: sealed("new"),
        previous: sealed("old"),
    };
    causes(
        &[changed.into()],
        &["email_changed>holder", "email_changed>previous"],
    );
    causes(
        &[password(), ended(EndReason::PasswordChanged)],
        &["password_changed>holder"],
    );
    causes(
        &[
            password(),
            ended(EndReason::PasswordReset),
            EmailVerified {}.into(),
        ],
        &["password_reset>holder"],
    );
    let disabled = FactorDisabled {
        kind: FactorKind::Totp,
        credential: id(),
        failures: 100,
    };
    causes(&[disabled.into()], &["factor_disabled>holder"]);
    let used = RecoveryCodeUsed {
        credential: id(),
        index: 3,
        left: 9,
    };
    causes(&[used.into()], &["recovery_code_used>holder"]);
    let session = SessionId::from_uuid(Uuid::from_u128(8));
    let failed = ChallengeFailed {
        session,
        method: FactorKind::Totp,
        ip: sealed("ip"),
    };
    causes(&[failed.into()], &["challenge_failed>holder"]);
    causes(&[device()], &["device_added>holder"]);
}

#[test]
fn one_message_causes_one_mail_a_recipient() {
    let changed = ended(EndReason::FactorChanged);
    causes(
        &[added(), codes(), changed.clone()],
        &["factor_added>holder"],
    );
    causes(&[codes()], &["recovery_codes_set>holder"]);
    causes(&[removed(), changed.clone()], &["factor_removed>holder"]);
    causes(
        &[removed(), removed(), changed],
        &["factors_removed>holder"],
    );
}

#[test]
fn a_registration_and_a_better_hash_are_nobodys_news() {
    causes(&[registered(), password(), EmailVerified {}.into()], &[]);
    causes(
        &[registered(), password(), EmailVerified {}.into(), device()],
        &[],
    );
    causes(
        &[registered(), password(), verification(), device()],
        &["verify_email>holder"],
    );
    causes(&[password()], &[]);
}

#[test]
fn what_the_person_sees_anyway_and_what_operators_do_causes_none() {
    let silent: Vec<AccountEvent> = vec![
        ProfileChanged { display_name: None }.into(),
        ended(EndReason::LogoutAll),
        Abandoned {}.into(),
        EmailVerified {}.into(),
        FactorOffered {
            kind: FactorKind::Totp,
            credential: id(),
            expires_at: EXPIRES,
        }
        .into(),
        FactorRenamed {
            credential: id(),
            name: None,
        }
        .into(),
        Suspended { note: None }.into(),
        Reinstated { note: None }.into(),
        RolesChanged {
            roles: Vec::new(),
            note: None,
        }
        .into(),
        Noted {
            note: sealed("note"),
        }
        .into(),
        Erased {}.into(),
    ];
    for event in &silent {
        causes(std::slice::from_ref(event), &[]);
    }
    causes(&silent, &[]);
}
