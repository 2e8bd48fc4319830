//! A session as it was: its messages and those of its account, folded without
//! a database.
//!
//! What a message means is decided where the rows are made of it
//! ([`super::apply`]); this says what the statements there do with that. A test
//! holds the two together, message by message.

use countersign_events::{
    AccountId, AnyEvent, Envelope, Position, Sealed, SessionEvent, SessionId,
};

use super::apply::{Changes, Continuation, NewSession, SessionEnd, SessionPatch};
use super::{Ended, Session};
use crate::account;
use crate::account::AccountEnd;
use crate::text::{TextChange, storable};

/// What the messages so far make of a session.
#[derive(Debug, Clone)]
pub struct Past {
    id: SessionId,
    account: account::Past,
    kept: Option<Kept>,
}

/// The row, and what is beside it in the table.
#[derive(Debug, Clone)]
struct Kept {
    row: Session,
    started_sequence: u64,
    /// The last event that let it go on: it has judged every end before it.
    continued_sequence: u64,
    /// The account event that ended it, if it was one.
    ended_epoch: Option<u64>,
}

impl Past {
    /// Before the first message. A session of `account`: see [`owner`].
    pub fn new(id: SessionId, account: AccountId) -> Self {
        Self {
            id,
            account: account::Past::new(account),
            kept: None,
        }
    }

