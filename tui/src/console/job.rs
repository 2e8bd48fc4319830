//! Carrying out what was confirmed, and looking who has applied it.

use std::collections::BTreeMap;

use countersign_openapi::{Applied, Revocation};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use super::confirm::Far;
use super::message::Message;
use super::order::{Arms, Done, Failed, Order};
use super::remote::{Remote, act};
use super::run::{TICK, now};
use super::verifier::{Reach, WATCHED};

/// Looks at an order under way that may bring nothing, one after the other.
const UNANSWERED_MAX: u32 = 20;

/// How often it is looked who has applied what several orders did, while there
/// are more to carry out.
const LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// What has to be applied.
#[derive(Debug, Default)]
struct Ends {
    /// An order that the service carries out on its own, and tells of itself.
    order: Option<Uuid>,
    /// The last position in each shard that has one.
    last: BTreeMap<u8, u64>,
}

impl Ends {
    fn add(&mut self, position: &str) {
        let Some((shard, sequence)) = position.split_once('.') else {
            return;
        };
        if let (Ok(shard), Ok(sequence)) = (shard.parse::<u8>(), sequence.parse::<u64>()) {
            let last = self.last.entry(shard).or_default();
            *last = sequence.max(*last);
        }
    }

    fn is_empty(&self) -> bool {
        self.order.is_none() && self.last.is_empty()
    }

    fn positions(&self) -> String {
        let last = self.last.iter();
        let last: Vec<String> = last
            .map(|(shard, sequence)| format!("{shard}.{sequence}"))
            .collect();
        last.join(",")
    }
}

/// Orders that were confirmed together.
pub(super) struct Job {
    remote: Remote,
    sender: mpsc::Sender<Message>,
    id: u64,
    ends: Ends,
}

/// The console is gone.
struct Gone;

impl Job {
    pub(super) fn new(remote: Remote, sender: mpsc::Sender<Message>, id: u64) -> Self {
        Self {
            remote,
            sender,
            id,
            ends: Ends::default(),
        }
    }

    /// Carries orders out one after the other, and then looks who has applied
    /// them. After one that failed in a way that all would, the others are not
    /// tried.
    pub(super) async fn carry_out(mut self, arms: Arms, orders: Vec<Order>) {
        let is_told = match self.each(arms, &orders).await {
            Ok(is_told) => is_told,
            Err(Gone) => return,
        };
        if !is_told && !self.ends.is_empty() {
            // A console that is gone hears nothing.
            let _ = self.look_on().await;
        }
    }

    /// Carries them out; whether the last word on who has applied them was told.
    async fn each(&mut self, arms: Arms, orders: &[Order]) -> Result<bool, Gone> {
        let (mut hopeless, mut is_told) = (false, false);
        let mut looked = Instant::now();
        for (index, order) in orders.iter().enumerate() {
            let outcome = if hopeless {
                Err(Failed::NotTried)
            } else if !arms.hold(now()) {
                Err(Failed::Disarmed)
            } else if order.filtered.is_some() {
                self.watch(order).await
            } else {
                self.remote.act(order).await
            };
            hopeless |= matches!(
                outcome,
                Err(Failed::NoAnswer(_) | Failed::SignedOut(_) | Failed::Disarmed)
            );
            if let Ok(done) = &outcome
                && order.verb.is_watched()
            {
                self.ends.add(&done.position);
                let applied = done.applied.as_ref();
                let is_last_word = applied.is_some_and(|applied| !applied.is_awaited());
                is_told = is_last_word && orders.len() == 1;
            }
            let job = self.id;
            self.tell(Message::Acted {
                job,
                index,
                outcome,
            })
            .await?;
            let is_last = index + 1 == orders.len();
            if !is_last && !self.ends.is_empty() && looked.elapsed() >= LOOK {
                looked = Instant::now();
                if let Ok(Some(applied)) = self.applied().await {
                    self.reached(Reach::SoFar(applied)).await?;
                }
            }
        }
        Ok(is_told)
    }

    /// Gives an order that the service carries out on its own, and tells how far
    /// it is until it is over.
    async fn watch(&mut self, order: &Order) -> Result<Done, Failed> {
        let mut known = self.remote.start(order).await?;
        self.ends.order = Some(known.id);
        let mut looks = interval(TICK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unanswered = 0;
        loop {
            if self.progress(&known).await.is_err() {
                return Err(Failed::NotTried);
            }
            if let Some(outcome) = act::outcome(&known) {
                return outcome;
            }
            looks.tick().await;
            match self.remote.progress(known.id).await {
                Ok(newer) => (known, unanswered) = (newer, 0),
                Err(Failed::NoAnswer(_)) if unanswered < UNANSWERED_MAX => unanswered += 1,
                Err(failed) => return Err(failed),
            }
        }
    }

    async fn progress(&self, known: &Revocation) -> Result<(), Gone> {
        self.tell(Message::Progress {
            job: self.id,
            far: Far::of(known),
        })
        .await?;
        match &known.applied {
            Some(applied) => self.reached(Reach::SoFar(applied.clone())).await,
            None => Ok(()),
        }
    }

    /// Looks who has applied what was done, until nobody is awaited or the time
    /// is over.
    async fn look_on(&self) -> Result<(), Gone> {
        let deadline = Instant::now() + WATCHED.unsigned_abs();
        let mut looks = interval(TICK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = None;
        loop {
            looks.tick().await;
            let is_over = Instant::now() >= deadline;
            match self.applied().await {
                Ok(Some(applied)) if !is_over && applied.is_awaited() => {
                    self.reached(Reach::SoFar(applied.clone())).await?;
                    known = Some(applied);
                }
                Ok(Some(applied)) => return self.reached(Reach::Last(applied)).await,
                // A service that does not say it never will.
                Ok(None) => return Ok(()),
                Err(Failed::NoAnswer(_)) if !is_over => {}
                Err(failed) => {
                    let reach = match (failed, known) {
                        // The last that was heard, rather than nothing.
                        (Failed::NoAnswer(_), Some(applied)) => Reach::Last(applied),
                        (failed, _) => Reach::Unknown(failed.told()),
                    };
                    return self.reached(reach).await;
                }
            }
        }
    }

    async fn applied(&self) -> Result<Option<Applied>, Failed> {
        match self.ends.order {
            Some(id) => Ok(self.remote.progress(id).await?.applied),
            None => Ok(Some(self.remote.applied(&self.ends.positions()).await?)),
        }
    }

    async fn reached(&self, reach: Reach) -> Result<(), Gone> {
        let job = self.id;
        self.tell(Message::Reached { job, reach }).await
    }

    async fn tell(&self, message: Message) -> Result<(), Gone> {
        self.sender.send(message).await.map_err(|_| Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_end_of_each_shard_is_asked_about() {
        let mut ends = Ends::default();
        assert!(ends.is_empty());
        for position in [
            "2.9",
            "0.7",
            "2.8",
            "an unnamed position",
            "",
            "300.1",
            "1.x",
        ] {
            ends.add(position);
        }
        assert_eq!(ends.positions(), "0.7,2.9");
    }
}
