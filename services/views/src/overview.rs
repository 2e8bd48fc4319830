//! The numbers on the front page.

use std::time::Duration;

use countersign_events::Timestamp;
use sqlx::{FromRow, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::pool::{PATIENCE, patient};
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

/// Ids hold the time at which a sign-in began; the session starts when it is
/// complete. The longest in between.
const SIGN_IN_MAX: Duration = Duration::from_hours(1);

/// The lowest id of a session that was begun then.
fn lowest_id(at: OffsetDateTime) -> Uuid {
    let millis = u64::try_from(Timestamp::from(at).as_millis()).unwrap_or_default();
    Uuid::from_u128(u128::from(millis) << 80)
}

/// Counts, as of `now`.
///
/// What it costs grows with the accounts (an index is read from end to end),
/// with the sessions that are open and not past their longest life (their rows
/// are read, some hundred milliseconds a million), and with those started or
/// ended within a day; not with all that were ever there. So it has ten times
/// the time of other questions, and whoever shows it often should keep the
/// answer for some seconds.
pub async fn overview(pool: &PgPool, now: Timestamp) -> Result<Overview, ViewError> {
    let now = now.to_datetime();
    let quarter = now - Duration::from_mins(15);
    let day = now - Duration::from_hours(24);
    let mut transaction = patient(pool, PATIENCE).await?;
    // Whether a session has been idle for too long is in its row alone: an
    // index over it would be written by every refresh.
    let counts = sqlx::query_as::<_, Counts>(
        "select (select count(*) from countersign.accounts) as accounts,
             (select count(*) from countersign.accounts
                 where state = 'suspended') as accounts_suspended,
             (select count(*) from countersign.sessions
                 where ended_at is null and expires_at > $1 and idle_expires_at > $1) as active,
             started.*
         from (select count(*) filter (where started_at > $2) as started_15_min,
                 count(*) as started_24_h
             from countersign.sessions where id >= $4 and started_at > $3) as started",
    )
    .bind(now)
    .bind(quarter)
    .bind(day)
    .bind(lowest_id(day - SIGN_IN_MAX))
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
