//! The life of an account after its birth: proofs, factors, suspension, end.

use uuid::uuid;

use super::{ACCOUNT, DAY, FIRST, OPERATOR, SECOND, at, bare, own, sealed, stored, traced};
use crate::{
    AccountEvent, Actor, AssertionAccepted, ChallengeFailed, CodeAccepted, CredentialId,
    DeviceAdded, EmailChangeRequested, EmailChanged, EmailEvent, EmailId, EmailVerified, EndReason,
    Envelope, Erased, FactorAdded, FactorDisabled, FactorEvent, FactorId, FactorKind,
    FactorOffered, FactorRemoved, FactorRenamed, Noted, PasswordResetRequested, RecoveryCodeUsed,
    RecoveryCodesSet, Reinstated, Released, RolesChanged, SessionsEnded, Suspended,
    VerificationRequested,
};

const REQUEST: CredentialId =
    CredentialId::from_uuid(uuid!("019e7044-8800-7a33-8002-00000000000b"));
const GENERATOR: CredentialId =
    CredentialId::from_uuid(uuid!("019e7044-8800-7a33-8003-00000000000b"));
const PASSKEY: CredentialId =
    CredentialId::from_uuid(uuid!("019e7044-8800-7a33-8004-00000000000b"));
const CODES: CredentialId = CredentialId::from_uuid(uuid!("019e7044-8800-7a33-8005-00000000000b"));
const OLD_ADDRESS: EmailId = EmailId::from_uuid(uuid!("8f14e45f-ceea-467a-9b5d-3c2f1a0b9c8e"));

fn ended(reason: EndReason) -> AccountEvent {
    SessionsEnded { reason }.into()
}

/// A message by the account itself.
fn by_owner(
    file: &'static str,
    n: u8,
    seconds: i64,
    events: Vec<AccountEvent>,
) -> (&'static str, Vec<u8>) {
    stored(file, own(n, ACCOUNT, seconds, events))
}

/// A message by an operator, who may have written something.
fn by_operator(
    file: &'static str,
    n: u8,
    seconds: i64,
    events: Vec<AccountEvent>,
) -> (&'static str, Vec<u8>) {
    let envelope = bare(n, ACCOUNT, seconds, Actor::Account(OPERATOR), events);
    let envelope = Envelope {
        account: Some(ACCOUNT),
        ..envelope
    };
    stored(file, envelope)
}

pub(super) fn all() -> Vec<(&'static str, Vec<u8>)> {
    [addresses(), factors(), failures(), operators(), uses()].concat()
}

fn addresses() -> Vec<(&'static str, Vec<u8>)> {
    let verification = VerificationRequested {
        request: REQUEST,
        expires_at: at(DAY),
    };
    let change = EmailChangeRequested {
        request: REQUEST,
        email: sealed("ada@example.net"),
        expires_at: at(2_000 + DAY),
    };
    let changed = EmailChanged {
        email: sealed("ada@example.net"),
        previous: sealed("ada@example.org"),
    };
    let reset = PasswordResetRequested {
        request: REQUEST,
        expires_at: at(2_000 + 3_600),
    };
    vec![
        by_owner(
            "account.verification_requested.v1.json",
            17,
            1,
            vec![verification.into()],
        ),
        by_owner(
            "account.email_verified.v1.json",
            18,
            2,
            vec![EmailVerified {}.into()],
        ),
        by_owner(
            "account.email_change_requested.v1.json",
            19,
            2_000,
            vec![change.into()],
        ),
        by_owner(
            "account.email_changed.v1.json",
            20,
            2_001,
            vec![changed.into()],
        ),
        stored(
            "account.password_reset_requested.v1.json",
            bare::<AccountEvent>(21, ACCOUNT, 2_002, Actor::Anonymous, vec![reset.into()]),
        ),
        stored(
            "email.released.v1.json",
            bare::<EmailEvent>(
                22,
                OLD_ADDRESS,
                2_003,
                Actor::Account(ACCOUNT),
                vec![Released { account: ACCOUNT }.into()],
            ),
        ),
    ]
}

fn factors() -> Vec<(&'static str, Vec<u8>)> {
    let offered = FactorOffered {
        kind: FactorKind::Totp,
        credential: GENERATOR,
        expires_at: at(3_000 + 600),
    };
    let added = |kind, credential, name| {
        AccountEvent::from(FactorAdded {
            kind,
            credential,
            name,
        })
    };
    let codes = || -> AccountEvent {
        RecoveryCodesSet {
            credential: CODES,
            count: 10,
        }
        .into()
    };
    let renamed = |name| -> Vec<AccountEvent> {
        vec![
            FactorRenamed {
                credential: PASSKEY,
                name,
            }
            .into(),
        ]
    };
    let removed = FactorRemoved {
        kind: FactorKind::Passkey,
        credential: PASSKEY,
    };
    let used = RecoveryCodeUsed {
        credential: CODES,
        index: 3,
        left: 9,
    };
    let first = added(FactorKind::Totp, GENERATOR, Some(sealed("phone")));
    let second = added(FactorKind::Passkey, PASSKEY, None);
    vec![
        by_owner(
            "account.factor_offered.v1.json",
            23,
            3_000,
            vec![offered.into()],
        ),
        by_owner(
            "account.factor_added.v1.json",
            24,
            3_001,
            vec![first, codes(), ended(EndReason::FactorChanged)],
        ),
        by_owner(
            "account.factor_added.v1.min.json",
            25,
            3_002,
            vec![second, ended(EndReason::FactorChanged)],
        ),
        by_owner(
            "account.factor_renamed.v1.json",
            26,
            3_003,
            renamed(Some(sealed("key ring"))),
        ),
        by_owner(
            "account.factor_renamed.v1.min.json",
            27,
            3_004,
            renamed(None),
        ),
        by_owner(
            "account.factor_removed.v1.json",
            28,
            3_005,
            vec![removed.into(), ended(EndReason::FactorChanged)],
        ),
        by_owner(
            "account.recovery_codes_set.v1.json",
            29,
            3_006,
            vec![codes()],
        ),
        by_owner(
            "account.recovery_code_used.v1.json",
            30,
            3_007,
            vec![used.into()],
        ),
    ]
}

