//! The numbers on the front page.

use std::time::Duration;

use countersign_events::Timestamp;
use sqlx::{Executor, FromRow, PgPool};

use crate::{ViewError, number};

/// How many there are of what, at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// Accounts.
    pub accounts: u64,
    /// Those of them that are suspended.
    pub accounts_suspended: u64,
    /// Sessions that are neither ended nor expired.
    pub sessions_active: u64,
    /// Sessions started in the last quarter of an hour.
    pub started_15_min: u64,
    /// Sessions started in the last day.
    pub started_24_h: u64,
    /// Sessions ended in the last day, by reason, most frequent first.
    pub ended_24_h: Vec<(String, u64)>,
}

#[derive(FromRow)]
struct Counts {
    accounts: i64,
    accounts_suspended: i64,
    active: i64,
    started_15_min: i64,
    started_24_h: i64,
}

/// Counts, as of `now`.
///
/// Reads the whole table of sessions (some hundred milliseconds a million), so
/// it has ten times the time of other questions. Whoever shows it often should
/// keep the answer for some seconds.
pub async fn overview(pool: &PgPool, now: Timestamp) -> Result<Overview, ViewError> {
    let now = now.to_datetime();
    let quarter = now - Duration::from_mins(15);
    let day = now - Duration::from_hours(24);
    let mut transaction = pool.begin().await?;
    transaction
        .execute("set local statement_timeout = '5s'")
        .await?;
    let counts = sqlx::query_as::<_, Counts>(
        "select accounts.accounts, accounts.accounts_suspended, sessions.*
         from (select count(*) filter (where ended_at is null and idle_expires_at > $1
                 and expires_at > $1) as active,
             count(*) filter (where started_at > $2) as started_15_min,
             count(*) filter (where started_at > $3) as started_24_h
             from countersign.sessions) as sessions,
         (select count(*) as accounts,
             count(*) filter (where state = 'suspended') as accounts_suspended
             from countersign.accounts) as accounts",
    )
    .bind(now)
    .bind(quarter)
    .bind(day)
    .fetch_one(&mut *transaction)
    .await?;
    let ended: Vec<(String, i64)> = sqlx::query_as(
        "select coalesce(end_reason, ''), count(*) as sessions from countersign.sessions
         where ended_at > $1 group by 1 order by 2 desc, 1",
    )
    .bind(day)
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Overview {
        accounts: number::from_stored(counts.accounts)?,
        accounts_suspended: number::from_stored(counts.accounts_suspended)?,
        sessions_active: number::from_stored(counts.active)?,
        started_15_min: number::from_stored(counts.started_15_min)?,
        started_24_h: number::from_stored(counts.started_24_h)?,
        ended_24_h: ended
            .into_iter()
            .map(|(reason, count)| Ok((reason, number::from_stored(count)?)))
            .collect::<Result<_, ViewError>>()?,
    })
}
