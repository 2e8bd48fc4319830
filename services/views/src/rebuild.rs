//! The rebuild of the read models: asked for, under way, or the last there was.

use countersign_events::{AccountId, Timestamp};
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};
use time::OffsetDateTime;

use crate::error::unless_missing;
use crate::{ViewError, number, text};

/// How often a rebuild that was asked for is taken up, at most: one that ends
/// whoever is at it would be begun for ever.
const TRIES_MAX: i16 = 3;

/// What has become of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebuildState {
    /// A projector was asked for it, and none has begun.
    Requested,
    /// Somebody is at it.
    Running,
    /// The new read models are served.
    Done,
    /// It did not come to an end; what was served is served.
    Failed,
}

impl RebuildState {
    fn parse(word: &str) -> Result<Self, ViewError> {
        match word {
            "requested" => Ok(Self::Requested),
            "running" => Ok(Self::Running),
            "done" => Ok(Self::Done),
            "failed" => Ok(Self::Failed),
            _ => Err(ViewError::broken("a rebuild is in an unknown state")),
        }
    }
}

/// How far a rebuild is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// The generation that is filled.
    pub generation: i32,
    /// What it is at, in a word or two.
    pub phase: &'static str,
    /// The last sequence that is filled, in shard order.
    pub positions: Vec<u64>,
    /// Events a second.
    pub events_per_second: u64,
    /// How much longer it reads at that rate, in seconds; none if not known.
    pub eta_seconds: Option<u64>,
}

/// A rebuild as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuild {
    /// What has become of it.
    pub state: RebuildState,
    /// Who is or was at it: process and host.
    pub runner: Option<String>,
    /// The generation that is filled, once there is one.
    pub generation: Option<i32>,
    /// The version of its tables, while it is there.
    pub version: Option<i32>,
    /// What it is at.
    pub phase: Option<String>,
    /// The last sequence that is filled, in shard order; empty at first.
    pub positions: Vec<u64>,
    /// Events a second, once known.
    pub events_per_second: Option<u64>,
    /// Seconds to go at that rate, if known.
    pub eta_seconds: Option<u64>,
    /// Why it failed, without personal data.
    pub error: Option<String>,
    /// When any of this last changed, by the clock of Postgres.
    pub changed_at: Timestamp,
}

#[derive(FromRow)]
struct Row {
    state: String,
    runner: Option<String>,
    generation: Option<i32>,
    version: Option<i32>,
    phase: Option<String>,
    positions: Vec<i64>,
    events_per_second: Option<i64>,
    eta_seconds: Option<i64>,
    error: Option<String>,
    changed_at: OffsetDateTime,
}

impl TryFrom<Row> for Rebuild {
    type Error = ViewError;

    fn try_from(row: Row) -> Result<Self, ViewError> {
        let positions = row.positions.into_iter().map(number::from_stored);
        Ok(Self {
            state: RebuildState::parse(&row.state)?,
            runner: row.runner,
            generation: row.generation,
            version: row.version,
            phase: row.phase,
            positions: positions.collect::<Result<_, _>>()?,
            events_per_second: row.events_per_second.map(number::from_stored).transpose()?,
            eta_seconds: row.eta_seconds.map(number::from_stored).transpose()?,
            error: row.error,
            changed_at: row.changed_at.into(),
        })
    }
}

/// The rebuild that is under way or was the last; none if there never was one.
/// One from the command line that says nothing for half a minute has failed.
pub async fn current(pool: &PgPool) -> Result<Option<Rebuild>, ViewError> {
    let row = sqlx::query_as::<_, Row>(
        "select case when lost then 'failed' else state end as state, runner, generation,
             version, phase, positions, events_per_second, eta_seconds,
             case when lost then 'whoever was at it is gone' else error end as error, changed_at
         from (select rebuild.*, model.version, rebuild.state = 'running' and not is_request
                 and changed_at < clock_timestamp() - interval '30 seconds' as lost
             from countersign.rebuild
             left join countersign.read_models model using (generation)) as rebuild",
    )
    .fetch_optional(pool)
    .await;
    let row = unless_missing(row.map_err(ViewError::from), None)?;
    row.map(Rebuild::try_from).transpose()
}

/// Asks the projectors for a rebuild. False: one is under way, or was asked
/// for already. Of several who ask at once, one is told yes.
pub async fn request(pool: &PgPool, by: AccountId) -> Result<bool, ViewError> {
    let asked = sqlx::query(
        "insert into countersign.rebuild as rebuild (state, is_request, requested_by, changed_at)
         values ('requested', true, $1, clock_timestamp())
         on conflict (is_only) do update set state = 'requested', is_request = true,
             requested_by = excluded.requested_by, runner = null, generation = null, phase = null,
             positions = '{}', events_per_second = null, eta_seconds = null, error = null,
             tries = 0, changed_at = excluded.changed_at
         where rebuild.state in ('done', 'failed')
             or (rebuild.state = 'running' and not rebuild.is_request
                 and rebuild.changed_at < clock_timestamp() - interval '30 seconds')",
    )
    .bind(by.uuid())
    .execute(pool)
    .await?
    .rows_affected();
    Ok(asked == 1)
}

