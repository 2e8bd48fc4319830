//! A batch of messages as changes of rows, each row once.

use countersign_events::{AnyEvent, Envelope, Position, Sealed};
use sqlx::{Connection, PgConnection, Postgres, Transaction};

use crate::{ViewError, account, lock, session};

/// The changes that a run of messages of one shard makes.
///
/// Pure: what a message means is decided here, without a database, a clock or
/// a key. [`Fold::write`] then makes the rows so, with at most one statement a
/// table and kind of change. How the messages are cut into batches does not
/// show in the rows, and messages that were folded before change nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Fold {
    last: Position,
    messages: usize,
    accounts: account::Changes,
    sessions: session::Changes,
}

impl Fold {
    /// A fold of what comes after `after`.
    pub fn new(after: Position) -> Self {
        Self {
            last: after,
            messages: 0,
            accounts: account::Changes::default(),
            sessions: session::Changes::default(),
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
        for event in events {
            match event {
                AnyEvent::Account(event) => {
                    self.accounts.add(sequence, header, event, &mut open)?;
                }
                AnyEvent::Session(event) => {
                    let ends = |account| self.accounts.last_end(account);
                    self.sessions
                        .add(sequence, header, event, ends, &mut open)?;
                }
                // No view shows reservations or keys yet.
                AnyEvent::Email(_) | AnyEvent::Key(_) => {}
            }
        }
        self.last = position;
        self.messages += 1;
        Ok(())
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
        let shard = self.last.shard;
        session::write(transaction, shard, &self.sessions).await?;
        account::write(transaction, shard, &self.accounts).await?;
        account::write_ends(transaction, &self.accounts.ends).await
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