fn failures() -> Vec<(&'static str, Vec<u8>)> {
    let disabled = FactorDisabled {
        kind: FactorKind::Totp,
        credential: GENERATOR,
        failures: 100,
    };
    let failed = ChallengeFailed {
        session: FIRST,
        method: FactorKind::RecoveryCode,
        ip: sealed("203.0.113.66"),
    };
    let device = |user_agent| -> Vec<AccountEvent> {
        vec![
            DeviceAdded {
                session: SECOND,
                ip: sealed("192.0.2.1"),
                user_agent,
            }
            .into(),
        ]
    };
    vec![
        stored(
            "account.factor_disabled.v1.json",
            bare::<AccountEvent>(31, ACCOUNT, 3_100, Actor::System, vec![disabled.into()]),
        ),
        by_owner(
            "account.challenge_failed.v1.json",
            32,
            3_101,
            vec![failed.into()],
        ),
        by_owner(
            "account.device_added.v1.json",
            33,
            3_102,
            device(Some(sealed("curl/8.5.0"))),
        ),
        by_owner("account.device_added.v1.min.json", 34, 3_103, device(None)),
    ]
}

fn operators() -> Vec<(&'static str, Vec<u8>)> {
    let suspended = |note| vec![Suspended { note }.into(), ended(EndReason::Suspended)];
    let reinstated = |note| vec![AccountEvent::from(Reinstated { note })];
    let roles = |roles: &[&str], note| {
        let roles = roles.iter().map(|&role| role.to_owned()).collect();
        vec![
            RolesChanged { roles, note }.into(),
            ended(EndReason::RolesChanged),
        ]
    };
    let note = || Some(sealed("incident 311"));
    let noted = Noted {
        note: sealed("incident 311"),
    };
    vec![
        by_operator("account.suspended.v1.json", 35, 4_000, suspended(note())),
        by_operator("account.suspended.v1.min.json", 36, 4_001, suspended(None)),
        by_operator("account.reinstated.v1.json", 37, 4_002, reinstated(note())),
        by_operator(
            "account.reinstated.v1.min.json",
            38,
            4_003,
            reinstated(None),
        ),
        by_operator(
            "account.roles_changed.v1.json",
            39,
            4_004,
            roles(&["user", "operator"], note()),
        ),
        by_operator(
            "account.roles_changed.v1.min.json",
            40,
            4_005,
            roles(&["user"], None),
        ),
        by_operator(
            "account.noted.v1.json",
            52,
            4_006,
            vec![noted.into(), ended(EndReason::RevokedByOperator)],
        ),
        by_operator(
            "account.erased.v1.json",
            41,
            4_006,
            vec![Erased {}.into(), ended(EndReason::Erased)],
        ),
    ]
}

fn uses() -> Vec<(&'static str, Vec<u8>)> {
    let code = FactorEvent::from(CodeAccepted {
        account: ACCOUNT,
        step: 59_333_333,
        forget_at: at(3_010 + 7 * DAY),
    });
    let assertion = FactorEvent::from(AssertionAccepted {
        account: ACCOUNT,
        challenge: uuid!("019e7044-8800-7a77-8001-00000000000b"),
        expires_at: at(3_020 + 300),
        counter: 7,
        forget_at: at(3_020 + 7 * DAY),
    });
    let generator = FactorId::from(GENERATOR);
    let passkey = FactorId::from(PASSKEY);
    vec![
        stored(
            "factor.code_accepted.v1.json",
            super::hinted(
                traced(bare(
                    42,
                    generator,
                    3_010,
                    Actor::Account(ACCOUNT),
                    vec![code],
                )),
                r#"{"v":1,"last_step":59333333,"counter":0,"signed":[],"forget_at":1780607810000}"#,
            ),
        ),
        stored(
            "factor.assertion_accepted.v1.json",
            super::hinted(
                bare(43, passkey, 3_020, Actor::Account(ACCOUNT), vec![assertion]),
                r#"{"v":1,"last_step":0,"counter":7,"signed":[["019e7044-8800-7a77-8001-00000000000b",1780003320000]],"forget_at":1780607820000}"#,
            ),
        ),
    ]
}
