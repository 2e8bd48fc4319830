//! Session events as changes of rows.

use std::collections::HashMap;

use countersign_events::{
    AccountId, Acr, Actor, EndReason, Envelope, Sealed, SessionEvent, SessionId, Timestamp,
};

use crate::account::AccountEnd;
use crate::text;

mod write;

pub(crate) use write::write;

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionEnd {
    pub sequence: u64,
    pub at: Timestamp,
    pub by: Actor,
    pub reason: EndReason,
    pub note: Option<String>,
}

/// A refresh: what it changes in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionRefresh {
    pub generation: u32,
    pub at: Timestamp,
    pub idle_expires_at: Timestamp,
    pub ip: Option<String>,
}

/// A row that came to be in this batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewSession {
    pub id: SessionId,
    pub account: AccountId,
    pub client: String,
    pub user_agent: Option<String>,
    pub acr: Acr,
    pub amr: Vec<String>,
    pub started_at: Timestamp,
    pub auth_time: Timestamp,
    pub expires_at: Timestamp,
    pub forget_at: Timestamp,
    pub epoch: u64,
    pub started_sequence: u64,
    /// The sign-in itself, or the last refresh after it.
    pub seen: SessionRefresh,
    pub end: Option<SessionEnd>,
    pub sequence: u64,
}

/// What this batch changes in a row that was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionPatch {
    pub id: SessionId,
    pub seen: Option<SessionRefresh>,
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
struct Row<'a> {
    seen: Seen<'a>,
    end: &'a mut Option<SessionEnd>,
}

enum Seen<'a> {
    Created(&'a mut SessionRefresh),
    Patched(&'a mut Option<SessionRefresh>),
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
                let ip = open(&started.ip, "ip")?.map(text::storable);
                let user_agent = match &started.user_agent {
                    Some(sealed) => open(sealed, "user_agent")?.map(text::storable),
                    None => None,
                };
                // A sign-in that raced the end of its account's sessions is
                // over as it begins.
                let end = last_end(started.account)
                    .filter(|end| started.epoch < end.sequence)
                    .map(|end| SessionEnd {
                        sequence,
                        at,
                        by: end.by,
                        reason: end.reason,
                        note: None,
                    });
                self.created_index.insert(id, self.created.len());
                self.created.push(NewSession {
                    id,
                    account: started.account,
                    client: text::storable(started.client.clone()),
                    user_agent,
                    acr: started.acr,
                    amr: started.amr.clone(),
                    started_at: at,
                    auth_time: started.auth_time,
                    expires_at: started.expires_at,
                    forget_at: started.forget_at,
                    epoch: started.epoch,
                    started_sequence: sequence,
                    seen: SessionRefresh {
                        generation: 1,
                        at,
                        idle_expires_at: started.idle_expires_at,
                        ip,
                    },
                    end,
                    sequence,
                });
            }
            SessionEvent::Refreshed(refreshed) => {
                let refresh = SessionRefresh {
                    generation: refreshed.generation,
                    at,
                    idle_expires_at: refreshed.idle_expires_at,
                    ip: open(&refreshed.ip, "ip")?.map(text::storable),
                };
                match self.row(id, sequence).seen {
                    Seen::Created(seen) => *seen = refresh,
                    Seen::Patched(seen) => *seen = Some(refresh),
                }
            }
            // The thief's address is for the history, not for the session's
            // row; the end that follows is.
            SessionEvent::RefreshReused(_) => {
                self.row(id, sequence);
            }
            SessionEvent::Ended(ended) => {
                let note = match &ended.note {
                    Some(sealed) => open(sealed, "note")?.map(text::storable),
                    None => None,
                };
                // The first end stands.
                self.row(id, sequence).end.get_or_insert(SessionEnd {
                    sequence,
                    at,
                    by: header.actor,
                    reason: ended.reason,
                    note,
                });
            }
        }
        Ok(())
    }

    fn row(&mut self, id: SessionId, sequence: u64) -> Row<'_> {
        if let Some(index) = self.created_index.get(&id) {
            let row = &mut self.created[*index];
            row.sequence = sequence;
            return Row {
                seen: Seen::Created(&mut row.seen),
                end: &mut row.end,
            };
        }
        let index = *self.patched_index.entry(id).or_insert_with(|| {
            self.patched.push(SessionPatch {
                id,
                seen: None,
                end: None,
                sequence,
            });
            self.patched.len() - 1
        });
        let patch = &mut self.patched[index];
        patch.sequence = sequence;
        Row {
            seen: Seen::Patched(&mut patch.seen),
            end: &mut patch.end,
        }
    }
}
