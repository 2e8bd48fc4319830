//! One message for every event of the version that is written today.
//!
//! When an event gets a new version, its sample here becomes one of the new
//! version; the file of the old one stays and goes on being decoded. The
//! sessions' state hints are what the domain writes; a test beside the house
//! rules folds the files and compares.

mod clients;
mod life;
mod steps;

use serde_json::value::RawValue;
use uuid::{Uuid, uuid};

use crate::{
    Abandoned, AccountEvent, AccountId, Acr, Activated, Actor, ClientId, Created, CredentialId,
    CredentialKind, CredentialSet, EmailEvent, EmailId, EndReason, Ended, EntityId, Envelope,
    EventSet, KeyAlgorithm, KeyEvent, KeyringId, MessageId, ProfileChanged, RefreshReused,
    Refreshed, Registered, Reserved, Sealed, SecretId, SessionEvent, SessionId, SessionsEnded,
    Started, Timestamp,
};

const START: Timestamp = Timestamp::from_millis(1_780_000_000_000);
const DAY: i64 = 86_400;

pub(super) const CLIENT: ClientId =
    ClientId::from_uuid(uuid!("019e7044-8800-7a77-8001-0000000000a3"));
pub(super) const ACCOUNT: AccountId =
    AccountId::from_uuid(uuid!("019e7044-8800-7a11-8001-00000000000b"));
const OPERATOR: AccountId = AccountId::from_uuid(uuid!("019e7044-8800-7a11-8002-0000000000f0"));
const GIVEN_UP: AccountId = AccountId::from_uuid(uuid!("019e7044-8800-7a11-8003-000000000021"));
const FIRST: SessionId = SessionId::from_uuid(uuid!("019e7044-8800-7a22-8001-00000000000b"));
const SECOND: SessionId = SessionId::from_uuid(uuid!("019e7044-8800-7a22-8002-00000000000b"));
const THIRD: SessionId = SessionId::from_uuid(uuid!("019e7044-8800-7a22-8003-00000000000b"));
const ADDRESS: EmailId = EmailId::from_uuid(uuid!("8f14e45f-ceea-467a-9b5d-3c2f1a0b9c8d"));
const PASSWORD: CredentialId =
    CredentialId::from_uuid(uuid!("019e7044-8800-7a33-8001-0000000000c1"));
const SIGNING_KEY: SecretId = SecretId::from_uuid(uuid!("019e7044-8800-7a44-8001-0000000000d1"));
const KID: &str = "Xv0pXqS1n1kqCJ6n5mQb4yN3b8zH2o5d7w9uT0rLk3E";
const POINT: &str =
    "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START.as_millis() + seconds * 1_000)
}

/// Bytes in the shape of a sealed value: a format byte, a nonce, as much
/// ciphertext as there is text, a tag.
fn sealed(text: &str) -> Sealed {
    let length = 1 + 12 + text.len() + 16;
    Sealed::from_bytes((1u8..).take(length).collect())
}

fn message(n: u8) -> MessageId {
    let mut bytes = *uuid!("019e7044-8800-7a55-8000-000000000000").as_bytes();
    bytes[15] = n;
    MessageId::from_uuid(Uuid::from_bytes(bytes))
}

/// A message with nothing that can be left out.
fn bare<E>(n: u8, about: impl EntityId, seconds: i64, actor: Actor, events: Vec<E>) -> Envelope<E> {
    Envelope {
        id: message(n),
        subject_id: about.uuid(),
        occurred_at: at(seconds),
        actor,
        account: None,
        correlation: uuid!("019e7044-8800-7a66-8001-000000000001"),
        causation: None,
        trace_parent: None,
        events,
        state: None,
    }
}

/// The same by the account, with fields sealed under its data key.
fn own<E>(n: u8, about: impl EntityId, seconds: i64, events: Vec<E>) -> Envelope<E> {
    Envelope {
        account: Some(ACCOUNT),
        ..bare(n, about, seconds, Actor::Account(ACCOUNT), events)
    }
}

/// The same, caused by another message, in a traced request.
fn traced<E>(envelope: Envelope<E>) -> Envelope<E> {
    Envelope {
        causation: Some(message(0)),
        trace_parent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        ..envelope
    }
}

