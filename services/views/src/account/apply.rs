//! Account events as changes of rows.

use std::collections::HashMap;

use countersign_events::{
    AccountEvent, AccountId, Actor, EndReason, Envelope, Registered, Sealed, Timestamp,
};

use crate::text;

mod write;

pub(crate) use write::{write, write_ends};

/// All sessions of an account that began before `sequence` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccountEnd {
    pub account: AccountId,
    /// The sequence of the event; the account's minimum epoch from then on.
    pub sequence: u64,
    pub at: Timestamp,
    pub by: Actor,
    pub reason: EndReason,
}

/// A row that came to be in this batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewAccount {
    pub id: AccountId,
    pub email: Option<String>,
    pub display_name: Option<String>,
    pub roles: Vec<String>,
    pub created_at: Timestamp,
    pub end: Option<AccountEnd>,
    pub sequence: u64,
}

/// What a batch does to a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NameChange {
    Kept,
    /// To another, or to none: cleared or erased.
    To(Option<String>),
}

/// What this batch changes in a row that was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountPatch {
    pub id: AccountId,
    pub display_name: NameChange,
    pub end: Option<AccountEnd>,
    pub sequence: u64,
}

/// Everything a batch changes in accounts, each account once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub created: Vec<NewAccount>,
    pub patched: Vec<AccountPatch>,
    /// In the order of the log; an account may be here more than once.
    pub ends: Vec<AccountEnd>,
    created_index: HashMap<AccountId, usize>,
    patched_index: HashMap<AccountId, usize>,
}

impl Changes {
    /// Folds one event in. `open` answers the text of a sealed field, or none
    /// when its key is destroyed.
    pub(crate) fn add<E>(
        &mut self,
        sequence: u64,
        header: &Envelope<()>,
        event: &AccountEvent,
        open: &mut impl FnMut(&Sealed, &'static str) -> Result<Option<String>, E>,
    ) -> Result<(), E> {
        let id = AccountId::from_uuid(header.subject_id);
        match event {
            AccountEvent::Registered(Registered {
                email,
                display_name,
                roles,
            }) => {
                let email = open(email, "email")?.map(text::storable);
                let display_name = match display_name {
                    Some(sealed) => open(sealed, "display_name")?.map(text::storable),
                    None => None,
                };
                self.created_index.insert(id, self.created.len());
                self.created.push(NewAccount {
                    id,
                    email,
                    display_name,
                    roles: roles.clone(),
                    created_at: header.occurred_at,
                    end: None,
                    sequence,
                });
            }
            AccountEvent::ProfileChanged(changed) => {
                let name = match &changed.display_name {
                    Some(sealed) => open(sealed, "display_name")?.map(text::storable),
                    None => None,
                };
                match self.created_row(id, sequence) {
                    Some(row) => row.display_name = name,
                    None => self.patch(id, sequence).display_name = NameChange::To(name),
                }
            }
            AccountEvent::SessionsEnded(ended) => {
                let end = AccountEnd {
                    account: id,
                    sequence,
                    at: header.occurred_at,
                    by: header.actor,
                    reason: ended.reason,
                };
                self.ends.push(end);
                match self.created_row(id, sequence) {
                    Some(row) => row.end = Some(end),
                    None => self.patch(id, sequence).end = Some(end),
                }
            }
            // The row shows nothing of a credential, only that it was written.
            AccountEvent::CredentialSet(_) => {
                if self.created_row(id, sequence).is_none() {
                    self.patch(id, sequence);
                }
            }
            // An abandoned id never had a row.
            AccountEvent::Abandoned(_) => {}
        }
        Ok(())
    }

    /// The last event of this batch that ended the account's sessions.
    pub(crate) fn last_end(&self, account: AccountId) -> Option<AccountEnd> {
        let created = self.created_index.get(&account);
        let patched = self.patched_index.get(&account);
        created
            .and_then(|index| self.created[*index].end)
            .or_else(|| patched.and_then(|index| self.patched[*index].end))
    }

    fn created_row(&mut self, id: AccountId, sequence: u64) -> Option<&mut NewAccount> {
        let row = &mut self.created[*self.created_index.get(&id)?];
        row.sequence = sequence;
        Some(row)
    }

    fn patch(&mut self, id: AccountId, sequence: u64) -> &mut AccountPatch {
        let index = *self.patched_index.entry(id).or_insert_with(|| {
            self.patched.push(AccountPatch {
                id,
                display_name: NameChange::Kept,
                end: None,
                sequence,
            });
            self.patched.len() - 1
        });
        let patch = &mut self.patched[index];
        patch.sequence = sequence;
        patch
    }
}
