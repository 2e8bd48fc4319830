//! A batch of messages as changes of rows, each row once.

use countersign_events::{
    AccountEvent, AccountId, AnyEvent, Envelope, Position, Sealed, SessionEvent, SessionId,
};
use sqlx::{Connection, PgConnection, Postgres, Transaction};

use crate::erasure::{Erasure, erase};
use crate::session::Continuation;
use crate::{ViewError, account, client, history, lock, revocation, session};

/// The changes that a run of messages of one shard makes.
///
/// Pure: what a message means is decided here, without a database, a clock or
/// a key. [`Fold::write`] then makes the rows so, with at most one statement a
/// table and kind of change, for each run of messages that can be written
/// together. How the messages are cut into batches does not
/// show in the rows, and messages that were folded before change nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Fold {
    last: Position,
    messages: usize,
    /// What is written before the rest.
    before: Vec<Run>,
    run: Run,
}

/// What is written together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Run {
    accounts: account::Changes,
    clients: client::Changes,
    sessions: session::Changes,
    history: history::Changes,
    revocations: revocation::Changes,
    /// Of the one message that is a run by itself.
    continued: Vec<Continuation>,
    /// Likewise.
    erased: Vec<Erasure>,
}

/// Whether what an event does to the rows depends on what they are, so that
/// all before it must be written first. These are rare.
fn is_alone(event: &AnyEvent) -> bool {
    matches!(
        event,
        AnyEvent::Session(SessionEvent::Continued(_))
            | AnyEvent::Account(AccountEvent::Erased(_) | AccountEvent::FactorRemoved(_))
    )
}

impl Fold {
    /// A fold of what comes after `after`.
    pub fn new(after: Position) -> Self {
        Self {
            last: after,
            messages: 0,
            before: Vec::new(),
            run: Run::default(),
        }
    }

    /// Folds a message in. One that is not after the last is a repetition and
    /// ignored.
    ///
    /// `open` answers the text of a sealed field, given the field's name, or
    /// none when the key is destroyed: what is erased is null. Its error is
    /// the only one; the fold is then half-made and of no further use.
    pub fn add<E>(
        &mut self,
        position: Position,
        header: &Envelope<()>,
        events: &[AnyEvent],
        mut open: impl FnMut(&Sealed, &'static str) -> Result<Option<String>, E>,
    ) -> Result<(), E> {
        debug_assert_eq!(position.shard, self.last.shard, "one fold, one shard");
        if position.sequence <= self.last.sequence {
            return Ok(());
        }
        let sequence = position.sequence;
        let alone = events.iter().any(is_alone);
        if alone {
            self.end_run();
        }
        for (index, event) in events.iter().enumerate() {
            self.run.add(sequence, header, index, event, &mut open)?;
        }
        if alone {
            self.end_run();
        }
        self.last = position;
        self.messages += 1;
        Ok(())
    }

    fn end_run(&mut self) {
        if !self.run.is_empty() {
            self.before.push(std::mem::take(&mut self.run));
        }
    }

    /// The last message folded in, or where the fold began.
    pub fn last(&self) -> Position {
        self.last
    }

    /// How many messages were folded in.
    pub fn messages(&self) -> usize {
        self.messages
    }

    /// Writes the changes to the generation that the transaction's connection
    /// writes to (see [`crate::pool::writer_options`]).
    pub async fn write(&self, transaction: &mut PgConnection) -> Result<(), ViewError> {
        for run in self.before.iter().chain([&self.run]) {
            run.write(transaction, self.last.shard).await?;
        }
        Ok(())
    }
}

impl Run {
    fn add<E>(
        &mut self,
        sequence: u64,
        header: &Envelope<()>,
        index: usize,
        event: &AnyEvent,
        open: &mut impl FnMut(&Sealed, &'static str) -> Result<Option<String>, E>,
    ) -> Result<(), E> {
        match event {
            AnyEvent::Account(event) => {
                self.accounts.add(sequence, header, event, open)?;
                if let AccountEvent::Erased(_) = event {
                    self.erased.push(Erasure {
                        account: AccountId::from_uuid(header.subject_id),
                        sequence,
                    });
                }
            }
            AnyEvent::Session(event) => {
                let ends = |account| self.accounts.last_end(account);
                self.sessions.add(sequence, header, event, ends, open)?;
                if let SessionEvent::Continued(continued) = event {
                    self.continued.push(Continuation {
                        id: SessionId::from_uuid(header.subject_id),
                        epoch: continued.epoch,
                        sequence,
                    });
                }
            }
            // No view shows reservations, keys, the uses of a factor or grants.
            AnyEvent::Email(_) | AnyEvent::Key(_) | AnyEvent::Factor(_) | AnyEvent::Grant(_) => {}
            AnyEvent::Client(event) => self.clients.add(sequence, header, event),
            AnyEvent::Revocation(event) => self.revocations.add(sequence, header, event),
        }
        self.history.add(sequence, header, index, event);
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.accounts.is_empty()
            && self.clients.is_empty()
            && self.sessions.is_empty()
            && self.history.is_empty()
            && self.revocations.is_empty()
    }

    async fn write(&self, transaction: &mut PgConnection, shard: u8) -> Result<(), ViewError> {
        session::write(transaction, shard, &self.sessions).await?;
        account::write(transaction, shard, &self.accounts).await?;
        account::write_ends(transaction, &self.accounts.ends).await?;
        history::write(transaction, shard, &self.history).await?;
        client::write(transaction, shard, &self.clients).await?;
        revocation::write(transaction, shard, &self.revocations).await?;
        for continuation in &self.continued {
            session::proceed(transaction, continuation).await?;
        }
        for erasure in &self.erased {
            erase(transaction, shard, erasure).await?;
        }
        Ok(())
    }
}

/// Begins the transaction of a batch for the active generation. It waits while
/// another generation is being activated.
pub async fn begin_batch(
    connection: &mut PgConnection,
) -> Result<Transaction<'_, Postgres>, ViewError> {
    Ok(connection.begin_with(lock::BEGIN_BATCH).await?)
}

#[cfg(test)]
mod tests;
