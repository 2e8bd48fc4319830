//! Questions about what happened.

use countersign_events::{AccountId, Position, Timestamp};
use sqlx::{FromRow, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::page::Page;
use crate::{ViewError, number};

/// Something that happened to a person's account or one of their sessions. Its
/// details are in the log, at its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its message.
    pub position: Position,
    /// Which event of that message, from 0.
    pub index: u16,
    /// When it was decided.
    pub occurred_at: Timestamp,
    /// `account` or `session`.
    pub noun: String,
    /// Which of these.
    pub subject: Uuid,
    /// The event's name.
    pub name: String,
    /// The account that did it, if one did.
    pub actor: Option<AccountId>,
}

/// Where a page ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryCursor {
    /// The message of its last entry.
    pub position: Position,
    /// Which event of that message.
    pub index: u16,
}

#[derive(FromRow)]
struct Row {
    shard: i16,
    sequence: i64,
    index_in_message: i16,
    occurred_at: OffsetDateTime,
    noun: String,
    subject_id: Uuid,
    name: String,
    actor_account: Option<Uuid>,
}

impl TryFrom<Row> for Entry {
    type Error = ViewError;

    fn try_from(row: Row) -> Result<Self, ViewError> {
        Ok(Self {
            position: Position {
                shard: number::shard(row.shard)?,
                sequence: number::from_stored(row.sequence)?,
            },
            index: u16::try_from(row.index_in_message)
                .map_err(|_| ViewError::broken("a stored index is negative"))?,
            occurred_at: row.occurred_at.into(),
            noun: row.noun,
            subject: row.subject_id,
            name: row.name,
            actor: row.actor_account.map(AccountId::from_uuid),
        })
    }
}

/// What happened to the account and its sessions, newest first: in the order of
/// the log, which clocks that disagree cannot change. All messages of an
/// account are in one shard.
///
/// Refreshes are not among it, and a session's part is forgotten with the
/// session.
pub async fn list(
    pool: &PgPool,
    account: AccountId,
    after: Option<EntryCursor>,
    limit: u16,
) -> Result<Page<Entry, EntryCursor>, ViewError> {
    let rows = sqlx::query_as::<_, Row>(
        "select shard, sequence, index_in_message, occurred_at, noun, subject_id, name,
             actor_account
         from countersign.history
         where account_id = $1
           and ($2::bigint is null or (sequence, index_in_message) < ($2, $3))
         order by sequence desc, index_in_message desc limit $4",
    )
    .bind(account.uuid())
    .bind(after.map(|after| number::to_stored(after.position.sequence)))
    .bind(after.map(|after| i16::try_from(after.index).unwrap_or(i16::MAX)))
    .bind(Page::<Entry, EntryCursor>::rows_to_ask(limit))
    .fetch_all(pool)
    .await?;
    let entries = rows
        .into_iter()
        .map(Entry::try_from)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Page::of(entries, limit, |entry| EntryCursor {
        position: entry.position,
        index: entry.index,
    }))
}

/// The messages about the account itself with an event of one of these names,
/// newest first, at most so many.
pub async fn last_named(
    pool: &PgPool,
    account: AccountId,
    names: &[&str],
    limit: u16,
) -> Result<Vec<Position>, ViewError> {
    let rows: Vec<(i16, i64)> = sqlx::query_as(
        "select distinct shard, sequence from countersign.history
         where account_id = $1 and noun = 'account' and name = any($2)
         order by sequence desc limit $3",
    )
    .bind(account.uuid())
    .bind(names)
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|(shard, sequence)| {
            Ok(Position {
                shard: number::shard(shard)?,
                sequence: number::from_stored(sequence)?,
            })
        })
        .collect()
}
