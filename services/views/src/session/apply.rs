//! Session events as changes of rows.

use std::collections::HashMap;

use countersign_events::{
    AccountId, Acr, Actor, EndReason, Envelope, MessageId, Sealed, SessionEvent, SessionId,
    Started, Timestamp,
};

use crate::account::AccountEnd;
use crate::text::{TextChange, opened, storable};

mod proceed;
mod write;

pub(crate) use proceed::{Continuation, proceed};
pub(crate) use write::write;

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionEnd {
    pub sequence: u64,
    pub at: Timestamp,
    pub by: Actor,
    pub reason: EndReason,
    pub note: Option<String>,
    /// The account event that ended it, if it was one.
    pub epoch: Option<u64>,
    /// What led to it, if a message did.
    pub cause: Option<MessageId>,
}

/// When a session was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub at: Timestamp,
    pub idle_expires_at: Timestamp,
}

/// How well the person is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    pub acr: Acr,
    pub amr: Vec<String>,
    pub auth_time: Timestamp,
}

/// What is kept of the sign-in beside what the session has become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct First {
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub acr: Acr,
}

/// A row that came to be in this batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewSession {
    pub id: SessionId,
    pub account: AccountId,
    pub client: String,
    pub user_agent: Option<String>,
    pub ip: Option<String>,
    /// What the sign-in was, whatever comes after it.
    pub first: First,
    pub proof: Proof,
    pub started_at: Timestamp,
    pub expires_at: Timestamp,
    pub forget_at: Timestamp,
    pub generation: u32,
    pub epoch: u64,
    pub started_sequence: u64,
    /// The sign-in itself, or the last refresh after it.
    pub seen: Seen,
    pub elsewhere_at: Option<Timestamp>,
    pub end: Option<SessionEnd>,
    pub sequence: u64,
}

/// What this batch changes in a row that was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionPatch {
    pub id: SessionId,
    pub seen: Option<Seen>,
    pub ip: TextChange,
    pub user_agent: TextChange,
    pub generation: Option<u32>,
    pub proof: Option<Proof>,
    pub elsewhere_at: Option<Timestamp>,
    pub end: Option<SessionEnd>,
    pub sequence: u64,
}

/// Everything a batch changes in sessions, each session once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub created: Vec<NewSession>,
    pub patched: Vec<SessionPatch>,
    created_index: HashMap<SessionId, usize>,
    patched_index: HashMap<SessionId, usize>,
}

/// A row of this batch, wherever it is.
enum Row<'a> {
    Created(&'a mut NewSession),
    Patched(&'a mut SessionPatch),
}

impl Row<'_> {
    fn refresh(&mut self, seen: Seen, generation: u32) {
        match self {
            Self::Created(row) => row.seen = seen,
            Self::Patched(row) => row.seen = Some(seen),
        }
        self.rotate(generation);
    }

    fn rotate(&mut self, generation: u32) {
        match self {
            Self::Created(row) => row.generation = generation,
            Self::Patched(row) => row.generation = Some(generation),
        }
    }

    fn is_at(&mut self, ip: Option<String>) {
        match self {
            Self::Created(row) => row.ip = ip,
            Self::Patched(row) => row.ip = TextChange::To(ip),
        }
    }

    fn is_elsewhere(&mut self, at: Timestamp, user_agent: Option<String>) {
        match self {
            Self::Created(row) => {
                row.elsewhere_at = Some(at);
                row.user_agent = user_agent;
            }
            Self::Patched(row) => {
                row.elsewhere_at = Some(at);
                row.user_agent = TextChange::To(user_agent);
            }
        }
    }

    fn prove(&mut self, proof: Proof) {
        match self {
            Self::Created(row) => row.proof = proof,
            Self::Patched(row) => row.proof = Some(proof),
        }
    }

    /// The first end stands.
    fn end(&mut self, end: SessionEnd) {
        match self {
            Self::Created(row) => row.end.get_or_insert(end),
            Self::Patched(row) => row.end.get_or_insert(end),
        };
    }
}

