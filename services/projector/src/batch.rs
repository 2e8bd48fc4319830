//! A run of messages, decoded and opened: ready to be written.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use countersign_events::{AccountId, AnyEvent, Position, RawEnvelope, Sealed, Subject, Timestamp};
use countersign_log::{DataKey, Log, LogError, RawMessage, SealError};
use countersign_views::Fold;

use crate::anchor::Chain;
use crate::check::{CheckError, Damage, may_be_forgotten};

/// An event that cannot be projected, and why. Holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckEvent {
    /// Where it stands.
    pub position: Position,
    /// What it is about, unless it is the log itself that cannot be read on.
    pub subject: Option<Subject>,
    /// Why it cannot be projected.
    pub reason: String,
}

impl fmt::Display for StuckEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            position, reason, ..
        } = self;
        match self.subject {
            Some(subject) => write!(
                f,
                "event {position} on {subject} cannot be projected: {reason}"
            ),
            None => write!(f, "the log cannot be read on at {position}: {reason}"),
        }
    }
}

impl std::error::Error for StuckEvent {}

impl StuckEvent {
    /// The longest reason that is kept, in characters.
    const REASON_MAX: usize = 300;

    pub(crate) fn new(message: &RawMessage, reason: impl ToString) -> Self {
        Self {
            subject: Some(message.subject),
            ..Self::of_log(message.position, reason)
        }
    }

    /// The log cannot be read at a position.
    pub(crate) fn of_log(position: Position, reason: impl ToString) -> Self {
        let reason = reason.to_string();
        Self {
            position,
            subject: None,
            reason: reason.chars().take(Self::REASON_MAX).collect(),
        }
    }

    /// `<noun> <id>`, or that it is the log.
    pub(crate) fn subject_text(&self) -> String {
        self.subject
            .map_or_else(|| "the log".to_owned(), |subject| subject.to_string())
    }
}

/// Why messages did not become a batch.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BatchError {
    /// One of them cannot be read. It may not be the first that cannot.
    #[error(transparent)]
    Stuck(StuckEvent),
    /// Before one of them, others are missing.
    #[error(transparent)]
    Damaged(Damage),
    /// The keys cannot be had.
    #[error(transparent)]
    Log(LogError),
}

impl From<CheckError> for BatchError {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Damaged(damage) => Self::Damaged(damage),
            CheckError::Unknown(error) => Self::Log(error),
        }
    }
}

/// Messages as changes of rows, and the chain over them.
#[derive(Debug)]
pub(crate) struct Batch {
    pub fold: Fold,
    pub chain: Chain,
}

/// Why a sealed field could not be opened.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("it holds sealed fields and does not say whose")]
    Nobodys,
    #[error("field {0}: {1}")]
    Seal(&'static str, SealError),
}

impl Batch {
    /// Decodes messages that follow the end of `chain`, in order, and opens
    /// what is sealed in them. A key that is gone makes its fields null.
    ///
    /// Where sequences are missing, they must have been forgotten in their
    /// time, as of `now`: a hole that the server passes over in silence is not
    /// passed over here.
    pub(crate) async fn read(
        log: &Log,
        chain: Chain,
        messages: &[RawMessage],
        now: Timestamp,
    ) -> Result<Self, BatchError> {
        let mut decoded = Vec::with_capacity(messages.len());
        let mut accounts = BTreeSet::new();
        for message in messages {
            let read = RawEnvelope::parse(message.subject, &message.payload)
                .and_then(|envelope| Ok((envelope.any_events()?, envelope)));
            let (events, envelope) =
                read.map_err(|error| BatchError::Stuck(StuckEvent::new(message, error)))?;
            accounts.extend(envelope.header().account);
            decoded.push((envelope, events));
        }
        let mut before = chain.end().position.sequence;
        let mut decided = None;
        for (message, (envelope, _)) in messages.iter().zip(&decoded) {
            let position = message.position;
            if position.sequence > before + 1 {
                may_be_forgotten(log, before, position, decided, now).await?;
            }
            before = position.sequence;
            decided = Some(envelope.header().occurred_at);
        }
        let accounts: Vec<AccountId> = accounts.into_iter().collect();
        let keys = log
            .vault()
            .data_keys(&accounts)
            .await
            .map_err(BatchError::Log)?;
        Self::fold(log.prefix(), chain, messages, &decoded, &keys)
    }

    fn fold(
        prefix: &str,
        mut chain: Chain,
        messages: &[RawMessage],
        decoded: &[(RawEnvelope<'_>, Vec<AnyEvent>)],
        keys: &HashMap<AccountId, DataKey>,
    ) -> Result<Self, BatchError> {
        let mut fold = Fold::new(chain.end().position);
        let last = messages.len().saturating_sub(1);
        for (index, (message, (envelope, events))) in messages.iter().zip(decoded).enumerate() {
            let header = envelope.header();
            let open = |sealed: &Sealed, field: &'static str| {
                let account = header.account.ok_or(OpenError::Nobodys)?;
                keys.get(&account)
                    .map(|key| key.open(sealed, account, header.id, field))
                    .transpose()
                    .map_err(|error| OpenError::Seal(field, error))
            };
            fold.add(message.position, header, events, open)
                .map_err(|error| BatchError::Stuck(StuckEvent::new(message, error)))?;
            chain.push(prefix, message, index == last);
        }
        Ok(Self { fold, chain })
    }
}