    /// Folds in a message about the session or its account; one about anything
    /// else changes nothing. Messages must come in the order of the log, each
    /// once.
    ///
    /// # Errors
    ///
    /// Only that of `open`, which answers the text of a sealed field, given the
    /// field's name, or none when the key is destroyed.
    pub fn add<E>(
        &mut self,
        position: Position,
        header: &Envelope<()>,
        events: &[AnyEvent],
        mut open: impl FnMut(&Sealed, &'static str) -> Result<Option<String>, E>,
    ) -> Result<(), E> {
        if header.subject_id == self.id.uuid() {
            return self.take(position, header, events, &mut open);
        }
        let ends = self.account.take(position, header, events, &mut open)?;
        if self.account.is_erased() {
            self.kept = None;
        }
        if let Some(kept) = &mut self.kept {
            for end in &ends {
                kept.end_with_account(end, position);
            }
        }
        Ok(())
    }

    /// The session; none before it was started and after its person was
    /// forgotten.
    pub fn session(&self) -> Option<Session> {
        let kept = self.kept.as_ref()?;
        let account = self.account.account();
        Some(Session {
            email: account.and_then(|account| account.email.clone()),
            ..kept.row.clone()
        })
    }

    /// Its account, so far as it is told of.
    pub fn account(&self) -> Option<&account::Account> {
        self.account.account()
    }

    fn take<E>(
        &mut self,
        position: Position,
        header: &Envelope<()>,
        events: &[AnyEvent],
        open: &mut impl FnMut(&Sealed, &'static str) -> Result<Option<String>, E>,
    ) -> Result<(), E> {
        let sequence = position.sequence;
        let mut changes = Changes::default();
        let mut continuations = Vec::new();
        for event in events {
            let AnyEvent::Session(event) = event else {
                continue;
            };
            changes.add(sequence, header, event, |_| None, open)?;
            if let SessionEvent::Continued(continued) = event {
                continuations.push(Continuation {
                    id: self.id,
                    epoch: continued.epoch,
                    sequence,
                });
            }
        }
        for created in changes.created {
            if !self.account.is_erased() {
                let continued = self.kept.as_ref().map(|kept| kept.continued_sequence);
                let mut kept = Kept::begin(created, position, self.account.last_end());
                kept.continued_sequence = continued.unwrap_or_default();
                self.kept = Some(kept);
            }
        }
        let Some(kept) = &mut self.kept else {
            return Ok(());
        };
        for patch in changes.patched {
            kept.change(patch, position);
        }
        for continuation in continuations {
            kept.proceed(continuation, self.account.last_end());
        }
        Ok(())
    }
}

/// Whose session the events of a session's message say it is, if they do.
pub fn owner(events: &[AnyEvent]) -> Option<AccountId> {
    events.iter().find_map(|event| match event {
        AnyEvent::Session(SessionEvent::Started(started)) => Some(started.account),
        AnyEvent::Session(SessionEvent::Attempted(attempted)) => Some(attempted.account),
        _ => None,
    })
}

fn ended(end: SessionEnd) -> Ended {
    Ended {
        at: end.at,
        by: end.by,
        reason: end.reason.as_str().to_owned(),
        note: end.note,
    }
}

fn ended_with(end: &AccountEnd) -> Ended {
    Ended {
        at: end.at,
        by: end.by,
        reason: end.reason.as_str().to_owned(),
        note: None,
    }
}

impl Kept {
    fn begin(created: NewSession, position: Position, last_end: Option<AccountEnd>) -> Self {
        // A sign-in that raced the end of its account's sessions is over as it
        // begins, unless it ended by itself in the same message.
        let late = last_end.filter(|end| end.sequence > created.epoch && created.end.is_none());
        let ended_epoch = late.map(|end| end.sequence);
        let late = late.map(|end| Ended {
            at: created.started_at,
            ..ended_with(&end)
        });
        let proof = created.proof;
        Self {
            row: Session {
                id: created.id,
                account: created.account,
                email: None,
                client: created.client,
                ip: created.ip,
                user_agent: created.user_agent,
                acr: proof.acr.as_str().to_owned(),
                amr: proof.amr.into_iter().map(storable).collect(),
                started_at: created.started_at,
                auth_time: proof.auth_time,
                last_seen_at: created.seen.at,
                idle_expires_at: created.seen.idle_expires_at,
                expires_at: created.expires_at,
                generation: created.generation.into(),
                epoch: created.epoch,
                elsewhere_at: created.elsewhere_at,
                ended: late.or(created.end.map(ended)),
                position,
            },
            started_sequence: created.started_sequence,
            continued_sequence: 0,
            ended_epoch,
        }
    }

    fn change(&mut self, patch: SessionPatch, position: Position) {
        let row = &mut self.row;
        if let Some(seen) = patch.seen {
            row.last_seen_at = seen.at;
            row.idle_expires_at = seen.idle_expires_at;
        }
        if let Some(generation) = patch.generation {
            row.generation = generation.into();
        }
        if let TextChange::To(ip) = patch.ip {
            row.ip = ip;
        }
        if let TextChange::To(user_agent) = patch.user_agent {
            row.user_agent = user_agent;
        }
        if let Some(proof) = patch.proof {
            proof.acr.as_str().clone_into(&mut row.acr);
            row.amr = proof.amr.into_iter().map(storable).collect();
            row.auth_time = proof.auth_time;
        }
        row.elsewhere_at = patch.elsewhere_at.or(row.elsewhere_at);
        // The first end stands.
        if row.ended.is_none() {
            row.ended = patch.end.map(ended);
        }
        row.position = position;
    }

    /// All sessions of the account that began before ended.
    fn end_with_account(&mut self, end: &AccountEnd, position: Position) {
        let is_before = self.row.epoch < end.sequence
            && self.started_sequence < end.sequence
            && self.continued_sequence < end.sequence;
        if is_before && self.row.ended.is_none() {
            self.row.ended = Some(ended_with(end));
            self.ended_epoch = Some(end.sequence);
            self.row.position = position;
        }
    }

    /// Takes back an end that came from the account at that epoch or before,
    /// unless the account has ended its sessions once more since.
    fn proceed(&mut self, continuation: Continuation, last_end: Option<AccountEnd>) {
        self.row.epoch = self.row.epoch.max(continuation.epoch);
        self.continued_sequence = continuation.sequence;
        self.row.position.sequence = continuation.sequence;
        if self
            .ended_epoch
            .is_some_and(|epoch| epoch <= continuation.epoch)
        {
            let later = last_end.filter(|end| end.sequence > continuation.epoch);
            self.ended_epoch = later.map(|end| end.sequence);
            self.row.ended = later.as_ref().map(ended_with);
        }
    }
}
