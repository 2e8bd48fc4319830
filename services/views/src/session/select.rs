//! Which sessions an order to end many is about.
//!
//! An order selects by what does not change while it is carried out: what the
//! sign-in was, and the state as of a position in the log and a moment. Asked
//! twice with the same [`AsOf`], the answer is the same, whatever was started,
//! refreshed or ended in between; only the [`Outcome`] of a row is of now.

use countersign_events::{AccountId, Acr, MessageId, SessionId, Timestamp};
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

use super::{IpFilter, StateFilter};
use crate::pool::patient;
use crate::{ViewError, number, text};

/// How strongly the person was known at the sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcrFilter {
    /// Exactly so.
    Exactly(Acr),
    /// Less than that.
    Below(Acr),
}

impl AcrFilter {
    fn words(self) -> Vec<&'static str> {
        [Acr::Aal1, Acr::Aal2, Acr::Aal3]
            .into_iter()
            .filter(|acr| match self {
                Self::Exactly(wanted) => *acr == wanted,
                Self::Below(bound) => *acr < bound,
            })
            .map(Acr::as_str)
            .collect()
    }
}

/// What sessions must be, all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of exactly this client.
    pub client: Option<String>,
    /// Signed in from here.
    pub network: Option<IpFilter>,
    /// Signed in with a user agent that holds this, in any case.
    pub user_agent: Option<String>,
    /// How strongly the person was known at the sign-in.
    pub acr: Option<AcrFilter>,
    /// Started then or later.
    pub started_after: Option<Timestamp>,
    /// Started before.
    pub started_before: Option<Timestamp>,
    /// In this state, as of the moment asked about.
    pub state: StateFilter,
    /// Not this one.
    pub spared: Option<SessionId>,
}

/// As of when. Both parts are needed: ends are in the log, and expiry is a
/// matter of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf {
    /// The last sequence of every shard.
    pub fence: Vec<u64>,
    /// The time.
    pub at: Timestamp,
}

/// What an order selects, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sessions, without the one that is spared.
    pub matched: u64,
    /// Accounts of these.
    pub accounts: u64,
    /// Clients of these.
    pub clients: u64,
    /// Whether the caller's own would be among them, spared or not.
    pub includes_own: bool,
    /// Open sessions that would match but were started later.
    pub started_since: u64,
}

/// What has become of a selected session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The order ended it.
    Ended,
    /// Something else ended it.
    AlreadyOver,
    /// It was not ended.
    Open,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::AlreadyOver => "already_over",
            Self::Open => "open",
        }
    }

    fn parse(word: &str) -> Result<Self, ViewError> {
        [Self::Ended, Self::AlreadyOver, Self::Open]
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
            .ok_or_else(|| ViewError::broken("a session has come to an unknown end"))
    }
}

/// A selected session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// What has become of it.
    pub outcome: Outcome,
    /// Whether it ended with all of its account, which it may yet survive: the
    /// session that made the change goes on.
    pub with_account: bool,
}

/// A page of what is selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selecting {
    /// The order, as the ends name it.
    pub cause: MessageId,
    /// Only those of which this has become.
    pub outcome: Option<Outcome>,
    /// Only those older than this one: where the page before ended.
    pub after: Option<SessionId>,
    /// Rows at most.
    pub limit: u16,
}

/// How long a selection may take: it may have to look at every session.
const PATIENCE: &str = "set local statement_timeout = '15s'";

/// The facts of the sign-in: what never changes.
fn facts(query: &mut QueryBuilder<Postgres>, selection: &Selection) {
    if let Some(account) = selection.account {
        query.push(" and s.account_id = ").push_bind(account.uuid());
    }
    if let Some(client) = &selection.client {
        let client = text::storable(client.clone());
        query.push(" and left(s.client, 64) = left(");
        query.push_bind(client.clone());
        query.push(", 64) and s.client = ").push_bind(client);
    }
    if let Some(network) = selection.network {
        let (low, high) = network.range();
        query.push(" and s.first_ip_addr between ");
        query.push_bind(low.to_string()).push("::inet and ");
        query.push_bind(high.to_string()).push("::inet");
    }
    if let Some(part) = &selection.user_agent {
        query.push(" and lower(s.first_user_agent) like ");
        query.push_bind(text::contains_pattern(part));
    }
    if let Some(acr) = selection.acr {
        let words: Vec<String> = acr.words().into_iter().map(str::to_owned).collect();
        query
            .push(" and s.first_acr = any(")
            .push_bind(words)
            .push(")");
    }
    if let Some(after) = selection.started_after {
        query
            .push(" and s.started_at >= ")
            .push_bind(after.to_datetime());
    }
    if let Some(before) = selection.started_before {
        query
            .push(" and s.started_at < ")
            .push_bind(before.to_datetime());
    }
}

/// The sequence up to which the row's shard counts.
fn fence(query: &mut QueryBuilder<Postgres>, as_of: &AsOf) {
    let fence: Vec<i64> = as_of.fence.iter().copied().map(number::to_stored).collect();
    query
        .push("(")
        .push_bind(fence)
        .push("::bigint[])[s.shard + 1]");
}

