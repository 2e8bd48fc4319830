//! Questions about sessions.

use countersign_events::{AccountId, Actor, Position, SessionId, Timestamp};
use sqlx::{FromRow, PgExecutor, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use super::SessionFilter;
use crate::page::Page;
use crate::{ViewError, actor, number, text};

/// Accounts that a search may match before their sessions are looked up by
/// account; beyond, the newest sessions are looked through instead.
const NARROW_ACCOUNTS_MAX: usize = 500;

/// A session as it is shown. What is erased is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// The account's address, as the person typed it.
    pub email: Option<String>,
    /// The client it was started on.
    pub client: String,
    /// The address of the sign-in or the last refresh.
    pub ip: Option<String>,
    /// The user agent of the sign-in, or of the last use from elsewhere.
    pub user_agent: Option<String>,
    /// How strongly the person was known: `aal1` to `aal3`.
    pub acr: String,
    /// The methods used (RFC 8176).
    pub amr: Vec<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When the person authenticated.
    pub auth_time: Timestamp,
    /// The sign-in or the last refresh.
    pub last_seen_at: Timestamp,
    /// When it expires unless refreshed before.
    pub idle_expires_at: Timestamp,
    /// When it expires whatever happens.
    pub expires_at: Timestamp,
    /// The live generation of its refresh token; the first is 1.
    pub generation: u64,
    /// The account event its tokens are bound to.
    pub epoch: u64,
    /// When it was last used from elsewhere than where it was tied to.
    pub elsewhere_at: Option<Timestamp>,
    /// How it ended, if it was ended.
    pub ended: Option<Ended>,
    /// The message that last wrote the row.
    pub position: Position,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Who ended it.
    pub by: Actor,
    /// Why, as a word: see [`countersign_events::EndReason`].
    pub reason: String,
    /// What the operator wrote.
    pub note: Option<String>,
}

/// The state of a session at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// Neither ended nor expired.
    Active,
    /// Expired without having been ended.
    Expired,
    /// Ended, for whatever reason.
    Revoked,
}

impl SessionState {
    /// The word used in answers and the console.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl Session {
    /// Its state at `now`.
    pub fn state(&self, now: Timestamp) -> SessionState {
        if self.ended.is_some() {
            SessionState::Revoked
        } else if now < self.idle_expires_at && now < self.expires_at {
            SessionState::Active
        } else {
            SessionState::Expired
        }
    }
}

#[derive(FromRow)]
pub(super) struct Row {
    id: Uuid,
    account_id: Uuid,
    email: Option<String>,
    client: String,
    ip: Option<String>,
    user_agent: Option<String>,
    acr: String,
    amr: Vec<String>,
    started_at: OffsetDateTime,
    auth_time: OffsetDateTime,
    last_seen_at: OffsetDateTime,
    idle_expires_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    generation: i64,
    epoch: i64,
    elsewhere_at: Option<OffsetDateTime>,
    ended_at: Option<OffsetDateTime>,
    ended_by: Option<String>,
    ended_by_id: Option<Uuid>,
    end_reason: Option<String>,
    end_note: Option<String>,
    shard: i16,
    sequence: i64,
}

impl TryFrom<Row> for Session {
    type Error = ViewError;

    fn try_from(row: Row) -> Result<Self, ViewError> {
        let ended = match row.ended_at {
            None => None,
            Some(at) => Some(Ended {
                at: at.into(),
                by: actor::from_columns(
                    row.ended_by.as_deref().unwrap_or_default(),
                    row.ended_by_id,
                )?,
                reason: row.end_reason.unwrap_or_default(),
                note: row.end_note,
            }),
        };
        Ok(Self {
            id: SessionId::from_uuid(row.id),
            account: AccountId::from_uuid(row.account_id),
            email: row.email,
            client: row.client,
            ip: row.ip,
            user_agent: row.user_agent,
            acr: row.acr,
            amr: row.amr,
            started_at: row.started_at.into(),
            auth_time: row.auth_time.into(),
            last_seen_at: row.last_seen_at.into(),
            idle_expires_at: row.idle_expires_at.into(),
            expires_at: row.expires_at.into(),
            generation: number::from_stored(row.generation)?,
            epoch: number::from_stored(row.epoch)?,
            elsewhere_at: row.elsewhere_at.map(Into::into),
            ended,
            position: Position {
                shard: number::shard(row.shard)?,
                sequence: number::from_stored(row.sequence)?,
            },
        })
    }
}

/// The accounts whose address holds `pattern`, or none when they are many. With
/// a fence, and the id after all that had been drawn by then, also those of then
/// that were written since: their address may have been another.
pub(super) async fn narrow(
    executor: impl PgExecutor<'_>,
    pattern: &str,
    as_of: Option<(&[i64], Uuid)>,
) -> Result<Option<Vec<Uuid>>, ViewError> {
    let (fence, newest) = as_of.unzip();
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "select id from countersign.accounts
         where (email_lower like $1 or sequence > ($3::bigint[])[shard + 1])
           and ($4::uuid is null or id < $4) limit $2",
    )
    .bind(pattern)
    .bind(i64::try_from(NARROW_ACCOUNTS_MAX + 1).unwrap_or(i64::MAX))
    .bind(fence)
    .bind(newest)
    .fetch_all(executor)
    .await?;
    Ok((ids.len() <= NARROW_ACCOUNTS_MAX).then_some(ids))
}

