//! Random command sequences against the invariants of a session.

use core::time::Duration;

use countersign_events::{AccountId, Acr, EndReason, MessageId, Sealed, SessionEvent, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Refresh, Session, SessionCommand, SessionRefusal, Start};
use crate::testing::START;
use crate::{Aggregate, Fact, Standing};

#[derive(Debug, Clone)]
enum Step {
    Refresh { back: u32 },
    End,
    Fence,
    Wait { seconds: u32 },
    ClockBack { seconds: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u32..4).prop_map(|back| Step::Refresh { back }),
        1 => Just(Step::End),
        1 => Just(Step::Fence),
        4 => (0u32..40).prop_map(|seconds| Step::Wait { seconds }),
        1 => (0u32..1_000_000).prop_map(|seconds| Step::Wait { seconds }),
        1 => (0u32..4_000).prop_map(|seconds| Step::ClockBack { seconds }),
    ]
}

fn ip() -> Sealed {
    Sealed::from_bytes(Vec::new())
}

/// A session with the log's and the account's side of it.
struct World {
    session: Session,
    standing: Standing,
    now: Timestamp,
    sequence: u64,
}

impl World {
    fn put(&mut self, command: &SessionCommand) -> Result<Vec<SessionEvent>, SessionRefusal> {
        let before = self.session.clone();
        let events = self.session.decide(command)?;
        assert_eq!(before, self.session, "deciding changes nothing");
        if !events.is_empty() {
            self.sequence += 1;
        }
        for event in &events {
            self.session.evolve(
                event,
                Fact {
                    occurred_at: self.now,
                    sequence: self.sequence,
                    message: MessageId::from_uuid(Uuid::nil()),
                },
            );
        }
        Ok(events)
    }
}

fn world() -> World {
    let mut world = World {
        session: Session::default(),
        standing: Standing {
            active: true,
            min_epoch: 0,
            epoch: 1,
        },
        now: START,
        sequence: 1,
    };
    let start = Start {
        account: AccountId::from_uuid(Uuid::from_u128(1)),
        standing: world.standing,
        client: "first-party".into(),
        ip: ip(),
        user_agent: None,
        acr: Acr::Aal1,
        amr: vec!["pwd".into()],
        now: START,
        idle: Duration::from_hours(24),
        absolute: Duration::from_hours(72),
        retention: Duration::from_hours(24),
    };
    world.put(&SessionCommand::Start(start)).expect("starts");
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 400 } else { 4_000 }))]

    #[test]
    fn invariants_hold_after_any_sequence(steps in prop::collection::vec(step(), 0..60)) {
        let mut world = world();
        let mut over = false;
        for step in steps {
            let before = world.session.get().expect("started").clone();
            match step {
                Step::Wait { seconds } => world.now = world.now.plus(Duration::from_secs(seconds.into())),
                Step::ClockBack { seconds } => {
                    world.now = Timestamp::from_millis(world.now.as_millis() - i64::from(seconds) * 1_000);
                }
                Step::Fence => {
                    world.sequence += 1;
                    world.standing.min_epoch = world.sequence;
                    world.standing.epoch = world.sequence;
                    over = true;
                }
                Step::End => {
                    let events = world.put(&SessionCommand::End { reason: EndReason::Logout, note: None }).expect("known");
                    prop_assert_eq!(events.is_empty(), before.ended.is_some());
                    over = true;
                }
                Step::Refresh { back } => {
                    let presented = (before.generation + 1).saturating_sub(back);
                    let answer = world.put(&SessionCommand::Refresh(Refresh {
                        presented,
                        standing: world.standing,
                        ip: ip(),
                        now: world.now,
                        idle: Duration::from_hours(24),
                        grace: Duration::from_secs(10),
                    }));
                    let after = world.session.get().expect("started");
                    match answer {
                        Ok(events) => {
                            prop_assert!(!over, "nothing is granted after the end");
                            prop_assert!(world.now < before.expires_at && world.now < before.idle_expires_at);
                            match events.as_slice() {
                                // The same successor: for the predecessor only, and soon.
                                [] => {
                                    prop_assert_eq!(presented + 1, before.generation);
                                    prop_assert!(world.now.distance(before.rotated_at) <= Duration::from_secs(10));
                                }
                                [SessionEvent::Refreshed(_)] => {
                                    prop_assert_eq!(presented, before.generation);
                                    prop_assert_eq!(after.generation, before.generation + 1);
                                }
                                _ => {
                                    prop_assert!(presented < before.generation);
                                    prop_assert_eq!(after.ended, Some(EndReason::RefreshReused));
                                    over = true;
                                }
                            }
                        }
                        Err(refusal) => {
                            prop_assert_eq!(after, &before, "a refusal changes nothing");
                            if refusal == SessionRefusal::NeverIssued {
                                prop_assert!(presented == 0 || presented > before.generation);
                            }
                        }
                    }
                }
            }
            let after = world.session.get().expect("started");
            prop_assert!(after.generation >= before.generation);
            prop_assert!(before.ended.is_none() || after.ended == before.ended, "an end is final");
            prop_assert_eq!((&after.acr, &after.amr, after.auth_time, after.epoch),
                (&before.acr, &before.amr, before.auth_time, before.epoch), "a refresh proves nothing new");
            prop_assert_eq!(after.expires_at, before.expires_at);
            prop_assert!(after.idle_expires_at <= after.expires_at);
            // The snapshot beside the events says what the events say.
            let snapshot = world.session.snapshot().expect("started");
            prop_assert_eq!(Session::restore(&snapshot), Some(world.session.clone()));
        }
    }
}