/// The state as it was then. An end that was taken back since, because the
/// session made the change that ended the others, counts as what it was.
fn as_it_was(query: &mut QueryBuilder<Postgres>, state: StateFilter, as_of: &AsOf) {
    query.push(" and s.started_sequence <= ");
    fence(query, as_of);
    let open = |query: &mut QueryBuilder<Postgres>| {
        query.push("(s.ended_sequence is null or s.ended_sequence > ");
        fence(query, as_of);
        query.push(") and not (s.continued_sequence > ");
        fence(query, as_of);
        query.push(" and s.epoch <= ");
        fence(query, as_of);
        query.push(")");
    };
    let at = as_of.at.to_datetime();
    match state {
        StateFilter::Any => {}
        StateFilter::Revoked => {
            query.push(" and not (");
            open(query);
            query.push(")");
        }
        StateFilter::Active => {
            query.push(" and ");
            open(query);
            query.push(" and s.idle_expires_at > ").push_bind(at);
            query.push(" and s.expires_at > ").push_bind(at);
        }
        StateFilter::Expired => {
            query.push(" and ");
            open(query);
            query.push(" and (s.idle_expires_at <= ").push_bind(at);
            query.push(" or s.expires_at <= ").push_bind(at).push(")");
        }
    }
}

fn spare(query: &mut QueryBuilder<Postgres>, selection: &Selection) {
    if let Some(spared) = selection.spared {
        query.push(" and s.id <> ").push_bind(spared.uuid());
    }
}

/// Counts what is selected. `own` is the caller's session.
pub async fn totals(
    pool: &PgPool,
    selection: &Selection,
    as_of: &AsOf,
    own: SessionId,
) -> Result<Totals, ViewError> {
    let mut transaction = patient(pool, PATIENCE).await?;
    let mut query = QueryBuilder::new(
        "select count(*), count(distinct s.account_id), count(distinct s.client)
         from countersign.sessions s where true",
    );
    facts(&mut query, selection);
    as_it_was(&mut query, selection.state, as_of);
    spare(&mut query, selection);
    let (matched, accounts, clients): (i64, i64, i64) =
        query.build_query_as().fetch_one(&mut *transaction).await?;

    let mut query =
        QueryBuilder::new("select exists (select from countersign.sessions s where s.id = ");
    query.push_bind(own.uuid());
    facts(&mut query, selection);
    as_it_was(&mut query, selection.state, as_of);
    query.push(")");
    let includes_own: bool = query
        .build_query_scalar()
        .fetch_one(&mut *transaction)
        .await?;

    let mut query = QueryBuilder::new(
        "select count(*) from countersign.sessions s where s.ended_at is null
         and s.started_sequence > ",
    );
    fence(&mut query, as_of);
    facts(&mut query, selection);
    spare(&mut query, selection);
    let started_since: i64 = query
        .build_query_scalar()
        .fetch_one(&mut *transaction)
        .await?;
    Ok(Totals {
        matched: number::from_stored(matched)?,
        accounts: number::from_stored(accounts)?,
        clients: number::from_stored(clients)?,
        includes_own,
        started_since: number::from_stored(started_since)?,
    })
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    account_id: Uuid,
    with_account: bool,
    outcome: String,
}

/// A page of what is selected, newest first.
pub async fn select(
    pool: &PgPool,
    selection: &Selection,
    as_of: &AsOf,
    page: &Selecting,
) -> Result<Vec<Selected>, ViewError> {
    let mut transaction = patient(pool, PATIENCE).await?;
    let cause = page.cause.uuid();
    let mut query = QueryBuilder::new(
        "select s.id, s.account_id, s.ended_epoch is not null as with_account,
             case when s.ended_cause = ",
    );
    query.push_bind(cause);
    query.push(
        " then 'ended' when s.ended_at is not null then 'already_over' else 'open' end as outcome
         from countersign.sessions s where true",
    );
    facts(&mut query, selection);
    as_it_was(&mut query, selection.state, as_of);
    spare(&mut query, selection);
    match page.outcome {
        None => {}
        Some(Outcome::Ended) => {
            query.push(" and s.ended_cause = ").push_bind(cause);
        }
        Some(Outcome::AlreadyOver) => {
            query.push(" and s.ended_at is not null and s.ended_cause is distinct from ");
            query.push_bind(cause);
        }
        Some(Outcome::Open) => {
            query.push(" and s.ended_at is null");
        }
    }
    if let Some(after) = page.after {
        query.push(" and s.id < ").push_bind(after.uuid());
    }
    query.push(" order by s.id desc limit ");
    query.push_bind(i64::from(page.limit));
    let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *transaction).await?;
    let selected = rows.into_iter().map(|row| {
        Ok(Selected {
            id: SessionId::from_uuid(row.id),
            account: AccountId::from_uuid(row.account_id),
            outcome: Outcome::parse(&row.outcome)?,
            with_account: row.with_account,
        })
    });
    selected.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_and_below_are_words() {
        assert_eq!(AcrFilter::Exactly(Acr::Aal2).words(), ["aal2"]);
        assert_eq!(AcrFilter::Below(Acr::Aal3).words(), ["aal1", "aal2"]);
        assert!(AcrFilter::Below(Acr::Aal1).words().is_empty());
    }

    #[test]
    fn what_is_asked_is_bound_and_never_written_into_the_statement() {
        let selection = Selection {
            account: Some(AccountId::from_uuid(Uuid::from_u128(7))),
            client: Some("web'--".into()),
            network: "192.0.2.0/24".parse().ok(),
            user_agent: Some("'; drop".into()),
            acr: Some(AcrFilter::Below(Acr::Aal2)),
            started_after: Some(Timestamp::from_millis(1)),
            started_before: Some(Timestamp::from_millis(2)),
            state: StateFilter::Active,
            spared: Some(SessionId::from_uuid(Uuid::from_u128(8))),
        };
        let as_of = AsOf {
            fence: vec![1, 2],
            at: Timestamp::from_millis(3),
        };
        let mut query = QueryBuilder::new("select");
        facts(&mut query, &selection);
        as_it_was(&mut query, selection.state, &as_of);
        spare(&mut query, &selection);
        let sql = query.sql();
        let sql = sql.as_str();
        assert!(!sql.contains('\''), "{sql}");
        assert!(sql.contains("s.first_ip_addr between"), "{sql}");
    }
}
