//! Messages: the lives of two people, the end of one, and chance.

use std::collections::BTreeSet;
use std::convert::Infallible;

use countersign_events::{
    AccountEvent, AccountId, Acr, Actor, AnyEvent, Attempted, BindingBroken, Continued,
    CredentialId, CredentialKind, CredentialSet, EmailChanged, EmailVerified, EndReason, Ended,
    Envelope, Erased, FactorAdded, FactorDisabled, FactorKind, FactorRejected, FactorRemoved,
    MessageId, Position, ProfileChanged, RecoveryCodeUsed, RecoveryCodesSet, Refreshed, Registered,
    Reinstated, RolesChanged, Sealed, SessionEvent, SessionId, SessionsEnded, Started, SteppedUp,
    Suspended, Timestamp,
};
use countersign_views::Fold;
use uuid::Uuid;

const SHARD: u8 = 2;

pub(super) fn account(n: u128) -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(n))
}

pub(super) fn session(n: u128) -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(100 + n))
}

fn credential(n: u128) -> CredentialId {
    CredentialId::from_uuid(Uuid::from_u128(200 + n))
}

pub(super) fn at(sequence: u64) -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000 + i64::try_from(sequence).expect("small") * 1_000)
}

/// The cipher of these tests: the text itself.
fn sealed(text: impl Into<String>) -> Sealed {
    Sealed::from_bytes(text.into().into_bytes())
}

#[derive(Clone)]
pub(super) struct Message {
    pub(super) subject: Uuid,
    account: Option<AccountId>,
    pub(super) events: Vec<AnyEvent>,
}

fn of_account(n: u128, events: Vec<AccountEvent>) -> Message {
    Message {
        subject: account(n).uuid(),
        account: Some(account(n)),
        events: events.into_iter().map(AnyEvent::Account).collect(),
    }
}

/// A message that seals nothing does not say whose it is.
fn of_session(n: u128, whose: Option<u128>, events: Vec<SessionEvent>) -> Message {
    Message {
        subject: session(n).uuid(),
        account: whose.map(account),
        events: events.into_iter().map(AnyEvent::Session).collect(),
    }
}

fn registered() -> AccountEvent {
    Registered {
        email: sealed("Ada@Example.com"),
        display_name: None,
        roles: vec!["user".into()],
    }
    .into()
}

fn started(whose: u128, epoch: u64) -> SessionEvent {
    Started {
        account: account(whose),
        epoch,
        client: "web".into(),
        ip: sealed("192.0.2.7"),
        user_agent: Some(sealed("curl")),
        acr: Acr::Aal1,
        amr: vec!["pwd".into()],
        auth_time: at(0),
        idle_expires_at: at(100),
        expires_at: at(1_000),
        forget_at: at(2_000),
    }
    .into()
}

fn attempted(whose: u128) -> SessionEvent {
    Attempted {
        account: account(whose),
        epoch: 0,
        ip: sealed("192.0.2.7"),
        amr: vec!["pwd".into()],
        expires_at: at(60),
        forget_at: at(600),
    }
    .into()
}

fn rejected() -> SessionEvent {
    FactorRejected {
        method: FactorKind::Totp,
        tries: 1,
    }
    .into()
}

fn refreshed(generation: u32) -> SessionEvent {
    Refreshed {
        generation,
        idle_expires_at: at(100 + u64::from(generation)),
        ip: sealed("198.51.100.9"),
    }
    .into()
}

fn stepped_up(generation: u32) -> SessionEvent {
    SteppedUp {
        acr: Acr::Aal2,
        amr: vec!["pwd".into(), "otp".into()],
        auth_time: at(7),
        generation,
    }
    .into()
}

fn continued(epoch: u64) -> SessionEvent {
    Continued { epoch }.into()
}

fn ended() -> SessionEvent {
    Ended {
        reason: EndReason::Logout,
        note: Some(sealed("note")),
    }
    .into()
}

