//! Forgetting sessions whose time has passed, and their history.

use countersign_events::Timestamp;
use sqlx::{Connection, PgConnection};

use crate::{ViewError, lock};

/// Rows deleted in one transaction.
const ROWS_AT_ONCE: i64 = 5_000;

const SESSIONS: &str = "delete from countersign.sessions where id = any(array(
     select id from countersign.sessions where forget_at < $1 limit $2))";

const HISTORY: &str = "delete from countersign.history
     where (shard, sequence, index_in_message) in (
         select shard, sequence, index_in_message from countersign.history
         where forget_at < $1 limit $2)";

/// Deletes sessions of the active generation that may be forgotten at `now`,
/// with their history; answers how many sessions. Not part of projecting: a
/// projection knows no clock. When another instance is at it, nothing is done.
pub async fn prune(connection: &mut PgConnection, now: Timestamp) -> Result<u64, ViewError> {
    prune_table(connection, HISTORY, now).await?;
    prune_table(connection, SESSIONS, now).await
}

async fn prune_table(
    connection: &mut PgConnection,
    delete: &'static str,
    now: Timestamp,
) -> Result<u64, ViewError> {
    let mut pruned = 0;
    loop {
        let mut transaction = connection.begin().await?;
        if !lock::try_prune(&mut transaction).await? {
            return Ok(pruned);
        }
        let rows = sqlx::query(delete)
            .bind(now.to_datetime())
            .bind(ROWS_AT_ONCE)
            .execute(&mut *transaction)
            .await?
            .rows_affected();
        transaction.commit().await?;
        pruned += rows;
        if rows < ROWS_AT_ONCE.unsigned_abs() {
            return Ok(pruned);
        }
    }
}
