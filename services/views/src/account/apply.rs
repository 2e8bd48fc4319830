//! Account events as changes of rows.

use std::collections::{BTreeMap, HashMap};

use countersign_events::{
    AccountEvent, AccountId, Actor, CredentialId, CredentialKind, EndReason, Envelope, FactorKind,
    MessageId, Sealed, Timestamp,
};

use crate::text::{TextChange, opened};

mod ends;
mod write;

pub(crate) use ends::write_ends;
pub(crate) use write::write;

/// All sessions of an account that began before `sequence` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccountEnd {
    pub account: AccountId,
    /// The sequence of the event; the account's minimum epoch from then on.
    pub sequence: u64,
    pub at: Timestamp,
    pub by: Actor,
    pub reason: EndReason,
    /// What led to it, if a message did.
    pub cause: Option<MessageId>,
}

/// What becomes of a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FactorChange {
    Is { kind: FactorKind, disabled: bool },
    Removed,
}

/// Whether the account may have sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Suspension {
    Suspended { note: Option<String> },
    Lifted,
}

/// What a batch says about an account; what it does not say is as it was, or
/// as it is at birth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AccountValues {
    pub email: TextChange,
    pub display_name: TextChange,
    pub is_verified: bool,
    pub roles: Option<Vec<String>>,
    pub suspension: Option<Suspension>,
    pub factors: BTreeMap<CredentialId, FactorChange>,
    pub password_disabled: Option<bool>,
    pub recovery_codes_left: Option<u8>,
    pub recovery_disabled: Option<bool>,
    pub end: Option<AccountEnd>,
}

/// A row that came to be in this batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewAccount {
    pub id: AccountId,
    pub created_at: Timestamp,
    pub values: AccountValues,
    pub sequence: u64,
}

/// What this batch changes in a row that was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccountPatch {
    pub id: AccountId,
    pub values: AccountValues,
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
            AccountEvent::Registered(registered) => {
                let email = opened(Some(&registered.email), "email", open)?;
                let name = opened(registered.display_name.as_ref(), "display_name", open)?;
                self.created_index.insert(id, self.created.len());
                self.created.push(NewAccount {
                    id,
                    created_at: header.occurred_at,
                    values: AccountValues {
                        email: TextChange::To(email),
                        display_name: TextChange::To(name),
                        roles: Some(registered.roles.clone()),
                        ..AccountValues::default()
                    },
                    sequence,
                });
            }
            AccountEvent::ProfileChanged(changed) => {
                let name = opened(changed.display_name.as_ref(), "display_name", open)?;
                self.row(id, sequence).display_name = TextChange::To(name);
            }
            AccountEvent::SessionsEnded(ended) => {
                let end = AccountEnd {
                    account: id,
                    sequence,
                    at: header.occurred_at,
                    by: header.actor,
                    reason: ended.reason,
                    cause: header.causation,
                };
                self.ends.push(end);
                self.row(id, sequence).end = Some(end);
            }
            AccountEvent::EmailVerified(_) => self.row(id, sequence).is_verified = true,
            AccountEvent::EmailChanged(changed) => {
                let email = opened(Some(&changed.email), "email", open)?;
                let row = self.row(id, sequence);
                row.email = TextChange::To(email);
                row.is_verified = true;
            }
            AccountEvent::Suspended(suspended) => {
                let note = opened(suspended.note.as_ref(), "note", open)?;
                self.row(id, sequence).suspension = Some(Suspension::Suspended { note });
            }
            AccountEvent::Reinstated(_) => {
                self.row(id, sequence).suspension = Some(Suspension::Lifted);
            }
            AccountEvent::RolesChanged(changed) => {
                self.row(id, sequence).roles = Some(changed.roles.clone());
            }
            AccountEvent::CredentialSet(set) => match set.kind {
                CredentialKind::Password => self.row(id, sequence).password_disabled = Some(false),
            },
            AccountEvent::FactorAdded(added) => {
                self.row(id, sequence).has(added.kind, added.credential);
            }
            AccountEvent::FactorRemoved(removed) => {
                let factors = &mut self.row(id, sequence).factors;
                factors.insert(removed.credential, FactorChange::Removed);
            }
            AccountEvent::FactorDisabled(disabled) => {
                let row = self.row(id, sequence);
                row.disable(disabled.kind, disabled.credential);
            }
            AccountEvent::RecoveryCodesSet(set) => {
                let row = self.row(id, sequence);
                row.recovery_codes_left = Some(set.count);
                row.recovery_disabled = Some(false);
            }
            AccountEvent::RecoveryCodeUsed(used) => {
                self.row(id, sequence).recovery_codes_left = Some(used.left);
            }
            // The row shows nothing of these, only that it was written.
            AccountEvent::VerificationRequested(_)
            | AccountEvent::EmailChangeRequested(_)
            | AccountEvent::PasswordResetRequested(_)
            | AccountEvent::FactorOffered(_)
            | AccountEvent::FactorRenamed(_)
            | AccountEvent::ChallengeFailed(_)
            | AccountEvent::DeviceAdded(_)
            | AccountEvent::Noted(_) => {
                self.row(id, sequence);
            }
            // An abandoned id never had a row, and that of an erased person
            // goes with all that is theirs.
            AccountEvent::Abandoned(_) | AccountEvent::Erased(_) => {}
        }
        Ok(())
    }

    /// The last event of this batch that ended the account's sessions.
    pub(crate) fn last_end(&self, account: AccountId) -> Option<AccountEnd> {
        let created = self.created_index.get(&account);
        let patched = self.patched_index.get(&account);
        created
            .and_then(|index| self.created[*index].values.end)
            .or_else(|| patched.and_then(|index| self.patched[*index].values.end))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.created.is_empty() && self.patched.is_empty()
    }

    /// What the batch says about the account, wherever that is kept.
    fn row(&mut self, id: AccountId, sequence: u64) -> &mut AccountValues {
        if let Some(index) = self.created_index.get(&id) {
            let row = &mut self.created[*index];
            row.sequence = sequence;
            return &mut row.values;
        }
        let index = *self.patched_index.entry(id).or_insert_with(|| {
            self.patched.push(AccountPatch {
                id,
                values: AccountValues::default(),
                sequence,
            });
            self.patched.len() - 1
        });
        let patch = &mut self.patched[index];
        patch.sequence = sequence;
        &mut patch.values
    }
}

impl AccountValues {
    fn has(&mut self, kind: FactorKind, credential: CredentialId) {
        let factor = FactorChange::Is {
            kind,
            disabled: false,
        };
        self.factors.insert(credential, factor);
    }

    fn disable(&mut self, kind: FactorKind, credential: CredentialId) {
        match kind {
            FactorKind::Password => self.password_disabled = Some(true),
            FactorKind::RecoveryCode => self.recovery_disabled = Some(true),
            FactorKind::Totp | FactorKind::Passkey => {
                let factor = FactorChange::Is {
                    kind,
                    disabled: true,
                };
                self.factors.insert(credential, factor);
            }
        }
    }
}
