//! One second factor: that nothing is accepted twice.

mod snapshot;
#[cfg(test)]
mod tests;

use countersign_events::{
    AccountId, AssertionAccepted, CodeAccepted, FactorEvent, FactorId, Timestamp,
};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{Aggregate, Fact};

/// What the uses of a factor have left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FactorUse {
    /// The time step of the last accepted code.
    pub last_step: u64,
    /// The highest count of signatures seen.
    pub counter: u32,
    /// The challenges that were signed and would still be open.
    signed: Vec<(Uuid, Timestamp)>,
    /// When the log may forget the last use.
    forget_at: Option<Timestamp>,
}

/// How many open challenges are remembered. More signatures than that within
/// the life of a challenge are refused.
const MOST_SIGNED: usize = 64;

/// What can be asked of a factor.
#[derive(Debug, Clone)]
pub enum FactorUseCommand {
    /// Accept a code that was found to be right.
    AcceptCode {
        /// Whose factor it is.
        account: AccountId,
        /// The code's time step.
        step: u64,
        /// When the log may forget it.
        forget_at: Timestamp,
    },
    /// Accept a signature that was found to be right.
    AcceptAssertion {
        /// Whose factor it is.
        account: AccountId,
        /// What was signed.
        challenge: Uuid,
        /// When the challenge expires.
        expires_at: Timestamp,
        /// The authenticator's count of signatures; 0 if it does not count.
        counter: u32,
        /// The count that is known from elsewhere: the vault's.
        known_counter: u32,
        /// The time.
        now: Timestamp,
        /// When the log may forget it.
        forget_at: Timestamp,
    },
}

/// Why a factor says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactorUseRefusal {
    /// The code, or a later one, was accepted before.
    #[error("the code was used before")]
    CodeUsed,
    /// The challenge was signed before, or has expired.
    #[error("the challenge is not open any more")]
    ChallengeClosed,
    /// The authenticator counts backwards: there is a copy of it.
    #[error("the authenticator may have been copied")]
    CounterWentBack,
}

impl Aggregate for FactorUse {
    type Id = FactorId;
    type Event = FactorEvent;
    type Command = FactorUseCommand;
    type Refusal = FactorUseRefusal;

    const SNAPSHOTS: bool = true;

    fn decide(&self, command: &FactorUseCommand) -> Result<Vec<FactorEvent>, FactorUseRefusal> {
        match command {
            FactorUseCommand::AcceptCode {
                account,
                step,
                forget_at,
            } => {
                if *step <= self.last_step {
                    return Err(FactorUseRefusal::CodeUsed);
                }
                Ok(vec![
                    CodeAccepted {
                        account: *account,
                        step: *step,
                        forget_at: *forget_at,
                    }
                    .into(),
                ])
            }
            FactorUseCommand::AcceptAssertion {
                account,
                challenge,
                expires_at,
                counter,
                known_counter,
                now,
                forget_at,
            } => {
                let open = self.signed.iter().filter(|(_, until)| *now < *until);
                let was_signed = self.signed.iter().any(|(signed, _)| signed == challenge);
                if was_signed || *now >= *expires_at || open.count() >= MOST_SIGNED {
                    return Err(FactorUseRefusal::ChallengeClosed);
                }
                let known = self.counter.max(*known_counter);
                if (known > 0 || *counter > 0) && *counter <= known {
                    return Err(FactorUseRefusal::CounterWentBack);
                }
                Ok(vec![
                    AssertionAccepted {
                        account: *account,
                        challenge: *challenge,
                        expires_at: *expires_at,
                        counter: *counter,
                        forget_at: *forget_at,
                    }
                    .into(),
                ])
            }
        }
    }

    fn evolve(&mut self, event: &FactorEvent, fact: Fact) {
        match event {
            FactorEvent::CodeAccepted(accepted) => {
                self.last_step = self.last_step.max(accepted.step);
                self.forget_at = Some(accepted.forget_at);
            }
            FactorEvent::AssertionAccepted(accepted) => {
                self.signed.retain(|(_, until)| fact.occurred_at < *until);
                self.signed.push((accepted.challenge, accepted.expires_at));
                self.counter = self.counter.max(accepted.counter);
                self.forget_at = Some(accepted.forget_at);
            }
        }
    }

    fn forget_at(&self) -> Option<Timestamp> {
        self.forget_at
    }

    fn snapshot(&self) -> Option<Box<RawValue>> {
        snapshot::write(self)
    }

    fn restore(snapshot: &RawValue) -> Option<Self> {
        snapshot::read(snapshot)
    }
}
