//! `countersign dev --demo`: people who do not exist come and go through the
//! deployment's own front door, so that there is something to see.
//!
//! One step after the other, so many a second: nothing waits in a queue, and
//! a service that is away is asked less and less often. The dice always fall
//! the same way; what the service answers does not. All addresses are of
//! ranges that are kept for documentation and measurements.

mod burst;
mod dice;
mod door;
mod factor;
mod people;
mod visits;

use std::time::Duration;

use countersign_api::Clock;
use tokio::time::{MissedTickBehavior, interval};

use self::burst::Burst;
use self::dice::Dice;
use self::door::{Door, Trouble};
pub(crate) use self::people::{Book, Person};
use crate::parts::Failure;

/// How the dice fall.
const SEED: u64 = 0x5eed_0f11_5ca1_ab1e;

/// The longest pause while the service is away.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Steps from one thing an operator does to the next.
const OPERATOR_STEPS: u64 = 150;

/// What a demonstration needs.
pub(crate) struct Demo {
    /// Where the service is.
    pub(crate) url: String,
    /// Who there is.
    pub(crate) book: Book,
    /// Steps a second.
    pub(crate) rate: u32,
    /// What authenticator apps go by.
    pub(crate) clock: Clock,
}

/// Who knocks, and what they draw their lots with.
struct Stage {
    door: Door,
    dice: Dice,
    book: Book,
    clock: Clock,
}

/// Lets people come and go until it is dropped.
pub(crate) async fn run(demo: Demo) -> Result<(), Failure> {
    let rate = demo.rate.max(1);
    let mut stage = Stage {
        door: Door::new(demo.url)?,
        dice: Dice::new(SEED),
        book: demo.book,
        clock: demo.clock,
    };
    let mut steps = interval(Duration::from_secs(1) / rate);
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let pause_max = u32::try_from(PAUSE_MAX.as_secs()).unwrap_or(u32::MAX) * rate;
    let (mut pause, mut quiet) = (0u32, 0u32);
    let mut burst = Burst::default();
    let mut count = 0u64;
    loop {
        steps.tick().await;
        if quiet > 0 {
            quiet -= 1;
            continue;
        }
        count += 1;
        let outcome = if Burst::is_due(count) {
            burst.step(&mut stage).await
        } else if count.is_multiple_of(OPERATOR_STEPS) {
            stage.operate().await
        } else {
            stage.visit().await
        };
        match outcome {
            // Being refused is part of life.
            Ok(()) | Err(Trouble::Refused(_)) => pause = 0,
            Err(Trouble::Away) => {
                pause = pause.saturating_mul(2).clamp(1, pause_max);
                quiet = pause;
            }
            Err(Trouble::Failed(failure)) => return Err(failure),
        }
    }
}