fn fence(reason: EndReason) -> AccountEvent {
    SessionsEnded { reason }.into()
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

fn disabled(kind: FactorKind, n: u128) -> AccountEvent {
    FactorDisabled {
        kind,
        credential: credential(n),
        failures: 100,
    }
    .into()
}

fn codes() -> AccountEvent {
    RecoveryCodesSet {
        credential: credential(9),
        count: 10,
    }
    .into()
}

fn code_used(left: u8) -> AccountEvent {
    RecoveryCodeUsed {
        credential: credential(9),
        index: 10 - left,
        left,
    }
    .into()
}

fn password() -> AccountEvent {
    CredentialSet {
        kind: CredentialKind::Password,
        credential: credential(8),
    }
    .into()
}

/// The lives of two people, message by message; sequences are from 1.
pub(super) fn lives() -> Vec<Message> {
    vec![
        of_account(1, vec![registered(), password(), EmailVerified {}.into()]),
        of_account(2, vec![registered(), password()]),
        of_session(1, Some(1), vec![attempted(1)]),
        of_session(1, Some(1), vec![rejected()]),
        of_session(1, Some(1), vec![started(1, 1)]),
        of_session(2, Some(1), vec![started(1, 1)]),
        of_session(3, Some(2), vec![started(2, 2)]),
        of_session(1, Some(1), vec![stepped_up(2)]),
        // The sessions of the first end, and the one that did it goes on.
        of_account(
            1,
            vec![
                added(FactorKind::Totp, 1),
                codes(),
                fence(EndReason::FactorChanged),
            ],
        ),
        of_session(1, None, vec![continued(9)]),
        of_session(1, Some(1), vec![refreshed(3)]),
        // A sign-in that raced that end.
        of_session(4, Some(1), vec![started(1, 1)]),
        of_account(
            1,
            vec![
                added(FactorKind::Passkey, 2),
                fence(EndReason::FactorChanged),
            ],
        ),
        of_session(1, None, vec![continued(13), stepped_up(4)]),
        of_account(1, vec![code_used(9)]),
        of_account(1, vec![disabled(FactorKind::Totp, 1)]),
        of_account(1, vec![disabled(FactorKind::Password, 8)]),
        of_account(
            1,
            vec![
                removed(FactorKind::Passkey, 2),
                fence(EndReason::FactorChanged),
            ],
        ),
        of_account(1, vec![password(), fence(EndReason::PasswordChanged)]),
        // It goes on after the first of two ends, which is not enough.
        of_session(1, None, vec![continued(18)]),
        of_session(
            3,
            Some(2),
            vec![
                BindingBroken {
                    ip: sealed("203.0.113.9"),
                    user_agent: Some(sealed("wget")),
                }
                .into(),
                refreshed(2),
            ],
        ),
        of_account(
            2,
            vec![
                EmailChanged {
                    email: sealed("Bob@example.net"),
                    previous: sealed("Ada@Example.com"),
                }
                .into(),
            ],
        ),
        of_account(
            2,
            vec![
                Suspended {
                    note: Some(sealed("note")),
                }
                .into(),
                fence(EndReason::Suspended),
            ],
        ),
        of_account(
            2,
            vec![
                RolesChanged {
                    roles: vec!["operator".into()],
                    note: None,
                }
                .into(),
                fence(EndReason::RolesChanged),
            ],
        ),
        of_session(3, None, vec![ended()]),
        of_account(
            1,
            vec![
                removed(FactorKind::Totp, 1),
                fence(EndReason::FactorChanged),
            ],
        ),
    ]
}

/// The first person is forgotten, and their sessions do not know it yet.
pub(super) fn forgotten() -> Vec<Message> {
    let mut lives = lives();
    lives.extend([
        of_account(1, vec![Erased {}.into(), fence(EndReason::Erased)]),
        of_session(5, Some(1), vec![started(1, 26)]),
        of_session(1, Some(1), vec![refreshed(5)]),
        of_session(2, None, vec![ended()]),
        of_session(1, None, vec![continued(27)]),
        of_session(6, Some(1), vec![attempted(1)]),
        of_session(6, Some(1), vec![rejected()]),
    ]);
    lives
}

/// What chance makes of it: no decision would, but every cut must agree.
pub(super) fn chaos(seed: u64) -> Vec<Message> {
    let mut state = seed;
    let mut next = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut messages = vec![
        of_account(1, vec![registered()]),
        of_account(2, vec![registered()]),
    ];
    // But no id begins twice: nobody could say which of the two is meant.
    let mut begun = BTreeSet::new();
    while messages.len() < 60 {
        let sequence = u64::try_from(messages.len()).expect("few") + 1;
        let whose = 1 + u128::from(next(2));
        let of = u128::from(next(4)) * 2 + whose;
        let generation = u32::try_from(sequence).expect("few");
        let n = u128::from(next(2));
        let known = (next(2) == 0).then_some(whose);
        let epoch = next(sequence);
        messages.push(match next(24) {
            0..5 if begun.insert(of) => of_session(of, Some(whose), vec![started(whose, epoch)]),
            0..4 => of_session(of, Some(whose), vec![attempted(whose)]),
            4 => of_session(of, known, vec![rejected()]),
            5 => of_session(of, Some(whose), vec![refreshed(generation)]),
            6 => of_session(of, known, vec![stepped_up(generation)]),
            7 | 8 => of_session(of, known, vec![continued(epoch)]),
            9 => of_session(of, known, vec![ended()]),
            10 => of_session(of, known, vec![continued(epoch), stepped_up(generation)]),
            11..14 => of_account(whose, vec![fence(EndReason::LogoutAll)]),
            14 => of_account(whose, vec![added(FactorKind::Totp, n), codes()]),
            15 => of_account(whose, vec![added(FactorKind::Passkey, 2 + n)]),
            16 => of_account(whose, vec![removed(FactorKind::Totp, n)]),
            17 => of_account(whose, vec![removed(FactorKind::Passkey, 2 + n)]),
            18 => of_account(whose, vec![disabled(FactorKind::Totp, n)]),
            19 => of_account(
                whose,
                vec![disabled(FactorKind::RecoveryCode, 9), code_used(3)],
            ),
            20 => of_account(whose, vec![Suspended { note: None }.into()]),
            21 => of_account(whose, vec![Reinstated { note: None }.into()]),
            22 => of_account(whose, vec![ProfileChanged { display_name: None }.into()]),
            _ if next(4) == 0 => of_account(whose, vec![Erased {}.into()]),
            _ => of_account(whose, vec![password(), fence(EndReason::PasswordChanged)]),
        });
    }
    messages
}

pub(super) fn position(sequence: usize) -> Position {
    Position {
        shard: SHARD,
        sequence: u64::try_from(sequence).expect("few"),
    }
}

pub(super) fn header(message: &Message, position: Position) -> Envelope<()> {
    Envelope {
        id: MessageId::from_uuid(Uuid::from_u128(position.sequence.into())),
        subject_id: message.subject,
        occurred_at: at(position.sequence),
        actor: Actor::Account(account(1)),
        account: message.account,
        correlation: Uuid::nil(),
        causation: None,
        trace_parent: None,
        events: Vec::new(),
        state: None,
    }
}

pub(super) fn text(sealed: &Sealed) -> String {
    String::from_utf8_lossy(sealed.as_bytes()).into_owned()
}

pub(super) fn fold(messages: &[Message], from: usize, has_key: bool) -> Fold {
    let mut fold = Fold::new(position(from));
    for (index, message) in messages.iter().enumerate() {
        let position = position(from + index + 1);
        let header = header(message, position);
        let open =
            |sealed: &Sealed, _: &'static str| Ok::<_, Infallible>(has_key.then(|| text(sealed)));
        let Ok(()) = fold.add(position, &header, &message.events, open);
    }
    fold
}
