//! A grant: one token that a client was given for itself.

use countersign_events::{ClientId, GrantEvent, GrantId, GrantRevoked, Timestamp};

use crate::{Aggregate, Fact};

/// The state of a grant. One that was never revoked has no subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// Whether its token is refused.
    pub is_revoked: bool,
    /// When the log may forget that.
    forget_at: Option<Timestamp>,
}

/// What can be asked of a grant.
#[derive(Debug, Clone)]
pub enum GrantCommand {
    /// Refuse its token from now on. Asked again, nothing happens.
    Revoke {
        /// Whose it is.
        client: ClientId,
        /// When the log may forget it: after the token has expired, and a day
        /// from now at least, so that a gap among young messages is known to
        /// be damage.
        forget_at: Timestamp,
    },
}

/// Why a grant says no. It never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantRefusal {}

impl Aggregate for Grant {
    type Id = GrantId;
    type Event = GrantEvent;
    type Command = GrantCommand;
    type Refusal = GrantRefusal;

    fn decide(&self, command: &GrantCommand) -> Result<Vec<GrantEvent>, GrantRefusal> {
        let GrantCommand::Revoke { client, forget_at } = command;
        if self.is_revoked {
            return Ok(Vec::new());
        }
        Ok(vec![
            GrantRevoked {
                client: *client,
                forget_at: *forget_at,
            }
            .into(),
        ])
    }

    fn evolve(&mut self, event: &GrantEvent, _fact: Fact) {
        let GrantEvent::Revoked(revoked) = event;
        self.is_revoked = true;
        self.forget_at = Some(revoked.forget_at);
    }

    fn forget_at(&self) -> Option<Timestamp> {
        self.forget_at
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::testing::{Given, START};

    fn client() -> ClientId {
        ClientId::from_uuid(Uuid::from_u128(7))
    }

    fn forget_at() -> Timestamp {
        START.plus(Duration::from_hours(48))
    }

    fn revoked() -> GrantEvent {
        GrantRevoked {
            client: client(),
            forget_at: forget_at(),
        }
        .into()
    }

    #[test]
    fn a_grant_is_revoked_once_and_forgotten_in_time() {
        let revoke = || GrantCommand::Revoke {
            client: client(),
            forget_at: forget_at(),
        };
        Given::<Grant>::nothing().when(revoke()).then([revoked()]);
        Given::<Grant>::events([revoked()]).when(revoke()).then([]);
        let state = Given::<Grant>::events([revoked()]).state();
        assert!(state.is_revoked);
        assert_eq!(state.forget_at(), Some(forget_at()));
        assert_eq!(Grant::default().forget_at(), None);
    }
}
