//! Events as rows of a history: that something happened, not what is sealed in
//! it.

use countersign_events::{AccountId, Actor, AnyEvent, Envelope, EventSet, SessionEvent, Timestamp};
use uuid::Uuid;

mod write;

pub(crate) use write::write;

/// When the log forgets the message of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forget {
    /// Never: it is about an account.
    Never,
    /// At a time that the event says.
    At(Timestamp),
    /// With its session, whose row knows when.
    WithSession,
    /// With the sign-in that it was a try at, whose row here knows when.
    WithAttempt,
}

/// A row that came to be in this batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewEntry {
    /// Whose history it is of, where the message says so.
    pub account: Option<AccountId>,
    pub sequence: u64,
    pub index: i16,
    pub occurred_at: Timestamp,
    pub noun: &'static str,
    pub subject: Uuid,
    pub name: &'static str,
    pub actor: Option<AccountId>,
    pub forget: Forget,
}

/// Everything that a batch adds, in the order of the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub entries: Vec<NewEntry>,
}

impl Changes {
    /// Folds one event in, the `index`th of its message.
    pub(crate) fn add(
        &mut self,
        sequence: u64,
        header: &Envelope<()>,
        index: usize,
        event: &AnyEvent,
    ) {
        let (noun, name, account, forget) = match event {
            AnyEvent::Account(event) => {
                let account = AccountId::from_uuid(header.subject_id);
                ("account", event.name(), Some(account), Forget::Never)
            }
            AnyEvent::Session(event) => {
                let (account, forget) = match event {
                    // What happens all the time is no history.
                    SessionEvent::Refreshed(_) => return,
                    SessionEvent::Started(started) => {
                        (Some(started.account), Forget::At(started.forget_at))
                    }
                    SessionEvent::Attempted(attempted) => {
                        (Some(attempted.account), Forget::At(attempted.forget_at))
                    }
                    SessionEvent::FactorRejected(_) => (header.account, Forget::WithAttempt),
                    SessionEvent::RefreshReused(_)
                    | SessionEvent::Ended(_)
                    | SessionEvent::SteppedUp(_)
                    | SessionEvent::Continued(_)
                    | SessionEvent::Bound(_)
                    | SessionEvent::BindingBroken(_) => (header.account, Forget::WithSession),
                };
                ("session", event.name(), account, forget)
            }
            AnyEvent::Email(_)
            | AnyEvent::Key(_)
            | AnyEvent::Factor(_)
            | AnyEvent::Client(_)
            | AnyEvent::Grant(_)
            | AnyEvent::Revocation(_) => return,
        };
        self.entries.push(NewEntry {
            account,
            sequence,
            index: i16::try_from(index).unwrap_or(i16::MAX),
            occurred_at: header.occurred_at,
            noun,
            subject: header.subject_id,
            name,
            actor: match header.actor {
                Actor::Account(id) => Some(id),
                Actor::System | Actor::Anonymous | Actor::Client(_) => None,
            },
            forget,
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
