//! Random commands against the invariants of an account.

use core::time::Duration;
use std::collections::BTreeSet;

use countersign_events::{
    AccountEvent, CredentialId, EndReason, FactorKind, MessageId, Sealed, SessionId, Timestamp,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Account, AccountCommand, AccountRefusal, FactorCommand, MOST_FACTORS, Request};
use crate::testing::START;
use crate::{Aggregate, Fact};

fn credential(n: u8) -> CredentialId {
    CredentialId::from_uuid(Uuid::from_u128(n.into()))
}

fn sealed() -> Sealed {
    Sealed::from_bytes(Vec::new())
}

fn minute(n: u8) -> Timestamp {
    START.plus(Duration::from_mins(n.into()))
}

fn request(n: u8, until: u8) -> Request {
    Request {
        id: credential(n),
        expires_at: minute(until),
    }
}

fn kind() -> impl Strategy<Value = FactorKind> {
    prop_oneof![Just(FactorKind::Totp), Just(FactorKind::Passkey)]
}

fn tried() -> impl Strategy<Value = FactorKind> {
    prop_oneof![
        3 => kind(),
        1 => Just(FactorKind::Password),
        1 => Just(FactorKind::RecoveryCode),
    ]
}

/// Few ids, so that commands meet what others left.
fn factor() -> impl Strategy<Value = AccountCommand> {
    let id = 0u8..8;
    prop_oneof![
        6 => (kind(), id.clone(), 5u8..20).prop_map(|(kind, n, until)| FactorCommand::Offer {
            kind,
            credential: credential(n),
            now: START,
            expires_at: minute(until),
        }),
        12 => (id.clone(), 0u8..12).prop_map(|(n, now)| FactorCommand::Confirm {
            credential: credential(n),
            now: minute(now),
            name: None,
            recovery_codes: (credential(100 + n % 2), 10),
        }),
        1 => id.clone().prop_map(|n| FactorCommand::Rename {
            credential: credential(n),
            name: Some(sealed()),
        }),
        2 => id.clone().prop_map(|n| FactorCommand::Remove { credential: credential(n) }),
        1 => Just(FactorCommand::Reset { note: None }),
        1 => (100u8..102).prop_map(|n| FactorCommand::SetRecoveryCodes {
            credential: credential(n),
            count: 10,
        }),
        12 => (100u8..102, 8u8..12).prop_map(|(n, index)| FactorCommand::UseRecoveryCode {
            credential: credential(n),
            index,
        }),
        2 => (tried(), 0u8..8).prop_map(|(kind, n)| FactorCommand::Disable {
            kind,
            credential: credential(n),
            failures: 100,
        }),
        1 => (tried(), 0u128..3).prop_map(|(method, session)| FactorCommand::NoteFailure {
            session: SessionId::from_uuid(Uuid::from_u128(session)),
            method,
            ip: sealed(),
        }),
    ]
    .prop_map(AccountCommand::Factor)
}

fn other() -> impl Strategy<Value = AccountCommand> {
    let id = 200u8..206;
    prop_oneof![
        (id.clone(), id.clone()).prop_map(|(replaces, password)| AccountCommand::ChangePassword {
            replaces: credential(replaces),
            password: credential(password),
        }),
        (id.clone(), 0u8..20)
            .prop_map(|(n, until)| AccountCommand::RequestReset(request(n, until))),
        (id.clone(), 0u8..20).prop_map(|(n, now)| AccountCommand::ResetPassword {
            request: credential(n),
            now: minute(now),
            password: credential(200),
        }),
        (id.clone(), 0u8..20).prop_map(|(n, until)| AccountCommand::RequestEmailChange {
            request: request(n, until),
            email: sealed(),
        }),
        (id, 0u8..20).prop_map(|(n, now)| AccountCommand::ChangeEmail {
            request: credential(n),
            now: minute(now),
            email: sealed(),
            previous: sealed(),
        }),
        Just(AccountCommand::EndSessions {
            reason: EndReason::LogoutAll,
            note: None
        }),
        Just(AccountCommand::Suspend { note: None }),
        Just(AccountCommand::SetRoles {
            roles: vec!["operator".into()],
            note: None
        }),
    ]
}

