//! A session: one sign-in, its rotations, its end.

mod command;
mod decide;
#[cfg(test)]
mod properties;
mod snapshot;
#[cfg(test)]
mod tests;

use countersign_events::{
    AccountId, Acr, EndReason, FactorKind, SessionEvent, SessionId, Timestamp,
};
use serde_json::value::RawValue;

use crate::{Aggregate, Fact, SealedIn};

pub use command::{Attempt, Place, Refresh, SessionCommand, SessionRefusal, Start, StepUp};
pub use decide::MOST_TRIES;

/// The state of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "held behind an Arc, one each")]
pub enum Session {
    /// It never began, or the log has forgotten it.
    #[default]
    Absent,
    /// The password was right, and the second factor is still to come.
    Pending(Pending),
    /// It began. It may have ended since.
    Live(Live),
}

/// A sign-in that waits for its second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Whose session it may become.
    pub account: AccountId,
    /// The account's epoch that the sign-in had seen.
    pub epoch: u64,
    /// The methods used so far (RFC 8176).
    pub amr: Vec<String>,
    /// Until when it can be completed.
    pub expires_at: Timestamp,
    /// When the log may forget it.
    pub forget_at: Timestamp,
    /// How often a second factor was wrong.
    pub tries: u8,
    /// What was wrong last.
    pub rejected: Option<FactorKind>,
}

/// A session that was started. It may have ended since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Whose it is.
    pub account: AccountId,
    /// The account's epoch that its sign-in had seen.
    pub epoch: u64,
    /// The client it was started on.
    pub client: String,
    /// How strongly the person is known.
    pub acr: Acr,
    /// How the person authenticated (RFC 8176).
    pub amr: Vec<String>,
    /// When the person authenticated.
    pub auth_time: Timestamp,
    /// The generation of the live refresh token; the first is 1.
    pub generation: u32,
    /// When that generation came to be.
    pub rotated_at: Timestamp,
    /// When it expires unless refreshed before.
    pub idle_expires_at: Timestamp,
    /// When it expires whatever happens.
    pub expires_at: Timestamp,
    /// When the log may forget it.
    pub forget_at: Timestamp,
    /// Why it ended, if it has.
    pub ended: Option<EndReason>,
    /// Whether it came of a sign-in in two steps.
    pub was_attempted: bool,
    /// Whether the live generation replaced the one before when the person
    /// proved again who they are: then the one before gets no successor.
    pub was_replaced: bool,
    /// What it is tied to, if to anything.
    pub binding: Option<SealedIn>,
}

impl Session {
    /// What the sign-in made, if it was completed.
    pub fn get(&self) -> Option<&Live> {
        match self {
            Self::Live(live) => Some(live),
            Self::Absent | Self::Pending(_) => None,
        }
    }

    /// The sign-in that waits for its second factor, if it does.
    pub fn pending(&self) -> Option<&Pending> {
        match self {
            Self::Pending(pending) => Some(pending),
            Self::Absent | Self::Live(_) => None,
        }
    }
}

impl Aggregate for Session {
    type Id = SessionId;
    type Event = SessionEvent;
    type Command = SessionCommand;
    type Refusal = SessionRefusal;

    const SNAPSHOTS: bool = true;

    fn decide(&self, command: &SessionCommand) -> Result<Vec<SessionEvent>, SessionRefusal> {
        decide::decide(self, command)
    }

    fn evolve(&mut self, event: &SessionEvent, fact: Fact) {
        match (event, &mut *self) {
            (SessionEvent::Attempted(attempted), _) => {
                *self = Self::Pending(Pending {
                    account: attempted.account,
                    epoch: attempted.epoch,
                    amr: attempted.amr.clone(),
                    expires_at: attempted.expires_at,
                    forget_at: attempted.forget_at,
                    tries: 0,
                    rejected: None,
                });
            }
            (SessionEvent::FactorRejected(rejected), Self::Pending(pending)) => {
                pending.tries = rejected.tries;
                pending.rejected = Some(rejected.method);
            }
            (SessionEvent::Started(started), before) => {
                let was_attempted = before.pending().is_some();
                *self = Self::Live(Live {
                    account: started.account,
                    epoch: started.epoch,
                    client: started.client.clone(),
                    acr: started.acr,
                    amr: started.amr.clone(),
                    auth_time: started.auth_time,
                    generation: 1,
                    rotated_at: fact.occurred_at,
                    idle_expires_at: started.idle_expires_at,
                    expires_at: started.expires_at,
                    forget_at: started.forget_at,
                    ended: None,
                    was_attempted,
                    was_replaced: false,
                    binding: None,
                });
            }
            (SessionEvent::Refreshed(refreshed), Self::Live(live)) => {
                live.generation = refreshed.generation;
                live.rotated_at = fact.occurred_at;
                live.idle_expires_at = refreshed.idle_expires_at;
                live.was_replaced = false;
            }
            (SessionEvent::SteppedUp(raised), Self::Live(live)) => {
                live.acr = raised.acr;
                live.amr.clone_from(&raised.amr);
                live.auth_time = raised.auth_time;
                if raised.generation > live.generation {
                    live.generation = raised.generation;
                    live.rotated_at = fact.occurred_at;
                    live.was_replaced = true;
                }
            }
            (SessionEvent::Continued(continued), Self::Live(live)) => {
                live.epoch = live.epoch.max(continued.epoch);
            }
            (SessionEvent::Bound(bound), Self::Live(live)) => {
                live.binding = Some(SealedIn {
                    message: fact.message,
                    value: bound.binding.clone(),
                });
            }
            (SessionEvent::Ended(ended), Self::Live(live)) => {
                live.ended.get_or_insert(ended.reason);
            }
            // What is left of a session whose start the log has forgotten
            // means nothing any more.
            (SessionEvent::RefreshReused(_) | SessionEvent::BindingBroken(_), _)
            | (_, Self::Absent | Self::Pending(_))
            | (SessionEvent::FactorRejected(_), Self::Live(_)) => {}
        }
    }

    fn forget_at(&self) -> Option<Timestamp> {
        match self {
            Self::Absent => None,
            Self::Pending(pending) => Some(pending.forget_at),
            Self::Live(live) => Some(live.forget_at),
        }
    }

    fn snapshot(&self) -> Option<Box<RawValue>> {
        snapshot::write(self)
    }

    fn restore(snapshot: &RawValue) -> Option<Self> {
        snapshot::read(snapshot)
    }
}