fn hinted<E>(envelope: Envelope<E>, state: &str) -> Envelope<E> {
    let state = RawValue::from_string(state.to_owned()).expect("JSON");
    Envelope {
        state: Some(state),
        ..envelope
    }
}

fn stored<E: EventSet>(file: &'static str, envelope: Envelope<E>) -> (&'static str, Vec<u8>) {
    (file, envelope.encode().expect("encodes"))
}

/// Every sample and the file it is stored in.
pub(super) fn all() -> Vec<(&'static str, Vec<u8>)> {
    [
        accounts(),
        sessions(),
        emails(),
        keys(),
        clients::all(),
        life::all(),
        steps::all(),
    ]
    .concat()
}

fn accounts() -> Vec<(&'static str, Vec<u8>)> {
    let set = || -> AccountEvent {
        CredentialSet {
            kind: CredentialKind::Password,
            credential: PASSWORD,
        }
        .into()
    };
    let registered = |display_name, roles: &[&str]| -> AccountEvent {
        Registered {
            email: sealed("ada@example.org"),
            display_name,
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
        }
        .into()
    };
    let renamed = |display_name| vec![AccountEvent::from(ProfileChanged { display_name })];
    let full = registered(Some(sealed("Ada")), &["user", "support"]);
    let ended = AccountEvent::from(SessionsEnded {
        reason: EndReason::LogoutAll,
    });
    let abandoned = AccountEvent::from(Abandoned {});
    vec![
        stored(
            "account.registered.v1.json",
            traced(own(1, ACCOUNT, 0, vec![full, set()])),
        ),
        stored(
            "account.registered.v1.min.json",
            own(2, ACCOUNT, 0, vec![registered(None, &["user"])]),
        ),
        stored(
            "account.credential_set.v1.json",
            own(3, ACCOUNT, 60, vec![set()]),
        ),
        stored(
            "account.profile_changed.v1.json",
            own(4, ACCOUNT, 61, renamed(Some(sealed("Ada L.")))),
        ),
        stored(
            "account.profile_changed.v1.min.json",
            own(5, ACCOUNT, 62, renamed(None)),
        ),
        stored(
            "account.sessions_ended.v1.json",
            bare(6, ACCOUNT, 63, Actor::Account(ACCOUNT), vec![ended]),
        ),
        stored(
            "account.abandoned.v1.json",
            bare(7, GIVEN_UP, 64, Actor::System, vec![abandoned]),
        ),
    ]
}

/// A sign-in at second 100 and what it may leave out.
fn started(user_agent: Option<Sealed>, acr: Acr, amr: &[&str]) -> SessionEvent {
    Started {
        account: ACCOUNT,
        epoch: 2,
        client: "first-party".into(),
        ip: sealed("192.0.2.1"),
        user_agent,
        acr,
        amr: amr.iter().map(|&method| method.to_owned()).collect(),
        auth_time: at(100),
        idle_expires_at: at(100 + 7 * DAY),
        expires_at: at(100 + 30 * DAY),
        forget_at: at(100 + 120 * DAY),
    }
    .into()
}

fn ended(reason: EndReason, note: Option<Sealed>) -> SessionEvent {
    Ended { reason, note }.into()
}

