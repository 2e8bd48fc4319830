//! A revocation: the order to end every session of a kind.
//!
//! Which sessions it is about is not decided here; each is ended by its own
//! command, which names the order as its cause. Here it is decided what becomes
//! of the order itself, once, whoever carries it out.

use countersign_events::{
    MessageId, RevocationCancelled, RevocationCompleted, RevocationCounted, RevocationEvent,
    RevocationId, RevocationRequested,
};

use crate::{Aggregate, Fact};

/// The state of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Revocation {
    /// It was never given.
    #[default]
    Absent,
    /// It was given, and is to be carried out.
    Open {
        /// The message of the order, which the ends name as their cause.
        message: MessageId,
        /// How many sessions it is about, once they were counted.
        matched: Option<u64>,
    },
    /// It was carried out.
    Completed {
        /// The message of the order.
        message: MessageId,
    },
    /// It was given up.
    Cancelled {
        /// The message of the order.
        message: MessageId,
    },
}

/// What can be asked of an order.
#[derive(Debug, Clone)]
pub enum RevocationCommand {
    /// Give it.
    Request(RevocationRequested),
    /// Note how many sessions it is about.
    Count(RevocationCounted),
    /// Note that it was carried out.
    Complete(RevocationCompleted),
    /// Give it up.
    Cancel(RevocationCancelled),
}

/// Why an order says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevocationRefusal {
    /// There is no such order.
    #[error("no such revocation")]
    Unknown,
    /// The id is an order already.
    #[error("the revocation exists already")]
    Exists,
    /// It was carried out.
    #[error("the revocation was carried out")]
    Completed,
    /// It was given up.
    #[error("the revocation was cancelled")]
    Cancelled,
}

impl Revocation {
    /// The message of the order, if it was given.
    pub fn message(&self) -> Option<MessageId> {
        match self {
            Self::Absent => None,
            Self::Open { message, .. }
            | Self::Completed { message }
            | Self::Cancelled { message } => Some(*message),
        }
    }

    /// Whether it is still to be carried out.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

impl Aggregate for Revocation {
    type Id = RevocationId;
    type Event = RevocationEvent;
    type Command = RevocationCommand;
    type Refusal = RevocationRefusal;

    fn decide(
        &self,
        command: &RevocationCommand,
    ) -> Result<Vec<RevocationEvent>, RevocationRefusal> {
        match (self, command) {
            (Self::Absent, RevocationCommand::Request(requested)) => {
                Ok(vec![requested.clone().into()])
            }
            (Self::Absent, _) => Err(RevocationRefusal::Unknown),
            (_, RevocationCommand::Request(_)) => Err(RevocationRefusal::Exists),
            // The first count stands: a second pass over the same order finds
            // the same sessions, or fewer that were forgotten meanwhile.
            (Self::Open { matched, .. }, RevocationCommand::Count(counted)) => Ok(match matched {
                Some(_) => Vec::new(),
                None => vec![counted.clone().into()],
            }),
            (Self::Open { .. }, RevocationCommand::Complete(completed)) => {
                Ok(vec![completed.clone().into()])
            }
            (Self::Open { .. }, RevocationCommand::Cancel(cancelled)) => {
                Ok(vec![cancelled.clone().into()])
            }
            // Somebody else has carried it out as well.
            (
                Self::Completed { .. },
                RevocationCommand::Complete(_) | RevocationCommand::Count(_),
            )
            | (Self::Cancelled { .. }, RevocationCommand::Cancel(_)) => Ok(Vec::new()),
            (Self::Completed { .. }, RevocationCommand::Cancel(_)) => {
                Err(RevocationRefusal::Completed)
            }
            (
                Self::Cancelled { .. },
                RevocationCommand::Complete(_) | RevocationCommand::Count(_),
            ) => Err(RevocationRefusal::Cancelled),
        }
    }

    fn evolve(&mut self, event: &RevocationEvent, fact: Fact) {
        match (event, &mut *self) {
            (RevocationEvent::Requested(_), _) => {
                *self = Self::Open {
                    message: fact.message,
                    matched: None,
                };
            }
            (RevocationEvent::Counted(counted), Self::Open { matched, .. }) => {
                *matched = Some(counted.matched);
            }
            (RevocationEvent::Completed(_), Self::Open { message, .. }) => {
                *self = Self::Completed { message: *message };
            }
            (RevocationEvent::Cancelled(_), Self::Open { message, .. }) => {
                *self = Self::Cancelled { message: *message };
            }
            (
                RevocationEvent::Counted(_)
                | RevocationEvent::Completed(_)
                | RevocationEvent::Cancelled(_),
                _,
            ) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_events::Sealed;

    use super::*;
    use crate::testing::Given;

    fn requested() -> RevocationRequested {
        RevocationRequested {
            predicate: Sealed::from_bytes(b"where".to_vec()),
            fence: vec![7, 0],
            note: None,
        }
    }

    fn counted(matched: u64) -> RevocationCounted {
        RevocationCounted { matched }
    }

    fn completed(ended: u64) -> RevocationCompleted {
        RevocationCompleted {
            ended,
            already_over: 1,
            failed: 0,
        }
    }

    fn cancelled(ended: u64) -> RevocationCancelled {
        RevocationCancelled { ended }
    }

    #[test]
    fn an_order_is_given_once_under_its_id() {
        Given::<Revocation>::nothing()
            .when(RevocationCommand::Request(requested()))
            .then([requested().into()]);
        Given::<Revocation>::events([requested().into()])
            .when(RevocationCommand::Request(requested()))
            .refused(RevocationRefusal::Exists);
    }

    #[test]
    fn what_was_never_ordered_is_not_carried_out() {
        for command in [
            RevocationCommand::Count(counted(1)),
            RevocationCommand::Complete(completed(1)),
            RevocationCommand::Cancel(cancelled(1)),
        ] {
            Given::<Revocation>::nothing()
                .when(command)
                .refused(RevocationRefusal::Unknown);
        }
    }

    #[test]
    fn two_who_carry_it_out_count_and_complete_it_once() {
        Given::<Revocation>::events([requested().into(), counted(3).into()])
            .when(RevocationCommand::Count(counted(2)))
            .then([]);
        Given::<Revocation>::events([requested().into(), counted(3).into()])
            .when(RevocationCommand::Complete(completed(2)))
            .then([completed(2).into()]);
        let over = [requested().into(), counted(3).into(), completed(2).into()];
        Given::<Revocation>::events(over.clone())
            .when(RevocationCommand::Complete(completed(1)))
            .then([]);
        Given::<Revocation>::events(over)
            .when(RevocationCommand::Count(counted(9)))
            .then([]);
    }

    #[test]
    fn what_is_over_is_not_cancelled_and_what_is_cancelled_not_completed() {
        Given::<Revocation>::events([requested().into(), completed(3).into()])
            .when(RevocationCommand::Cancel(cancelled(3)))
            .refused(RevocationRefusal::Completed);
        let given_up = [requested().into(), cancelled(1).into()];
        Given::<Revocation>::events(given_up.clone())
            .when(RevocationCommand::Cancel(cancelled(2)))
            .then([]);
        Given::<Revocation>::events(given_up.clone())
            .when(RevocationCommand::Complete(completed(3)))
            .refused(RevocationRefusal::Cancelled);
        let state = Given::<Revocation>::events(given_up).state();
        assert!(!state.is_open() && state.message().is_some());
    }
}