/// Whether a projector was asked for a rebuild that nobody is at: none has
/// begun, or whoever did has said nothing for five seconds.
pub async fn is_wanted<'e>(executor: impl PgExecutor<'e>) -> Result<bool, ViewError> {
    Ok(sqlx::query_scalar(
        "select exists (select from countersign.rebuild
             where state = 'requested' or (state = 'running' and is_request
                 and changed_at < clock_timestamp() - interval '5 seconds'))",
    )
    .fetch_one(executor)
    .await?)
}

/// Takes up a rebuild that was asked for, or that a lost projector left
/// behind. False: there is none, or it was taken up three times and each time
/// left behind; then it has failed. Only for who holds the place of
/// maintenance, so nobody else can be at it.
pub async fn take_up(connection: &mut PgConnection, runner: &str) -> Result<bool, ViewError> {
    let taken: Option<bool> = sqlx::query_scalar(
        "update countersign.rebuild set
             state = case when tries < $2 then 'running' else 'failed' end,
             runner = case when tries < $2 then $1 else runner end,
             error = case when tries < $2 then null
                 else 'it was begun ' || tries || ' times, and whoever was at it was lost' end,
             tries = least(tries + 1, $2), generation = null, phase = null, positions = '{}',
             events_per_second = null, eta_seconds = null, changed_at = clock_timestamp()
         where state = 'requested' or (state = 'running' and is_request)
         returning state = 'running'",
    )
    .bind(runner)
    .bind(TRIES_MAX)
    .fetch_optional(connection)
    .await?;
    Ok(taken.unwrap_or(false))
}

/// Leaves a rebuild that `runner` has taken up to whoever is next: it stops,
/// and is not lost, so the try does not count. Nothing if it is not at one.
pub async fn give_back(connection: &mut PgConnection, runner: &str) -> Result<(), ViewError> {
    sqlx::query(
        "update countersign.rebuild set state = 'requested', runner = null, generation = null,
             phase = null, positions = '{}', events_per_second = null, eta_seconds = null,
             tries = greatest(tries - 1, 0), changed_at = clock_timestamp()
         where state = 'running' and is_request and runner = $1",
    )
    .bind(runner)
    .execute(connection)
    .await?;
    Ok(())
}

/// Says that a rebuild has begun that nobody asked a projector for. If one was
/// asked for, this is it. Only for who holds the place of maintenance.
pub async fn begin(connection: &mut PgConnection, runner: &str) -> Result<(), ViewError> {
    sqlx::query(
        "insert into countersign.rebuild as rebuild (state, is_request, runner, changed_at)
         values ('running', false, $1, clock_timestamp())
         on conflict (is_only) do update set state = 'running',
             is_request = rebuild.is_request and rebuild.state in ('requested', 'running'),
             runner = excluded.runner, generation = null, phase = null, positions = '{}',
             events_per_second = null, eta_seconds = null, error = null,
             changed_at = excluded.changed_at",
    )
    .bind(runner)
    .execute(connection)
    .await?;
    Ok(())
}

/// Says how far the rebuild of `runner` is; nothing if it is over.
pub async fn progress(
    connection: &mut PgConnection,
    runner: &str,
    step: Option<&Step>,
) -> Result<(), ViewError> {
    let positions = step.map(|step| step.positions.iter().copied().map(number::to_stored));
    sqlx::query(
        "update countersign.rebuild set generation = $2, phase = $3,
             positions = coalesce($4::bigint[], '{}'), events_per_second = $5, eta_seconds = $6,
             changed_at = clock_timestamp()
         where state = 'running' and runner = $1",
    )
    .bind(runner)
    .bind(step.map(|step| step.generation))
    .bind(step.map(|step| step.phase))
    .bind(positions.map(Iterator::collect::<Vec<i64>>))
    .bind(step.map(|step| number::to_stored(step.events_per_second)))
    .bind(
        step.and_then(|step| step.eta_seconds)
            .map(number::to_stored),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Says that the rebuild of `runner` is over, and why if it failed.
pub async fn end(
    connection: &mut PgConnection,
    runner: &str,
    error: Option<&str>,
) -> Result<(), ViewError> {
    sqlx::query(
        "update countersign.rebuild set state = $2, error = $3, phase = null,
             eta_seconds = null, changed_at = clock_timestamp()
         where state = 'running' and runner = $1",
    )
    .bind(runner)
    .bind(if error.is_none() { "done" } else { "failed" })
    .bind(error.map(|error| text::storable(error.to_owned())))
    .execute(connection)
    .await?;
    Ok(())
}
