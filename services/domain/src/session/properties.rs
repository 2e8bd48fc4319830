//! Random command sequences against the invariants of a session.

use core::time::Duration;

use countersign_events::{
    AccountId, Acr, EndReason, FactorKind, MessageId, Sealed, SessionEvent, Timestamp,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    Attempt, Live, MOST_TRIES, Place, Refresh, Session, SessionCommand, SessionRefusal, Start,
    StepUp,
};
use crate::testing::START;
use crate::{Aggregate, Fact, Standing};

#[derive(Debug, Clone)]
enum Step {
    Refresh { back: u32, elsewhere: bool },
    Raise { acr: Acr, replaces_token: bool },
    End,
    Fence,
    Continue,
    AskForFactor,
    Wait { seconds: u32 },
    ClockBack { seconds: u32 },
}

fn acr() -> impl Strategy<Value = Acr> {
    prop_oneof![Just(Acr::Aal1), Just(Acr::Aal2), Just(Acr::Aal3)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u32..4, prop::bool::weighted(0.1))
            .prop_map(|(back, elsewhere)| Step::Refresh { back, elsewhere }),
        2 => (acr(), any::<bool>())
            .prop_map(|(acr, replaces_token)| Step::Raise { acr, replaces_token }),
        1 => Just(Step::End),
        1 => Just(Step::Fence),
        1 => Just(Step::Continue),
        1 => Just(Step::AskForFactor),
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

fn start(standing: Standing, acr: Acr, now: Timestamp) -> Start {
    Start {
        account: AccountId::from_uuid(Uuid::from_u128(1)),
        standing,
        client: "first-party".into(),
        ip: ip(),
        user_agent: None,
        acr,
        amr: vec!["otp".into()],
        binding: None,
        now,
        idle: Duration::from_hours(24),
        absolute: Duration::from_hours(72),
        retention: Duration::from_hours(24),
    }
}

fn nothing() -> World {
    World {
        session: Session::default(),
        standing: Standing {
            active: true,
            needs_factor: false,
            min_epoch: 0,
            epoch: 1,
        },
        now: START,
        sequence: 1,
    }
}

fn attempted(needs_factor: bool) -> World {
    let mut world = nothing();
    world.standing.needs_factor = needs_factor;
    let attempt = Attempt {
        account: AccountId::from_uuid(Uuid::from_u128(1)),
        standing: world.standing,
        ip: ip(),
        amr: vec!["pwd".into()],
        now: START,
        lifetime: Duration::from_mins(5),
        retention: Duration::from_hours(24),
    };
    world
        .put(&SessionCommand::Attempt(attempt))
        .expect("is tried");
    world
}

fn begun(in_two_steps: bool) -> World {
    let mut world = if in_two_steps {
        attempted(true)
    } else {
        nothing()
    };
    let acr = if in_two_steps { Acr::Aal2 } else { Acr::Aal1 };
    let start = start(world.standing, acr, START);
    world.put(&SessionCommand::Start(start)).expect("starts");
    world
}

impl World {
    fn live(&self) -> Live {
        self.session.get().expect("started").clone()
    }

    /// Whether the account's side ended it.
    fn is_fenced(&self) -> bool {
        self.live().epoch < self.standing.min_epoch
    }

    fn wait(&mut self, seconds: u32) {
        self.now = self.now.plus(Duration::from_secs(seconds.into()));
    }

    fn clock_back(&mut self, seconds: u32) {
        self.now = Timestamp::from_millis(self.now.as_millis() - i64::from(seconds) * 1_000);
    }

    fn fence(&mut self) {
        self.sequence += 1;
        self.standing.min_epoch = self.sequence;
        self.standing.epoch = self.sequence;
    }

    fn refresh(&mut self, presented: u32, elsewhere: bool) -> Result<(), TestCaseError> {
        let before = self.live();
        let over = before.ended.is_some() || self.is_fenced();
        let answer = self.put(&SessionCommand::Refresh(Refresh {
            presented,
            standing: self.standing,
            ip: ip(),
            place: if elsewhere {
                Place::Refused
            } else {
                Place::Same
            },
            now: self.now,
            idle: Duration::from_hours(24),
            grace: Duration::from_secs(10),
        }));
        let after = self.live();
        let soon = self.now.distance(before.rotated_at) <= Duration::from_secs(10);
        let events = match answer {
            Ok(events) => events,
            Err(refusal) => {
                prop_assert_eq!(&after, &before, "a refusal changes nothing");
                match refusal {
                    SessionRefusal::NeverIssued => {
                        prop_assert!(presented == 0 || presented > before.generation);
                    }
                    SessionRefusal::Replaced => {
                        prop_assert!(before.was_replaced && soon);
                        prop_assert_eq!(presented + 1, before.generation);
                    }
                    SessionRefusal::Elsewhere => prop_assert!(elsewhere),
                    SessionRefusal::Ended(_) | SessionRefusal::Fenced | SessionRefusal::Expired => {
                    }
                    other => prop_assert!(false, "{:?}", other),
                }
                return Ok(());
            }
        };
        prop_assert!(!over, "nothing is granted after the end");
        prop_assert!(self.now < before.expires_at && self.now < before.idle_expires_at);
        match events.as_slice() {
            // The same successor: for the predecessor only, and soon.
            [] => {
                prop_assert_eq!(presented + 1, before.generation);
                prop_assert!(soon && !elsewhere && !before.was_replaced);
            }
            [SessionEvent::Refreshed(_)] => {
                prop_assert!(!elsewhere);
                prop_assert_eq!(presented, before.generation);
                prop_assert_eq!(after.generation, before.generation + 1);
            }
            _ => {
                prop_assert!(presented < before.generation);
                prop_assert_eq!(after.ended, Some(EndReason::RefreshReused));
            }
        }
        prop_assert_eq!(
            (after.acr, &after.amr, after.auth_time, after.epoch),
            (before.acr, &before.amr, before.auth_time, before.epoch),
            "a refresh proves nothing new"
        );
        Ok(())
    }

    fn step_up(&mut self, acr: Acr, replaces_token: bool) -> Result<(), TestCaseError> {
        let before = self.live();
        let over = before.ended.is_some() || self.is_fenced();
        let answer = self.put(&SessionCommand::StepUp(StepUp {
            standing: self.standing,
            acr,
            amr: vec!["hwk".into()],
            binding: None,
            replaces_token,
            now: self.now,
        }));
        let after = self.live();
        if answer.is_err() {
            prop_assert_eq!(&after, &before, "a refusal changes nothing");
            return Ok(());
        }
        prop_assert!(!over, "nothing is granted after the end");
        prop_assert!(!self.standing.needs_factor || acr > Acr::Aal1);
        prop_assert_eq!(after.acr, acr);
        prop_assert!(after.auth_time >= before.auth_time);
        prop_assert!(before.amr.iter().all(|method| after.amr.contains(method)));
        prop_assert_eq!(
            after.generation,
            before.generation + u32::from(replaces_token)
        );
        Ok(())
    }

    fn go_on(&mut self) -> Result<(), TestCaseError> {
        let before = self.live();
        let epoch = self.standing.epoch;
        match self.put(&SessionCommand::Continue { epoch }) {
            Ok(_) => prop_assert!(before.ended.is_none() && !self.is_fenced()),
            Err(_) => prop_assert!(before.ended.is_some()),
        }
        Ok(())
    }

    /// The snapshot beside the events says what the events say.
    fn check_snapshot(&self) -> Result<(), TestCaseError> {
        let snapshot = self.session.snapshot().expect("there is something");
        prop_assert_eq!(Session::restore(&snapshot), Some(self.session.clone()));
        Ok(())
    }
}

fn cases() -> ProptestConfig {
    ProptestConfig::with_cases(if cfg!(debug_assertions) { 400 } else { 4_000 })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn invariants_hold_after_any_sequence(
        in_two_steps in any::<bool>(),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut world = begun(in_two_steps);
        for step in steps {
            let before = world.live();
            match step {
                Step::Wait { seconds } => world.wait(seconds),
                Step::ClockBack { seconds } => world.clock_back(seconds),
                Step::Fence => world.fence(),
                Step::AskForFactor => world.standing.needs_factor = true,
                Step::Continue => world.go_on()?,
                Step::End => {
                    let end = SessionCommand::End { reason: EndReason::Logout, note: None };
                    let events = world.put(&end).expect("known");
                    prop_assert_eq!(events.is_empty(), before.ended.is_some());
                }
                Step::Refresh { back, elsewhere } => {
                    let presented = (before.generation + 1).saturating_sub(back);
                    world.refresh(presented, elsewhere)?;
                }
                Step::Raise { acr, replaces_token } => world.step_up(acr, replaces_token)?,
            }
            let after = world.live();
            prop_assert!(after.generation >= before.generation);
            prop_assert!(after.epoch >= before.epoch);
            prop_assert!(before.ended.is_none() || after.ended == before.ended, "an end is final");
            prop_assert_eq!(after.expires_at, before.expires_at);
            prop_assert!(after.idle_expires_at <= after.expires_at);
            world.check_snapshot()?;
        }
    }

    #[test]
    fn an_attempt_is_completed_at_most_once_in_time_and_within_its_tries(
        steps in prop::collection::vec((0u8..5, acr(), 0u32..120), 0..20),
    ) {
        let mut world = attempted(true);
        let mut tries = 0;
        for (what, acr, seconds) in steps {
            let pending = world.session.pending().cloned();
            match what {
                0 => world.fence(),
                1 => world.wait(seconds),
                2 => {
                    let start = start(world.standing, acr, world.now);
                    if world.put(&SessionCommand::Start(start)).is_ok() {
                        let pending = pending.expect("completed once");
                        prop_assert!(acr > Acr::Aal1 && tries < MOST_TRIES);
                        prop_assert!(world.now < pending.expires_at);
                        prop_assert!(pending.epoch >= world.standing.min_epoch);
                        prop_assert_eq!(&world.live().amr, &["pwd", "otp"]);
                    }
                }
                _ => {
                    let method = FactorKind::Totp;
                    let reject = SessionCommand::RejectFactor { method, now: world.now };
                    if world.put(&reject).is_ok() {
                        tries += 1;
                        prop_assert!(pending.is_some() && tries <= MOST_TRIES);
                        prop_assert_eq!(world.session.pending().map(|now| now.tries), Some(tries));
                    }
                }
            }
            world.check_snapshot()?;
        }
    }
}
