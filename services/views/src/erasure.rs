//! Forgetting a person.

use countersign_events::AccountId;
use sqlx::PgConnection;

use crate::{ViewError, number};

/// A person is forgotten. Like a continuation it is written by itself, when
/// all that came before it is written: what goes is in the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Erasure {
    pub account: AccountId,
    pub sequence: u64,
}

/// Deletes every row of the person, and remembers that nothing of them is to
/// come back: a message about one of their sessions may still follow.
pub(crate) async fn erase(
    connection: &mut PgConnection,
    shard: u8,
    erasure: &Erasure,
) -> Result<(), ViewError> {
    for statement in [
        "delete from history where account_id = $1",
        "delete from sessions where account_id = $1",
        "delete from accounts where id = $1",
    ] {
        sqlx::query(statement)
            .bind(erasure.account.uuid())
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query(
        "insert into erased (account_id, shard, sequence) values ($1, $2, $3)
         on conflict do nothing",
    )
    .bind(erasure.account.uuid())
    .bind(i16::from(shard))
    .bind(number::to_stored(erasure.sequence))
    .execute(&mut *connection)
    .await?;
    Ok(())
}
