//! Questions about revocations.

use countersign_events::{Actor, MessageId, Position, RevocationId, Timestamp};
use sqlx::{FromRow, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::page::Page;
use crate::{ViewError, actor, number};

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationState {
    /// It is written down, and nobody has counted yet.
    Requested,
    /// It is known how many sessions it is about, and they are being ended.
    Running,
    /// It was carried out.
    Completed,
    /// It was given up before it was carried out.
    Cancelled,
    /// It was carried out but for some sessions that could not be ended.
    Failed,
}

impl RevocationState {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    fn parse(word: &str) -> Result<Self, ViewError> {
        [
            Self::Requested,
            Self::Running,
            Self::Completed,
            Self::Cancelled,
            Self::Failed,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
        .ok_or_else(|| ViewError::broken("a revocation is in an unknown state"))
    }
}

/// An order as the read models know it. What it says is in the log, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Its id.
    pub id: RevocationId,
    /// The message that the ends name as their cause.
    pub message: MessageId,
    /// Who gave it.
    pub by: Actor,
    /// When.
    pub requested_at: Timestamp,
    /// The log as it was then, shard by shard.
    pub fence: Vec<u64>,
    /// How far it is.
    pub state: RevocationState,
    /// How many sessions it is about, once they are counted.
    pub matched: Option<u64>,
    /// When they were counted.
    pub counted_at: Option<Timestamp>,
    /// How many it ended, as its last event says.
    pub ended: Option<u64>,
    /// How many were over already.
    pub already_over: Option<u64>,
    /// How many could not be ended.
    pub failed: Option<u64>,
    /// When it was carried out or given up.
    pub finished_at: Option<Timestamp>,
    /// The message that last wrote the row.
    pub position: Position,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    message: Uuid,
    requested_by: String,
    requested_by_id: Option<Uuid>,
    requested_at: OffsetDateTime,
    fence: Vec<i64>,
    state: String,
    matched: Option<i64>,
    counted_at: Option<OffsetDateTime>,
    ended: Option<i64>,
    already_over: Option<i64>,
    failed: Option<i64>,
    finished_at: Option<OffsetDateTime>,
    shard: i16,
    sequence: i64,
}

impl TryFrom<Row> for Revocation {
    type Error = ViewError;

    fn try_from(row: Row) -> Result<Self, ViewError> {
        let count = |count: Option<i64>| count.map(number::from_stored).transpose();
        let fence = row.fence.into_iter().map(number::from_stored);
        Ok(Self {
            id: RevocationId::from_uuid(row.id),
            message: MessageId::from_uuid(row.message),
            by: actor::from_columns(&row.requested_by, row.requested_by_id)?,
            requested_at: row.requested_at.into(),
            fence: fence.collect::<Result<_, _>>()?,
            state: RevocationState::parse(&row.state)?,
            matched: count(row.matched)?,
            counted_at: row.counted_at.map(Into::into),
            ended: count(row.ended)?,
            already_over: count(row.already_over)?,
            failed: count(row.failed)?,
            finished_at: row.finished_at.map(Into::into),
            position: Position {
                shard: number::shard(row.shard)?,
                sequence: number::from_stored(row.sequence)?,
            },
        })
    }
}

/// Orders, newest first, from the one after `after` on.
pub async fn list(
    pool: &PgPool,
    after: Option<RevocationId>,
    limit: u16,
) -> Result<Page<Revocation, RevocationId>, ViewError> {
    let rows = sqlx::query_as::<_, Row>(
        "select id, message, requested_by, requested_by_id, requested_at, fence, state, matched,
             counted_at, ended, already_over, failed, finished_at, shard, sequence
         from countersign.revocations
         where $1::uuid is null or (requested_at, id) < (
             select requested_at, id from countersign.revocations where id = $1)
         order by requested_at desc, id desc limit $2",
    )
    .bind(after.map(RevocationId::uuid))
    .bind(Page::<Revocation, RevocationId>::rows_to_ask(limit))
    .fetch_all(pool)
    .await?;
    let rows = rows.into_iter().map(Revocation::try_from);
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(Page::of(rows, limit, |row| row.id))
}

/// One order.
pub async fn get(pool: &PgPool, id: RevocationId) -> Result<Option<Revocation>, ViewError> {
    sqlx::query_as::<_, Row>(
        "select id, message, requested_by, requested_by_id, requested_at, fence, state, matched,
             counted_at, ended, already_over, failed, finished_at, shard, sequence
         from countersign.revocations where id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(pool)
    .await?
    .map(Revocation::try_from)
    .transpose()
}

/// What has ended because of a message, so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ends {
    /// How many sessions.
    pub count: u64,
    /// The last of these ends in each shard that has one.
    pub last: Vec<Position>,
}

/// The sessions that have ended because of this message, so far, and where
/// their ends are.
pub async fn ends_of(pool: &PgPool, message: MessageId) -> Result<Ends, ViewError> {
    // Whatever came to a session after its end is no part of it.
    let shards: Vec<(i16, i64, i64)> = sqlx::query_as(
        "select shard, count(*), max(coalesce(ended_sequence, sequence))
         from countersign.sessions where ended_cause = $1 group by shard order by shard",
    )
    .bind(message.uuid())
    .fetch_all(pool)
    .await?;
    let mut ends = Ends::default();
    for (shard, count, last) in shards {
        ends.count += number::from_stored(count)?;
        ends.last.push(Position {
            shard: number::shard(shard)?,
            sequence: number::from_stored(last)?,
        });
    }
    Ok(ends)
}

/// How many sessions have ended because of this message, so far.
pub async fn ended_by(pool: &PgPool, message: MessageId) -> Result<u64, ViewError> {
    let count: i64 =
        sqlx::query_scalar("select count(*) from countersign.sessions where ended_cause = $1")
            .bind(message.uuid())
            .fetch_one(pool)
            .await?;
    number::from_stored(count)
}
