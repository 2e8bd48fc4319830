//! A session: one sign-in, its rotations, its end.

mod command;
mod decide;
#[cfg(test)]
mod properties;
mod snapshot;
#[cfg(test)]
mod tests;

use countersign_events::{AccountId, Acr, EndReason, SessionEvent, SessionId, Timestamp};
use serde_json::value::RawValue;

use crate::{Aggregate, Fact};

pub use command::{Refresh, SessionCommand, SessionRefusal, Start};

/// The state of a session: nothing, or what its sign-in made it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session(Option<Live>);

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
}

impl Session {
    /// What the sign-in made, if there was one.
    pub fn get(&self) -> Option<&Live> {
        self.0.as_ref()
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
        match (event, &mut self.0) {
            (SessionEvent::Started(started), state) => {
                *state = Some(Live {
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
                });
            }
            (SessionEvent::Refreshed(refreshed), Some(live)) => {
                live.generation = refreshed.generation;
                live.rotated_at = fact.occurred_at;
                live.idle_expires_at = refreshed.idle_expires_at;
            }
            (SessionEvent::Ended(ended), Some(live)) => {
                live.ended.get_or_insert(ended.reason);
            }
            // What is left of a session whose start the log has forgotten
            // means nothing any more.
            (SessionEvent::RefreshReused(_), _) | (_, None) => {}
        }
    }

    fn forget_at(&self) -> Option<Timestamp> {
        self.get().map(|live| live.forget_at)
    }

    fn snapshot(&self) -> Option<Box<RawValue>> {
        snapshot::write(self)
    }

    fn restore(snapshot: &RawValue) -> Option<Self> {
        snapshot::read(snapshot)
    }
}