impl Changes {
    /// Folds one event in. `open` answers the text of a sealed field, or none
    /// when its key is destroyed; `last_end` is the last event of this batch
    /// that ended all sessions of an account.
    pub(crate) fn add<E>(
        &mut self,
        sequence: u64,
        header: &Envelope<()>,
        event: &SessionEvent,
        last_end: impl Fn(AccountId) -> Option<AccountEnd>,
        open: &mut impl FnMut(&Sealed, &'static str) -> Result<Option<String>, E>,
    ) -> Result<(), E> {
        let id = SessionId::from_uuid(header.subject_id);
        let at = header.occurred_at;
        match event {
            SessionEvent::Started(started) => {
                let end = last_end(started.account);
                let ip = opened(Some(&started.ip), "ip", open)?;
                let user_agent = opened(started.user_agent.as_ref(), "user_agent", open)?;
                self.begin(id, sequence, at, started, (ip, user_agent), end);
            }
            SessionEvent::Refreshed(refreshed) => {
                let ip = opened(Some(&refreshed.ip), "ip", open)?;
                let seen = Seen {
                    at,
                    idle_expires_at: refreshed.idle_expires_at,
                };
                let mut row = self.row(id, sequence);
                row.refresh(seen, refreshed.generation);
                row.is_at(ip);
            }
            SessionEvent::SteppedUp(raised) => {
                let mut row = self.row(id, sequence);
                row.rotate(raised.generation);
                row.prove(Proof {
                    acr: raised.acr,
                    amr: raised.amr.clone(),
                    auth_time: raised.auth_time,
                });
            }
            SessionEvent::BindingBroken(broken) => {
                let ip = opened(Some(&broken.ip), "ip", open)?;
                let user_agent = opened(broken.user_agent.as_ref(), "user_agent", open)?;
                let mut row = self.row(id, sequence);
                row.is_at(ip);
                row.is_elsewhere(at, user_agent);
            }
            // The thief's address is for the history, not for the session's
            // row; the end that follows is. What a session is tied to is not
            // shown. A continuation is written alone: see `Continuation`.
            SessionEvent::RefreshReused(_)
            | SessionEvent::Bound(_)
            | SessionEvent::Continued(_) => {
                self.row(id, sequence);
            }
            SessionEvent::Ended(ended) => {
                let note = opened(ended.note.as_ref(), "note", open)?;
                self.row(id, sequence).end(SessionEnd {
                    sequence,
                    at,
                    by: header.actor,
                    reason: ended.reason,
                    note,
                    epoch: None,
                    cause: header.causation,
                });
            }
            // Until it is complete, it is no session to anybody.
            SessionEvent::Attempted(_) | SessionEvent::FactorRejected(_) => {}
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.created.is_empty() && self.patched.is_empty()
    }

    fn begin(
        &mut self,
        id: SessionId,
        sequence: u64,
        at: Timestamp,
        started: &Started,
        (ip, user_agent): (Option<String>, Option<String>),
        last_end: Option<AccountEnd>,
    ) {
        // A sign-in that raced the end of its account's sessions is over as it
        // begins.
        let end = last_end
            .filter(|end| started.epoch < end.sequence)
            .map(|end| SessionEnd {
                sequence,
                at,
                by: end.by,
                reason: end.reason,
                note: None,
                epoch: Some(end.sequence),
                cause: None,
            });
        self.created_index.insert(id, self.created.len());
        self.created.push(NewSession {
            id,
            account: started.account,
            client: storable(started.client.clone()),
            first: First {
                ip: ip.clone(),
                user_agent: user_agent.clone(),
                acr: started.acr,
            },
            user_agent,
            ip,
            proof: Proof {
                acr: started.acr,
                amr: started.amr.clone(),
                auth_time: started.auth_time,
            },
            started_at: at,
            expires_at: started.expires_at,
            forget_at: started.forget_at,
            generation: 1,
            epoch: started.epoch,
            started_sequence: sequence,
            seen: Seen {
                at,
                idle_expires_at: started.idle_expires_at,
            },
            elsewhere_at: None,
            end,
            sequence,
        });
    }

    fn row(&mut self, id: SessionId, sequence: u64) -> Row<'_> {
        if let Some(index) = self.created_index.get(&id) {
            let row = &mut self.created[*index];
            row.sequence = sequence;
            return Row::Created(row);
        }
        let index = *self.patched_index.entry(id).or_insert_with(|| {
            self.patched.push(SessionPatch {
                id,
                seen: None,
                ip: TextChange::Kept,
                user_agent: TextChange::Kept,
                generation: None,
                proof: None,
                elsewhere_at: None,
                end: None,
                sequence,
            });
            self.patched.len() - 1
        });
        let patch = &mut self.patched[index];
        patch.sequence = sequence;
        Row::Patched(patch)
    }
}
