//! Forgetting sessions whose time has passed.

use countersign_events::Timestamp;
use sqlx::{Connection, PgConnection};

use crate::{ViewError, lock};

/// Rows deleted in one transaction.
const ROWS_AT_ONCE: i64 = 5_000;

/// Deletes sessions of the active generation that may be forgotten at `now`;
/// answers how many. Not part of projecting: a projection knows no clock. When
/// another instance is at it, nothing is done.
pub async fn prune(connection: &mut PgConnection, now: Timestamp) -> Result<u64, ViewError> {
    let mut pruned = 0;
    loop {
        let mut transaction = connection.begin().await?;
        if !lock::try_prune(&mut transaction).await? {
            return Ok(pruned);
        }
        let rows = sqlx::query(
            "delete from countersign.sessions where id = any(array(
                 select id from countersign.sessions where forget_at < $1 limit $2))",
        )
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
