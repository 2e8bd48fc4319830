//! Shards that cannot go on.

use countersign_events::{Position, Timestamp};
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};
use time::OffsetDateTime;

use crate::{ViewError, number};

/// The event a shard stopped at. It is never skipped: the shard stands until
/// the event can be projected, for example by a newer program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The generation that could not go on.
    pub generation: i32,
    /// The event.
    pub position: Position,
    /// What it is about, as `<noun> <id>`.
    pub subject: String,
    /// Why, without personal data.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was last tried, by the clock of Postgres.
    pub failed_at: Timestamp,
}

#[derive(FromRow)]
struct Row {
    generation: i32,
    shard: i16,
    sequence: i64,
    subject: String,
    error: String,
    attempts: i32,
    failed_at: OffsetDateTime,
}

impl TryFrom<Row> for Failure {
    type Error = ViewError;

    fn try_from(row: Row) -> Result<Self, ViewError> {
        Ok(Self {
            generation: row.generation,
            position: Position {
                shard: number::shard(row.shard)?,
                sequence: number::from_stored(row.sequence)?,
            },
            subject: row.subject,
            error: row.error,
            attempts: u32::try_from(row.attempts).unwrap_or_default(),
            failed_at: row.failed_at.into(),
        })
    }
}

/// The failures of the active generation, in shard order.
pub async fn list(pool: &PgPool) -> Result<Vec<Failure>, ViewError> {
    sqlx::query_as::<_, Row>(
        "select generation, shard, sequence, subject, error, attempts, failed_at
         from countersign.projection_failures
         where generation = (select generation from countersign.read_models
             where state = 'active')
         order by shard",
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Failure::try_from)
    .collect()
}

/// Asks the owner of a shard, whichever instance that is, to try the event it
/// stopped at again now. False: the shard did not stop.
pub async fn request_retry(pool: &PgPool, shard: u8) -> Result<bool, ViewError> {
    let asked = sqlx::query(
        "update countersign.projection_failures set retry_requested = true
         where shard = $1 and generation = (select generation from countersign.read_models
             where state = 'active')",
    )
    .bind(i16::from(shard))
    .execute(pool)
    .await?
    .rows_affected();
    Ok(asked == 1)
}

/// The shards of a generation whose event somebody wants tried again.
pub async fn retries_requested<'e>(
    executor: impl PgExecutor<'e>,
    generation: i32,
) -> Result<Vec<u8>, ViewError> {
    let shards: Vec<i16> = sqlx::query_scalar(
        "select shard from countersign.projection_failures
         where generation = $1 and retry_requested",
    )
    .bind(generation)
    .fetch_all(executor)
    .await?;
    shards.into_iter().map(number::shard).collect()
}

/// Records that a shard stopped at an event, or that it failed once more.
pub async fn record(
    connection: &mut PgConnection,
    generation: i32,
    position: Position,
    subject: &str,
    error: &str,
) -> Result<(), ViewError> {
    sqlx::query(
        "insert into countersign.projection_failures as failure
             (generation, shard, sequence, subject, error)
         values ($1, $2, $3, $4, $5)
         on conflict (generation, shard) do update set
             sequence = excluded.sequence, subject = excluded.subject, error = excluded.error,
             attempts = case when failure.sequence = excluded.sequence
                 then failure.attempts + 1 else 1 end,
             failed_at = now(), retry_requested = false",
    )
    .bind(generation)
    .bind(i16::from(position.shard))
    .bind(number::to_stored(position.sequence))
    .bind(crate::text::storable(subject.into()))
    .bind(crate::text::storable(error.into()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Strikes the failure of a shard that has gone past it.
pub async fn clear(
    connection: &mut PgConnection,
    generation: i32,
    reached: Position,
) -> Result<(), ViewError> {
    sqlx::query(
        "delete from countersign.projection_failures
         where generation = $1 and shard = $2 and sequence <= $3",
    )
    .bind(generation)
    .bind(i16::from(reached.shard))
    .bind(number::to_stored(reached.sequence))
    .execute(connection)
    .await?;
    Ok(())
}
