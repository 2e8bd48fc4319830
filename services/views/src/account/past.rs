//! An account as it was: its messages, folded without a database.
//!
//! What a message means is decided where the rows are made of it
//! ([`super::apply`]); this says what the statements there do with that. A test
//! holds the two together, message by message.

use std::collections::{BTreeMap, BTreeSet};

use countersign_events::{
    AccountEvent, AccountId, AnyEvent, CredentialId, Envelope, FactorKind, Position, Sealed,
};

use super::Account;
use super::apply::{AccountEnd, AccountValues, Changes, FactorChange, NewAccount, Suspension};
use crate::text::{TextChange, storable};

/// What the messages about an account so far make of it.
#[derive(Debug, Clone)]
pub struct Past {
    id: AccountId,
    kept: Option<Kept>,
    is_erased: bool,
}

/// The row, and what is beside it in the table.
#[derive(Debug, Clone)]
struct Kept {
    row: Account,
    factors: BTreeMap<CredentialId, (FactorKind, bool)>,
    is_password_disabled: bool,
    is_recovery_disabled: bool,
    /// The last event that ended all sessions.
    end: Option<AccountEnd>,
}

impl Past {
    /// Before the first message.
    pub fn new(id: AccountId) -> Self {
        Self {
            id,
            kept: None,
            is_erased: false,
        }
    }

    /// Folds in a message about the account; one about anything else changes
    /// nothing. Messages must come in the order of the log, each once.
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
        self.take(position, header, events, &mut open).map(drop)
    }

    /// The account; none before it was registered and after it was erased.
    pub fn account(&self) -> Option<&Account> {
        self.kept.as_ref().map(|kept| &kept.row)
    }

    /// Whether the person was forgotten.
    pub(crate) fn is_erased(&self) -> bool {
        self.is_erased
    }

    /// The last event that ended all sessions of the account.
    pub(crate) fn last_end(&self) -> Option<AccountEnd> {
        self.kept.as_ref().and_then(|kept| kept.end)
    }

    /// As [`Self::add`]; answers what ended all sessions.
    pub(crate) fn take<E>(
        &mut self,
        position: Position,
        header: &Envelope<()>,
        events: &[AnyEvent],
        open: &mut impl FnMut(&Sealed, &'static str) -> Result<Option<String>, E>,
    ) -> Result<Vec<AccountEnd>, E> {
        let mut changes = Changes::default();
        if header.subject_id != self.id.uuid() {
            return Ok(changes.ends);
        }
        let mut is_erased = self.is_erased;
        for event in events {
            let AnyEvent::Account(event) = event else {
                continue;
            };
            changes.add(position.sequence, header, event, open)?;
            is_erased |= matches!(event, AccountEvent::Erased(_));
        }
        for created in changes.created {
            if !self.is_erased {
                self.kept = Some(Kept::begin(created, position));
            }
        }
        for patch in changes.patched {
            if let Some(kept) = &mut self.kept {
                kept.change(patch.values);
                kept.row.position = position;
            }
        }
        if is_erased {
            self.is_erased = true;
            self.kept = None;
        }
        Ok(changes.ends)
    }
}

impl Kept {
    fn begin(created: NewAccount, position: Position) -> Self {
        let mut kept = Self {
            row: Account {
                id: created.id,
                email: None,
                display_name: None,
                email_verified: false,
                roles: Vec::new(),
                created_at: created.created_at,
                state: "active".into(),
                suspended_note: None,
                factors: Vec::new(),
                recovery_codes_left: None,
                disabled: Vec::new(),
                min_epoch: 0,
                position,
            },
            factors: BTreeMap::new(),
            is_password_disabled: false,
            is_recovery_disabled: false,
            end: None,
        };
        kept.change(created.values);
        kept
    }

    fn change(&mut self, values: AccountValues) {
        let row = &mut self.row;
        if let TextChange::To(email) = values.email {
            row.email = email;
        }
        if let TextChange::To(name) = values.display_name {
            row.display_name = name;
        }
        row.email_verified |= values.is_verified;
        if let Some(roles) = values.roles {
            row.roles = roles.into_iter().map(storable).collect();
        }
        match values.suspension {
            Some(Suspension::Suspended { note }) => {
                row.state = "suspended".into();
                row.suspended_note = note;
            }
            Some(Suspension::Lifted) => {
                row.state = "active".into();
                row.suspended_note = None;
            }
            None => {}
        }
        let mut is_removal = false;
        for (credential, change) in values.factors {
            match change {
                FactorChange::Is { kind, disabled } => {
                    self.factors.insert(credential, (kind, disabled));
                }
                FactorChange::Removed => {
                    is_removal = true;
                    self.factors.remove(&credential);
                }
            }
        }
        if let Some(is_disabled) = values.password_disabled {
            self.is_password_disabled = is_disabled;
        }
        if is_removal && self.factors.is_empty() {
            // Who loses the last factor has no codes either.
            row.recovery_codes_left = None;
            self.is_recovery_disabled = false;
        } else {
            row.recovery_codes_left = values.recovery_codes_left.or(row.recovery_codes_left);
            self.is_recovery_disabled = values
                .recovery_disabled
                .unwrap_or(self.is_recovery_disabled);
        }
        if let Some(end) = values.end {
            row.min_epoch = end.sequence;
            self.end = Some(end);
        }
        self.name_factors();
    }

    /// The kinds of factors, and what is not believed, as the queries name
    /// them: each once, in the order of the alphabet.
    fn name_factors(&mut self) {
        let kinds = |only_disabled: bool| {
            let factors = self.factors.values();
            let chosen = factors.filter(move |(_, disabled)| *disabled || !only_disabled);
            chosen
                .map(|(kind, _)| kind.to_string())
                .collect::<BTreeSet<_>>()
        };
        let mut disabled = kinds(true);
        if self.is_password_disabled {
            disabled.insert("password".into());
        }
        if self.is_recovery_disabled {
            disabled.insert("recovery_code".into());
        }
        self.row.factors = kinds(false).into_iter().collect();
        self.row.disabled = disabled.into_iter().collect();
    }
}