fn sessions() -> Vec<(&'static str, Vec<u8>)> {
    let refreshed = SessionEvent::from(Refreshed {
        generation: 2,
        idle_expires_at: at(700 + 7 * DAY),
        ip: sealed("192.0.2.1"),
    });
    let reused = SessionEvent::from(RefreshReused {
        presented: 1,
        live: 2,
        ip: sealed("198.51.100.7"),
    });
    let note = Some(sealed("incident 311"));
    let revoked = bare(
        12,
        SECOND,
        900,
        Actor::Account(OPERATOR),
        vec![ended(EndReason::RevokedByOperator, note)],
    );
    let full = started(Some(sealed("curl/8.5.0")), Acr::Aal2, &["pwd", "otp"]);
    let reuse = vec![reused, ended(EndReason::RefreshReused, None)];
    let left = vec![ended(EndReason::Logout, None)];
    vec![
        stored(
            "session.started.v1.json",
            hinted(
                traced(own(8, FIRST, 100, vec![full])),
                r#"{"v":1,"account":"019e7044-8800-7a11-8001-00000000000b","epoch":2,"client":"first-party","acr":"aal2","amr":["pwd","otp"],"auth_time":1780000100000,"generation":1,"rotated_at":1780000100000,"idle_expires_at":1780604900000,"expires_at":1782592100000,"forget_at":1790368100000}"#,
            ),
        ),
        stored(
            "session.started.v1.min.json",
            hinted(
                own(9, SECOND, 100, vec![started(None, Acr::Aal1, &["pwd"])]),
                r#"{"v":1,"account":"019e7044-8800-7a11-8001-00000000000b","epoch":2,"client":"first-party","acr":"aal1","amr":["pwd"],"auth_time":1780000100000,"generation":1,"rotated_at":1780000100000,"idle_expires_at":1780604900000,"expires_at":1782592100000,"forget_at":1790368100000}"#,
            ),
        ),
        stored(
            "session.refreshed.v1.json",
            hinted(
                own(10, FIRST, 700, vec![refreshed]),
                r#"{"v":1,"account":"019e7044-8800-7a11-8001-00000000000b","epoch":2,"client":"first-party","acr":"aal2","amr":["pwd","otp"],"auth_time":1780000100000,"generation":2,"rotated_at":1780000700000,"idle_expires_at":1780605500000,"expires_at":1782592100000,"forget_at":1790368100000}"#,
            ),
        ),
        stored(
            "session.refresh_reused.v1.json",
            hinted(
                own(11, FIRST, 800, reuse),
                r#"{"v":1,"account":"019e7044-8800-7a11-8001-00000000000b","epoch":2,"client":"first-party","acr":"aal2","amr":["pwd","otp"],"auth_time":1780000100000,"generation":2,"rotated_at":1780000700000,"idle_expires_at":1780605500000,"expires_at":1782592100000,"forget_at":1790368100000,"ended":"refresh_reused"}"#,
            ),
        ),
        stored(
            "session.ended.v1.json",
            hinted(
                Envelope {
                    account: Some(ACCOUNT),
                    ..revoked
                },
                r#"{"v":1,"account":"019e7044-8800-7a11-8001-00000000000b","epoch":2,"client":"first-party","acr":"aal1","amr":["pwd"],"auth_time":1780000100000,"generation":1,"rotated_at":1780000100000,"idle_expires_at":1780604900000,"expires_at":1782592100000,"forget_at":1790368100000,"ended":"revoked_by_operator"}"#,
            ),
        ),
        stored(
            "session.ended.v1.min.json",
            hinted(
                bare(13, THIRD, 901, Actor::Account(ACCOUNT), left),
                r#"{"v":1,"account":"019e7044-8800-7a11-8001-00000000000b","epoch":2,"client":"first-party","acr":"aal3","amr":["hwk","user"],"auth_time":1780000100000,"generation":1,"rotated_at":1780000100000,"idle_expires_at":1780604900000,"expires_at":1782592100000,"forget_at":1790368100000,"ended":"logout"}"#,
            ),
        ),
    ]
}

fn emails() -> Vec<(&'static str, Vec<u8>)> {
    let reserved = EmailEvent::from(Reserved { account: ACCOUNT });
    vec![stored(
        "email.reserved.v1.json",
        bare(14, ADDRESS, 0, Actor::Anonymous, vec![reserved]),
    )]
}

fn keys() -> Vec<(&'static str, Vec<u8>)> {
    let created = KeyEvent::from(Created {
        kid: KID.into(),
        algorithm: KeyAlgorithm::ES256,
        public: POINT.into(),
        secret: SIGNING_KEY,
    });
    let activated = || KeyEvent::from(Activated { kid: KID.into() });
    vec![
        stored(
            "key.created.v1.json",
            bare(
                15,
                KeyringId::ONLY,
                0,
                Actor::System,
                vec![created, activated()],
            ),
        ),
        stored(
            "key.activated.v1.json",
            bare(16, KeyringId::ONLY, 1, Actor::System, vec![activated()]),
        ),
    ]
}
