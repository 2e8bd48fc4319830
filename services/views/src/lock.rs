//! The advisory locks of a deployment's database.
//!
//! All are of one class; a database holds one deployment. Session-level locks
//! need a connection of their own from end to end: a pooler in transaction
//! mode between this program and Postgres would break them.

use sqlx::PgConnection;

use crate::ViewError;

/// The class (first key) of every lock taken here: "CSGN" in ASCII.
const CLASS: i32 = 0x4353_474E;

/// Rebuilding, verifying and switching, one at a time.
const MAINTENANCE: i32 = 0;

/// Shared by every batch that is being written to the active generation, and
/// exclusive for the moment of a switch.
const BATCHES: i32 = 1;

/// Pruning, one at a time.
const PRUNE: i32 = 2;

/// Creating the first generation, one at a time.
const FIRST: i32 = 3;

/// Shard locks begin here: 64 for each generation, and generations begin at 1.
fn shard_key(generation: i32, shard: u8) -> i32 {
    generation.saturating_mul(64).saturating_add(shard.into())
}

async fn try_session_lock(connection: &mut PgConnection, key: i32) -> Result<bool, ViewError> {
    Ok(sqlx::query_scalar("select pg_try_advisory_lock($1, $2)")
        .bind(CLASS)
        .bind(key)
        .fetch_one(connection)
        .await?)
}

/// Makes this connection the one writer of a shard of a generation, until it
/// is closed or cut. False: somebody else is.
pub async fn try_own_shard(
    connection: &mut PgConnection,
    generation: i32,
    shard: u8,
) -> Result<bool, ViewError> {
    try_session_lock(connection, shard_key(generation, shard)).await
}

/// Gives a shard back.
pub async fn disown_shard(
    connection: &mut PgConnection,
    generation: i32,
    shard: u8,
) -> Result<(), ViewError> {
    sqlx::query("select pg_advisory_unlock($1, $2)")
        .bind(CLASS)
        .bind(shard_key(generation, shard))
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes this connection the one that may rebuild, verify or switch, until it
/// is closed. False: somebody else is at it.
pub async fn try_maintenance(connection: &mut PgConnection) -> Result<bool, ViewError> {
    try_session_lock(connection, MAINTENANCE).await
}

/// The shards of a generation that have an owner, whoever it is.
pub async fn owned_shards(
    connection: &mut PgConnection,
    generation: i32,
) -> Result<Vec<u8>, ViewError> {
    let keys: Vec<i64> = sqlx::query_scalar(
        "select objid::bigint from pg_locks
         where locktype = 'advisory' and granted and objsubid = 2 and classid::bigint = $1
           and objid::bigint between $2 and $3
           and database = (select oid from pg_database where datname = current_database())",
    )
    .bind(i64::from(CLASS))
    .bind(i64::from(shard_key(generation, 0)))
    .bind(i64::from(shard_key(generation, 63)))
    .fetch_all(connection)
    .await?;
    Ok(keys
        .into_iter()
        .filter_map(|key| u8::try_from(key % 64).ok())
        .collect())
}

/// Begins the transaction of a batch: it keeps a switch away until it ends,
/// and waits for one that is under way. `1129531214` is [`CLASS`], which a
/// test holds it to.
pub(crate) const BEGIN_BATCH: &str = "begin; select pg_advisory_xact_lock_shared(1129531214, 1)";

/// Keeps batches away until the transaction ends, and waits for those that are
/// under way.
pub(crate) async fn stop_batches(connection: &mut PgConnection) -> Result<(), ViewError> {
    transaction_lock(connection, BATCHES).await
}

/// Keeps a second first generation away until the transaction ends.
pub(crate) async fn first_generation(connection: &mut PgConnection) -> Result<(), ViewError> {
    transaction_lock(connection, FIRST).await
}

async fn transaction_lock(connection: &mut PgConnection, key: i32) -> Result<(), ViewError> {
    sqlx::query("select pg_advisory_xact_lock($1, $2)")
        .bind(CLASS)
        .bind(key)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether this transaction is the one that prunes; never waits.
pub(crate) async fn try_prune(connection: &mut PgConnection) -> Result<bool, ViewError> {
    Ok(
        sqlx::query_scalar("select pg_try_advisory_xact_lock($1, $2)")
            .bind(CLASS)
            .bind(PRUNE)
            .fetch_one(connection)
            .await?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_that_begins_a_batch_names_the_right_lock() {
        assert!(BEGIN_BATCH.ends_with(&format!("({CLASS}, {BATCHES})")));
    }

    #[test]
    fn shards_of_two_generations_never_share_a_lock() {
        assert_eq!(shard_key(1, 0), 64);
        assert_eq!(shard_key(1, 63) + 1, shard_key(2, 0));
        assert!(shard_key(1, 0) > FIRST);
    }
}
