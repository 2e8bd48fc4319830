//! From what a message of the log revokes to what verifiers are told.

use std::time::Duration;

use countersign_events::Timestamp;
use countersign_log::{LogError, RawMessage};
use countersign_verifier::feed::{KeysChange, Record};
use countersign_verifier::{Full, RevocationSet};

use crate::revocation::{Revocation, revocations_in, revoked_at_worst};

/// What a message revokes, as records, and why it was not understood if it
/// was not. `window` is how long a token may live on after it was revoked.
pub(crate) fn records_of(
    message: &RawMessage,
    window: Duration,
) -> (Vec<Record>, Option<LogError>) {
    let (found, error) = match revocations_in(message) {
        Ok(found) => (found, None),
        // Written by a newer program, perhaps. Whatever it says, nobody gets
        // in by it.
        Err(error) => (revoked_at_worst(message), Some(error)),
    };
    let at = message.position.sequence;
    let records = found
        .into_iter()
        .map(|(decided, revocation)| record(at, decided, window, revocation));
    (records.collect(), error)
}

fn record(at: u64, decided: Timestamp, window: Duration, revocation: Revocation) -> Record {
    let until = decided.plus(window).as_seconds();
    let until = u64::try_from(until).unwrap_or_default();
    match revocation {
        Revocation::Session(session) => Record::Session {
            at,
            session: session.uuid(),
            until,
        },
        Revocation::Grant(grant) => Record::Session {
            at,
            session: grant.uuid(),
            until,
        },
        Revocation::Account { account, min_epoch } => Record::Account {
            at,
            account: account.uuid(),
            epoch: min_epoch,
            until,
        },
        Revocation::Client { client, min_epoch } => Record::Account {
            at,
            account: client.uuid(),
            epoch: min_epoch,
            until,
        },
        Revocation::Key(key) => Record::Key { at, key },
        Revocation::KeysChanged => Record::Keys {
            at,
            keys: KeysChange::Changed,
        },
    }
}

/// Puts a record into effect.
pub(crate) fn apply(record: &Record, revocations: &RevocationSet) -> Result<(), Full> {
    match record {
        Record::Session { session, until, .. } => revocations.revoke_session(*session, *until),
        Record::Account {
            account,
            epoch,
            until,
            ..
        } => revocations.raise_epoch(*account, *epoch, *until),
        Record::Key { key, .. } => revocations.revoke_key(key),
        Record::Keys { .. } => Ok(()),
    }
}

/// The sequence of the message that a record is of.
pub(crate) fn sequence(record: &Record) -> u64 {
    match record {
        Record::Session { at, .. }
        | Record::Account { at, .. }
        | Record::Key { at, .. }
        | Record::Keys { at, .. } => *at,
    }
}