fn command() -> impl Strategy<Value = AccountCommand> {
    prop_oneof![
        60 => factor(),
        20 => other(),
        6 => Just(AccountCommand::Reinstate { note: None }),
        1 => Just(AccountCommand::Erase),
    ]
}

struct World {
    account: Account,
    sequence: u64,
    /// Recovery codes that were used, of the set that is live.
    spent: BTreeSet<(CredentialId, u8)>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            account: Account::default(),
            sequence: 0,
            spent: BTreeSet::new(),
        };
        let register = AccountCommand::Register {
            email: sealed(),
            display_name: None,
            roles: Vec::new(),
            password: credential(200),
            verification: None,
            device: None,
        };
        world.put(&register).expect("registers");
        world
    }

    /// Decides and folds, as one message of the log.
    fn put(&mut self, command: &AccountCommand) -> Result<Vec<AccountEvent>, AccountRefusal> {
        let before = self.account.clone();
        let events = self.account.decide(command)?;
        assert_eq!(before, self.account, "deciding changes nothing");
        if !events.is_empty() {
            self.sequence += 1;
        }
        for event in &events {
            let fact = Fact {
                occurred_at: START,
                sequence: self.sequence,
                message: MessageId::from_uuid(Uuid::nil()),
            };
            self.account.evolve(event, fact);
            match event {
                AccountEvent::RecoveryCodesSet(set) => {
                    self.spent.retain(|(of, _)| *of != set.credential);
                }
                AccountEvent::RecoveryCodeUsed(used) => {
                    let first = self.spent.insert((used.credential, used.index));
                    assert!(first, "a code is used once");
                    assert_eq!(self.account.recovery.map(|set| set.left()), Some(used.left));
                }
                _ => {}
            }
        }
        Ok(events)
    }
}

/// Whether it changes what proves who the person is, or what they may.
fn must_end_sessions(event: &AccountEvent) -> bool {
    matches!(
        event,
        AccountEvent::CredentialSet(_)
            | AccountEvent::FactorAdded(_)
            | AccountEvent::FactorRemoved(_)
            | AccountEvent::Suspended(_)
            | AccountEvent::RolesChanged(_)
            | AccountEvent::Erased(_)
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 400 } else { 4_000 }))]

    #[test]
    fn invariants_hold_after_any_sequence(commands in prop::collection::vec(command(), 0..80)) {
        let mut world = World::new();
        for command in commands {
            let before = world.account.clone();
            let answer = world.put(&command);
            let after = &world.account;
            if let Ok(events) = &answer {
                let ends = events.iter().any(|e| matches!(e, AccountEvent::SessionsEnded(_)));
                prop_assert!(
                    ends || !events.iter().any(must_end_sessions),
                    "a change that must end sessions says so itself: {:?}", events
                );
                prop_assert_eq!(ends, after.min_epoch > before.min_epoch);
                prop_assert!(!before.is_erased() || events.is_empty(), "nothing after the end");
            } else {
                prop_assert_eq!(after, &before, "a refusal changes nothing");
            }
            prop_assert!(after.min_epoch >= before.min_epoch && after.epoch >= before.epoch);
            prop_assert!(after.min_epoch <= after.epoch);
            prop_assert!(!before.is_erased() || after.is_erased(), "for ever");
            prop_assert!(after.live_factors(FactorKind::Totp).count() <= 1);
            prop_assert!(after.factors.len() <= MOST_FACTORS);
            prop_assert_eq!(after.recovery.is_some(), after.needs_factor());
            for (set, index) in &world.spent {
                let live = after.recovery.filter(|live| live.credential == *set);
                prop_assert!(live.is_none_or(|live| !live.has(*index)), "never unspent");
            }
            let live = after.factors.iter().map(|factor| factor.credential)
                .chain(after.password)
                .chain(after.offer.map(|offer| offer.credential))
                .chain(after.recovery.map(|set| set.credential));
            for credential in live {
                prop_assert!(after.refers_to(credential));
            }
        }
    }
}
