//! Generations of the read models: each in a schema of its own, one of them
//! served through the views of the schema `countersign`.

use countersign_events::Timestamp;
use sqlx::{AssertSqlSafe, Connection, Executor, FromRow, PgConnection, PgExecutor};
use time::OffsetDateTime;

use crate::control::VERSION;
use crate::{ViewError, lock};

const TABLES: &str = include_str!("../sql/read_models.sql");
const INDEXES: &str = include_str!("../sql/read_model_indexes.sql");
const FACADE: &str = include_str!("../sql/facade.sql");

/// What a generation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Being filled by a rebuild; refuse when that was killed.
    Filling,
    /// Served, and followed by the projectors.
    Active,
    /// Was served before; one switch takes it back.
    Standby,
    /// Being filled by a verification; refuse when that was killed.
    Scratch,
}

impl State {
    /// The word in the control table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filling => "filling",
            Self::Active => "active",
            Self::Standby => "standby",
            Self::Scratch => "scratch",
        }
    }

    fn parse(word: &str) -> Result<Self, ViewError> {
        [Self::Filling, Self::Active, Self::Standby, Self::Scratch]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| ViewError::broken("a read model is in an unknown state"))
    }
}

/// A generation as the control table lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadModel {
    /// Its number; they only grow.
    pub generation: i32,
    /// The [`VERSION`] of the program that created it.
    pub version: i32,
    /// What it is for.
    pub state: State,
    /// When it was created, by the clock of Postgres.
    pub created_at: Timestamp,
    /// When it was last activated, by the clock of Postgres.
    pub activated_at: Option<Timestamp>,
}

impl ReadModel {
    /// Whether this program can write it.
    pub fn is_ours(&self) -> bool {
        self.version == VERSION
    }
}

#[derive(FromRow)]
struct Row {
    generation: i32,
    version: i32,
    state: String,
    created_at: OffsetDateTime,
    activated_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for ReadModel {
    type Error = ViewError;

    fn try_from(row: Row) -> Result<Self, ViewError> {
        Ok(Self {
            generation: row.generation,
            version: row.version,
            state: State::parse(&row.state)?,
            created_at: row.created_at.into(),
            activated_at: row.activated_at.map(Into::into),
        })
    }
}

/// The schema of a generation.
pub(crate) fn schema(generation: i32) -> String {
    format!("countersign_r{generation}")
}

/// All generations, newest first.
pub async fn list<'e>(executor: impl PgExecutor<'e>) -> Result<Vec<ReadModel>, ViewError> {
    sqlx::query_as::<_, Row>(
        "select generation, version, state, created_at, activated_at
         from countersign.read_models order by generation desc",
    )
    .fetch_all(executor)
    .await?
    .into_iter()
    .map(ReadModel::try_from)
    .collect()
}

/// The generation that is served, if the database was ever prepared.
pub async fn active<'e>(executor: impl PgExecutor<'e>) -> Result<Option<ReadModel>, ViewError> {
    sqlx::query_as::<_, Row>(
        "select generation, version, state, created_at, activated_at
         from countersign.read_models where state = 'active'",
    )
    .fetch_optional(executor)
    .await?
    .map(ReadModel::try_from)
    .transpose()
}

/// Creates the next generation, empty and without the indexes that queries
/// need; answers its number.
pub async fn create(connection: &mut PgConnection, state: State) -> Result<i32, ViewError> {
    let mut transaction = connection.begin().await?;
    let generation = create_in(&mut transaction, state).await?;
    transaction.commit().await?;
    Ok(generation)
}

pub(crate) async fn create_in(
    connection: &mut PgConnection,
    state: State,
) -> Result<i32, ViewError> {
    let generation: i32 = sqlx::query_scalar(
        "insert into countersign.read_models (generation, version, state)
         select coalesce(max(generation), 0) + 1, $1, $2 from countersign.read_models
         returning generation",
    )
    .bind(VERSION)
    .bind(state.as_str())
    .fetch_one(&mut *connection)
    .await?;
    let schema = schema(generation);
    connection
        .execute(AssertSqlSafe(format!("create schema {schema}")))
        .await?;
    in_schema(connection, generation, TABLES).await?;
    Ok(generation)
}

/// Runs a script with the tables of a generation in reach, inside the
/// transaction that the caller has begun.
async fn in_schema(
    connection: &mut PgConnection,
    generation: i32,
    script: &'static str,
) -> Result<(), ViewError> {
    let schema = schema(generation);
    connection
        .execute(AssertSqlSafe(format!("set local search_path = {schema}")))
        .await?;
    connection.execute(sqlx::raw_sql(script)).await?;
    Ok(())
}

/// Creates the indexes that queries need, in the caller's transaction, and
/// tells the planner what the tables hold.
pub async fn add_indexes(connection: &mut PgConnection, generation: i32) -> Result<(), ViewError> {
    connection
        .execute("set local maintenance_work_mem = '256MB'")
        .await?;
    in_schema(connection, generation, INDEXES).await?;
    in_schema(
        connection,
        generation,
        "analyze accounts, clients, sessions, history, erased, revocations, checkpoints",
    )
    .await
}

/// Keeps every projector's batches out until the caller's transaction ends;
/// those under way are waited for. What stands in the checkpoints and anchors
/// then stands still.
pub async fn stop_batches(transaction: &mut PgConnection) -> Result<(), ViewError> {
    lock::stop_batches(transaction).await
}

/// Serves `generation` from the end of the caller's transaction on; the one
/// served until now becomes the standby.
pub async fn activate(transaction: &mut PgConnection, generation: i32) -> Result<(), ViewError> {
    sqlx::query("update countersign.read_models set state = 'standby' where state = 'active'")
        .execute(&mut *transaction)
        .await?;
    let found = sqlx::query(
        "update countersign.read_models set state = 'active', activated_at = now()
         where generation = $1",
    )
    .bind(generation)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if found != 1 {
        return Err(ViewError::broken("the generation to activate is gone"));
    }
    in_schema(transaction, generation, FACADE).await
}

/// Drops a generation with all it holds. The active one is not dropped.
pub async fn drop(connection: &mut PgConnection, generation: i32) -> Result<(), ViewError> {
    let mut transaction = connection.begin().await?;
    let found = sqlx::query(
        "delete from countersign.read_models where generation = $1 and state <> 'active'",
    )
    .bind(generation)
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if found != 1 {
        return Err(ViewError::broken(
            "the generation to drop is active or gone",
        ));
    }
    sqlx::query("delete from countersign.projection_failures where generation = $1")
        .bind(generation)
        .execute(&mut *transaction)
        .await?;
    let schema = schema(generation);
    transaction
        .execute(AssertSqlSafe(format!(
            "drop schema if exists {schema} cascade"
        )))
        .await?;
    transaction.commit().await?;
    Ok(())
}
