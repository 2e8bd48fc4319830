//! The control schema and the first generation.

use std::borrow::Cow;

use countersign_events::Timestamp;
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;

use crate::generation::{self, State};
use crate::{ViewError, lock};

/// The version of the read models' shape, in `sql/read_models.sql` and in the
/// statements that write it. Raised with every change of either; a generation
/// of another version is not written by this program and asks for a replay.
pub const VERSION: i32 = 4;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Brings the control schema up to date and makes sure that a generation of
/// the read models is active.
///
/// Safe with several programs starting at once (each step holds an advisory
/// lock) and after a crash anywhere in it (each step is one transaction). A
/// schema that a newer program has migrated further is left alone.
///
/// The connection is of no further use after an error.
pub async fn prepare(connection: &mut PgConnection) -> Result<(), ViewError> {
    let mut migrator = sqlx::migrate::Migrator {
        migrations: Cow::Borrowed(&MIGRATIONS.migrations),
        ..sqlx::migrate::Migrator::DEFAULT
    };
    migrator.set_ignore_missing(true);
    migrator.create_schema("countersign");
    migrator.dangerous_set_table_name("countersign.migrations");
    migrator.run_direct(None, connection, false).await?;

    let mut transaction = connection.begin().await?;
    lock::first_generation(&mut transaction).await?;
    if generation::active(&mut *transaction).await?.is_none() {
        let first = generation::create_in(&mut transaction, State::Filling).await?;
        generation::add_indexes(&mut transaction, first).await?;
        generation::activate(&mut transaction, first).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// What time Postgres has. For work over the whole log that has no clock of
/// its own; never for what is written.
pub async fn now(connection: &mut PgConnection) -> Result<Timestamp, ViewError> {
    let now: OffsetDateTime = sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(connection)
        .await?;
    Ok(now.into())
}
