//! Random command sequences against the invariants of the ring.

use core::time::Duration;

use countersign_events::{KeyEvent, MessageId, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::tests::created;
use super::{KeyCommand, KeyState, Keyring, Publication, Retirement, RevokeKey, Rotate};
use crate::testing::START;
use crate::{Aggregate, Fact};

const CACHE: Duration = Duration::from_secs(30);
const WINDOW: Duration = Duration::from_secs(90);

#[derive(Debug, Clone)]
enum Step {
    Found,
    Prepare,
    Rotate { forced: bool, fresh: bool },
    Activate { which: usize, lacking: usize },
    Retire { which: usize },
    Revoke { which: usize, fresh: bool },
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0usize..12;
    prop_oneof![
        1 => Just(Step::Found),
        3 => Just(Step::Prepare),
        2 => any::<(bool, bool)>().prop_map(|(forced, fresh)| Step::Rotate { forced, fresh }),
        6 => (which.clone(), 0usize..2)
            .prop_map(|(which, lacking)| Step::Activate { which, lacking }),
        4 => which.clone().prop_map(|which| Step::Retire { which }),
        2 => (which, any::<bool>()).prop_map(|(which, fresh)| Step::Revoke { which, fresh }),
        4 => (0u64..60).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

struct World {
    ring: Keyring,
    now: Timestamp,
    sequence: u64,
    made: u32,
}

impl World {
    fn command(&mut self, step: &Step) -> Option<KeyCommand> {
        self.made += 1;
        let fresh = created(&format!("k{}", self.made));
        let kid = |which: usize| {
            let found = self.ring.keys.get(which % self.ring.keys.len().max(1));
            found.map_or_else(|| "nobody".to_owned(), |key| key.kid.clone())
        };
        let publication = |lacking| Publication {
            now: self.now,
            cache: CACHE,
            lacking,
        };
        Some(match *step {
            Step::Found => KeyCommand::Found(fresh),
            Step::Prepare if self.ring.keys.is_empty() => return None,
            Step::Prepare => KeyCommand::Prepare(fresh),
            Step::Rotate {
                forced,
                fresh: with,
            } => KeyCommand::Rotate(Rotate {
                replaces: self
                    .ring
                    .active()
                    .map_or_else(String::new, |key| key.kid.clone()),
                fresh: with.then_some(fresh),
                is_forced: forced,
                publication: publication(0),
                note: None,
            }),
            Step::Activate { which, lacking } => KeyCommand::Activate {
                kid: kid(which),
                publication: publication(lacking),
            },
            Step::Retire { which } => KeyCommand::Retire(Retirement {
                kid: kid(which),
                now: self.now,
                window: WINDOW,
            }),
            Step::Revoke { which, fresh: with } => KeyCommand::Revoke(RevokeKey {
                kid: kid(which),
                note: None,
                fresh: with.then_some(fresh),
            }),
            Step::Wait { seconds } => {
                self.now = self.now.plus(Duration::from_secs(seconds));
                return None;
            }
        })
    }

    fn put(&mut self, command: &KeyCommand) {
        let before = self.ring.clone();
        let Ok(events) = self.ring.decide(command) else {
            return;
        };
        assert_eq!(before, self.ring, "deciding changes nothing");
        self.sequence += u64::from(!events.is_empty());
        for event in &events {
            self.check(event, command);
            self.ring.evolve(
                event,
                Fact {
                    occurred_at: self.now,
                    sequence: self.sequence,
                    message: MessageId::from_uuid(Uuid::nil()),
                },
            );
        }
        self.invariants(&before);
    }

    /// What must hold of an event when it is decided.
    fn check(&self, event: &KeyEvent, command: &KeyCommand) {
        match event {
            KeyEvent::Activated(activated) => {
                let key = self.ring.get(&activated.kid).expect("a key that was made");
                assert_eq!(key.state, KeyState::Next, "{activated:?}");
                if matches!(command, KeyCommand::Activate { .. }) {
                    assert!(self.now >= key.created_at.plus(CACHE), "too early");
                }
            }
            KeyEvent::Retired(retired) => {
                let key = self.ring.get(&retired.kid).expect("a key that was made");
                let superseded = key.superseded_at.expect("it was superseded");
                assert!(self.now >= superseded.plus(WINDOW), "too early");
            }
            KeyEvent::Created(created) => {
                assert!(self.ring.get(&created.kid).is_none(), "twice the same");
            }
            KeyEvent::Revoked(_) | KeyEvent::RotationRequested(_) => {}
        }
    }

    fn invariants(&self, before: &Keyring) {
        let of = |state| {
            self.ring
                .keys
                .iter()
                .filter(|key| key.state == state)
                .count()
        };
        let founded = usize::from(!self.ring.keys.is_empty());
        assert_eq!(of(KeyState::Active), founded, "one key signs");
        assert!(of(KeyState::Next) <= 1, "one key waits");
        for (old, new) in before.keys.iter().zip(&self.ring.keys) {
            assert_eq!(old.kid, new.kid, "keys are never forgotten");
            let may = match old.state {
                KeyState::Next => new.state != KeyState::Retiring && new.state != KeyState::Retired,
                KeyState::Active => !matches!(new.state, KeyState::Next | KeyState::Retired),
                KeyState::Retiring => !matches!(new.state, KeyState::Next | KeyState::Active),
                KeyState::Retired => matches!(new.state, KeyState::Retired | KeyState::Revoked),
                KeyState::Revoked => new.state == KeyState::Revoked,
            };
            assert!(may, "{:?} became {:?}", old.state, new.state);
        }
    }
}

proptest! {
    #[test]
    fn one_key_signs_and_no_key_comes_back(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World {
            ring: Keyring::default(),
            now: START,
            sequence: 0,
            made: 0,
        };
        for step in &steps {
            if let Some(command) = world.command(step) {
                world.put(&command);
            }
        }
    }
}