/// Sessions, newest first, with their state as it is at `now`.
pub async fn list(
    pool: &PgPool,
    filter: &SessionFilter,
    now: Timestamp,
) -> Result<Page<Session, SessionId>, ViewError> {
    // A rare address is found by its account, a common part of one among the
    // newest sessions: either way few rows are read.
    let pattern = filter.q.as_deref().map(text::contains_pattern);
    let accounts = match (&filter.account, &pattern) {
        (None, Some(pattern)) => narrow(pool, pattern, None).await?,
        _ => None,
    };
    let range = filter.ip.map(|ip| ip.range());
    let rows = sqlx::query_as::<_, Row>(
        "select s.id, s.account_id, a.email, s.client, s.ip, s.user_agent, s.acr, s.amr,
             s.started_at, s.auth_time, s.last_seen_at, s.idle_expires_at, s.expires_at,
             s.generation, s.epoch, s.ended_at, s.ended_by, s.ended_by_id, s.end_reason,
             s.end_note, s.elsewhere_at, s.shard, s.sequence
         from countersign.sessions s
         left join countersign.accounts a on a.id = s.account_id
         where ($1::uuid is null or s.account_id = $1)
           and ($2::uuid[] is null or s.account_id = any($2))
           and ($3::text is null or a.email_lower like $3)
           and ($4::text is null or (left(s.client, 64) = left($4, 64) and s.client = $4))
           and ($5::text is null or s.ip_addr between $5::inet and $6::inet)
           and ($7::uuid is null or s.id < $7)
           and ($8 = 'any'
             or ($8 = 'revoked' and s.ended_at is not null)
             or ($8 = 'active' and s.ended_at is null
                 and s.idle_expires_at > $9 and s.expires_at > $9)
             or ($8 = 'expired' and s.ended_at is null
                 and (s.idle_expires_at <= $9 or s.expires_at <= $9)))
         order by s.id desc limit $10",
    )
    .bind(filter.account.map(AccountId::uuid))
    .bind(&accounts)
    .bind(pattern.filter(|_| accounts.is_none()))
    .bind(filter.client.clone().map(text::storable))
    .bind(range.map(|(low, _)| low.to_string()))
    .bind(range.map(|(_, high)| high.to_string()))
    .bind(filter.after.map(SessionId::uuid))
    .bind(filter.state.as_str())
    .bind(now.to_datetime())
    .bind(Page::<Session, SessionId>::rows_to_ask(filter.limit))
    .fetch_all(pool)
    .await?;
    let sessions = rows
        .into_iter()
        .map(Session::try_from)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Page::of(sessions, filter.limit, |session| session.id))
}

/// How many sessions of an account are active at `now`.
pub async fn active_of(
    pool: &PgPool,
    account: AccountId,
    now: Timestamp,
) -> Result<u64, ViewError> {
    let active: i64 = sqlx::query_scalar(
        "select count(*) from countersign.sessions
         where account_id = $1 and ended_at is null and idle_expires_at > $2 and expires_at > $2",
    )
    .bind(account.uuid())
    .bind(now.to_datetime())
    .fetch_one(pool)
    .await?;
    number::from_stored(active)
}

/// One session.
pub async fn get(pool: &PgPool, id: SessionId) -> Result<Option<Session>, ViewError> {
    sqlx::query_as::<_, Row>(
        "select s.id, s.account_id, a.email, s.client, s.ip, s.user_agent, s.acr, s.amr,
             s.started_at, s.auth_time, s.last_seen_at, s.idle_expires_at, s.expires_at,
             s.generation, s.epoch, s.ended_at, s.ended_by, s.ended_by_id, s.end_reason,
             s.end_note, s.elsewhere_at, s.shard, s.sequence
         from countersign.sessions s
         left join countersign.accounts a on a.id = s.account_id
         where s.id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(pool)
    .await?
    .map(Session::try_from)
    .transpose()
}

/// These sessions, newest first; those that are not there are left out.
pub async fn all(pool: &PgPool, ids: &[SessionId]) -> Result<Vec<Session>, ViewError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_as::<_, Row>(
        "select s.id, s.account_id, a.email, s.client, s.ip, s.user_agent, s.acr, s.amr,
             s.started_at, s.auth_time, s.last_seen_at, s.idle_expires_at, s.expires_at,
             s.generation, s.epoch, s.ended_at, s.ended_by, s.ended_by_id, s.end_reason,
             s.end_note, s.elsewhere_at, s.shard, s.sequence
         from countersign.sessions s
         left join countersign.accounts a on a.id = s.account_id
         where s.id = any($1) order by s.id desc",
    )
    .bind(ids)
    .fetch_all(pool)
    .await?;
    rows.into_iter().map(Session::try_from).collect()
}
