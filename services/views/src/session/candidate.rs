//! Rows that may have been of a list as of a moment.
//!
//! A row that was not written since is what the session was. Of any other only
//! what never changes is known, so its state, address and owner's name are
//! judged by whoever folds its messages: what is selected here is too much,
//! never too little.

use countersign_events::{AccountId, SessionId};
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::query::{Row, narrow};
use super::{AsOf, Session, SessionFilter};
use crate::page::Page;
use crate::pool::{PATIENCE, patient};
use crate::{ViewError, number, text};

/// A session that may be of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its row as it is now.
    pub session: Session,
    /// Whether the row was not written since: then it shows what was.
    pub is_as_it_was: bool,
    /// Whether the account's row was not written since: then so does the
    /// address.
    pub is_address_as_it_was: bool,
}

#[derive(FromRow)]
struct Found {
    #[sqlx(flatten)]
    row: Row,
    fence: i64,
    account_sequence: Option<i64>,
}

impl TryFrom<Found> for Candidate {
    type Error = ViewError;

    fn try_from(found: Found) -> Result<Self, ViewError> {
        let is_before = |sequence: i64| sequence <= found.fence;
        let is_address_as_it_was = found.account_sequence.is_none_or(is_before);
        let session = Session::try_from(found.row)?;
        Ok(Self {
            is_as_it_was: session.position.sequence <= number::from_stored(found.fence)?,
            is_address_as_it_was,
            session,
        })
    }
}

/// At most `limit` sessions that had been started as of then and may have been
/// what the filter asks for, newest first. `newest` is after every id that had
/// been drawn by then: of whoever came later there is no session to look for.
pub async fn candidates(
    pool: &PgPool,
    filter: &SessionFilter,
    as_of: &AsOf,
    newest: Uuid,
) -> Result<Vec<Candidate>, ViewError> {
    let mut transaction = patient(pool, PATIENCE).await?;
    let fence: Vec<i64> = as_of.fence.iter().copied().map(number::to_stored).collect();
    let pattern = filter.q.as_deref().map(text::contains_pattern);
    let accounts = match (&filter.account, &pattern) {
        (None, Some(pattern)) => {
            narrow(&mut *transaction, pattern, Some((fence.as_slice(), newest))).await?
        }
        _ => None,
    };
    let range = filter.ip.map(|ip| ip.range());
    let rows = sqlx::query_as::<_, Found>(
        "select s.id, s.account_id, a.email, s.client, s.ip, s.user_agent, s.acr, s.amr,
             s.started_at, s.auth_time, s.last_seen_at, s.idle_expires_at, s.expires_at,
             s.generation, s.epoch, s.ended_at, s.ended_by, s.ended_by_id, s.end_reason,
             s.end_note, s.elsewhere_at, s.shard, s.sequence, f.fence,
             a.sequence as account_sequence
         from countersign.sessions s
         cross join lateral (select ($11::bigint[])[s.shard + 1] as fence) as f
         left join countersign.accounts a on a.id = s.account_id
         where s.started_sequence <= f.fence
           and ($1::uuid is null or s.account_id = $1)
           and ($2::uuid[] is null or s.account_id = any($2))
           and ($3::text is null or a.email_lower like $3 or a.sequence > f.fence)
           and ($4::text is null or (left(s.client, 64) = left($4, 64) and s.client = $4))
           and ($5::text is null or s.sequence > f.fence
             or s.ip_addr between $5::inet and $6::inet)
           and ($7::uuid is null or s.id < $7)
           -- An end of before still stands, unless the session went on since.
           and ($8 = 'any'
             or ($8 = 'revoked'
                 and (s.ended_sequence <= f.fence or s.continued_sequence > f.fence))
             or ($8 = 'active' and (s.ended_sequence is null or s.ended_sequence > f.fence)
                 and s.expires_at > $9
                 and (s.sequence > f.fence or s.idle_expires_at > $9))
             or ($8 = 'expired' and (s.ended_sequence is null or s.ended_sequence > f.fence)
                 and (s.sequence > f.fence or s.idle_expires_at <= $9 or s.expires_at <= $9)))
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
    .bind(as_of.at.to_datetime())
    .bind(Page::<Session, SessionId>::rows_to_ask(filter.limit) - 1)
    .bind(&fence)
    .fetch_all(&mut *transaction)
    .await?;
    rows.into_iter().map(Candidate::try_from).collect()
}
