//! Projectors, as they say what they do.

use sqlx::{FromRow, PgConnection, PgExecutor};

use crate::error::unless_missing;
use crate::{ViewError, number};

/// What the owner of a shard is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerState {
    /// It follows the log.
    Running,
    /// It waits for Postgres or NATS and tries again.
    Waiting,
    /// It stands before an event that cannot be projected.
    Failed,
}

impl OwnerState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
        }
    }

    fn parse(word: &str) -> Result<Self, ViewError> {
        [Self::Running, Self::Waiting, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| ViewError::broken("the owner of a shard is in an unknown state"))
    }
}

/// What a projector says of a shard that is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owned {
    /// Which.
    pub shard: u8,
    /// What is happening to it.
    pub state: OwnerState,
    /// Events it projects a second, of late.
    pub events_per_second: u64,
}

/// The owner of a shard, as it was last heard of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The shard.
    pub shard: u8,
    /// The projector's name: process and host.
    pub projector: String,
    /// What it is doing.
    pub state: OwnerState,
    /// Events it projects a second, of late.
    pub events_per_second: u64,
    /// Whether it was heard of within five seconds.
    pub is_alive: bool,
}

/// Says that a projector lives and what it does. Of a shard that waits it only
/// speaks if nobody else has it.
pub async fn beat(
    connection: &mut PgConnection,
    projector: &str,
    owned: &[Owned],
) -> Result<(), ViewError> {
    let shards: Vec<i16> = owned.iter().map(|owned| owned.shard.into()).collect();
    let states: Vec<&str> = owned.iter().map(|owned| owned.state.as_str()).collect();
    let rates: Vec<i64> = owned
        .iter()
        .map(|owned| number::to_stored(owned.events_per_second))
        .collect();
    sqlx::query(
        "with here as (
             insert into countersign.projectors (name, seen_at) values ($1, clock_timestamp())
             on conflict (name) do update set seen_at = excluded.seen_at
         ), gone as (
             delete from countersign.projectors
             where name <> $1 and seen_at < clock_timestamp() - interval '1 hour'
         )
         insert into countersign.shard_owners as owner
             (shard, projector, state, events_per_second, seen_at)
         select shard, $1, state, rate, clock_timestamp()
         from unnest($2::smallint[], $3::text[], $4::bigint[]) as said (shard, state, rate)
         order by shard
         on conflict (shard) do update set projector = excluded.projector,
             state = excluded.state, events_per_second = excluded.events_per_second,
             seen_at = excluded.seen_at
         where owner.projector = excluded.projector or excluded.state <> 'waiting'
             or owner.seen_at < clock_timestamp() - interval '5 seconds'",
    )
    .bind(projector)
    .bind(shards)
    .bind(states)
    .bind(rates)
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes back everything a projector said: it stops.
pub async fn leave(connection: &mut PgConnection, projector: &str) -> Result<(), ViewError> {
    sqlx::query(
        "with owned as (delete from countersign.shard_owners where projector = $1)
         delete from countersign.projectors where name = $1",
    )
    .bind(projector)
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct Row {
    shard: i16,
    projector: String,
    state: String,
    events_per_second: i64,
    is_alive: bool,
}

/// Who was last heard of as the owner of which shard, in shard order. A shard
/// that nobody ever spoke of is not listed; none is where projectors do not
/// speak of themselves yet.
pub async fn owners<'e>(executor: impl PgExecutor<'e>) -> Result<Vec<Owner>, ViewError> {
    let rows = sqlx::query_as(
        "select shard, projector, state, events_per_second,
             seen_at > clock_timestamp() - interval '5 seconds' as is_alive
         from countersign.shard_owners order by shard",
    )
    .fetch_all(executor)
    .await;
    let rows: Vec<Row> = unless_missing(rows.map_err(ViewError::from), Vec::new())?;
    let owners = rows.into_iter().map(|row| {
        Ok(Owner {
            shard: number::shard(row.shard)?,
            projector: row.projector,
            state: OwnerState::parse(&row.state)?,
            events_per_second: number::from_stored(row.events_per_second)?,
            is_alive: row.is_alive,
        })
    });
    owners.collect()
}

/// Whether any projector was heard of within five seconds.
pub async fn is_any_alive<'e>(executor: impl PgExecutor<'e>) -> Result<bool, ViewError> {
    let is_alive = sqlx::query_scalar(
        "select exists (select from countersign.projectors
             where seen_at > clock_timestamp() - interval '5 seconds')",
    )
    .fetch_one(executor)
    .await;
    unless_missing(is_alive.map_err(ViewError::from), false)
}
