//! Comparing two generations without moving their rows.

use std::collections::BTreeMap;

use countersign_events::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::ViewError;

/// The tables that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Accounts.
    Accounts,
    /// Sessions that are not to be forgotten yet.
    Sessions,
    /// What happened to accounts and to such sessions.
    History,
    /// The accounts of those who were forgotten.
    Erased,
    /// Clients.
    Clients,
    /// Orders to end every session of a kind.
    Revocations,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 6] = [
        Self::Accounts,
        Self::Sessions,
        Self::History,
        Self::Erased,
        Self::Clients,
        Self::Revocations,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Sessions => "sessions",
            Self::History => "history",
            Self::Erased => "erased",
            Self::Clients => "clients",
            Self::Revocations => "revocations",
        }
    }

    /// Rows and sum of hashes for each of 256 buckets. A row is hashed as its
    /// text, every column of it; the order of rows does not matter.
    const fn digest_sql(self) -> &'static str {
        match self {
            Self::Accounts => {
                "select get_byte(uuid_send(id), 14)::int4 as bucket, count(*) as rows,
                     sum(('x' || left(md5(t::text), 16))::bit(64)::bigint)::text as sum
                 from accounts t where $1::timestamptz is not null group by 1"
            }
            Self::Sessions => {
                "select get_byte(uuid_send(id), 14)::int4 as bucket, count(*) as rows,
                     sum(('x' || left(md5(t::text), 16))::bit(64)::bigint)::text as sum
                 from sessions t where forget_at >= $1 group by 1"
            }
            Self::History => {
                "select get_byte(uuid_send(subject_id), 14)::int4 as bucket, count(*) as rows,
                     sum(('x' || left(md5(t::text), 16))::bit(64)::bigint)::text as sum
                 from history t where forget_at is null or forget_at >= $1 group by 1"
            }
            Self::Erased => {
                "select get_byte(uuid_send(account_id), 14)::int4 as bucket, count(*) as rows,
                     sum(('x' || left(md5(t::text), 16))::bit(64)::bigint)::text as sum
                 from erased t where $1::timestamptz is not null group by 1"
            }
            Self::Clients => {
                "select get_byte(uuid_send(id), 14)::int4 as bucket, count(*) as rows,
                     sum(('x' || left(md5(t::text), 16))::bit(64)::bigint)::text as sum
                 from clients t where $1::timestamptz is not null group by 1"
            }
            Self::Revocations => {
                "select get_byte(uuid_send(id), 14)::int4 as bucket, count(*) as rows,
                     sum(('x' || left(md5(t::text), 16))::bit(64)::bigint)::text as sum
                 from revocations t where $1::timestamptz is not null group by 1"
            }
        }
    }

    const fn rows_sql(self) -> &'static str {
        match self {
            Self::Accounts => {
                "select id, md5(t::text) from accounts t
                 where $1::timestamptz is not null and get_byte(uuid_send(id), 14) = $2"
            }
            Self::Sessions => {
                "select id, md5(t::text) from sessions t
                 where forget_at >= $1 and get_byte(uuid_send(id), 14) = $2"
            }
            // A subject has many rows, and one key to name in a report.
            Self::History => {
                "select subject_id,
                     md5(string_agg(t::text, ' ' order by shard, sequence, index_in_message))
                 from history t
                 where (forget_at is null or forget_at >= $1)
                     and get_byte(uuid_send(subject_id), 14) = $2
                 group by subject_id"
            }
            Self::Erased => {
                "select account_id, md5(t::text) from erased t
                 where $1::timestamptz is not null
                     and get_byte(uuid_send(account_id), 14) = $2"
            }
            Self::Clients => {
                "select id, md5(t::text) from clients t
                 where $1::timestamptz is not null and get_byte(uuid_send(id), 14) = $2"
            }
            Self::Revocations => {
                "select id, md5(t::text) from revocations t
                 where $1::timestamptz is not null and get_byte(uuid_send(id), 14) = $2"
            }
        }
    }
}

/// The digest of a table: for each bucket of rows their number and the sum of
/// their hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest(BTreeMap<i32, (i64, String)>);

impl Digest {
    /// How many rows it covers.
    pub fn rows(&self) -> u64 {
        self.0.values().map(|(rows, _)| rows.unsigned_abs()).sum()
    }

    /// The buckets that differ.
    pub fn differing(&self, other: &Self) -> Vec<i32> {
        (0..256)
            .filter(|bucket| self.0.get(bucket) != other.0.get(bucket))
            .collect()
    }
}

/// Digests a table of the generation that the connection's `search_path`
/// finds. Sessions that may be forgotten at `now` are left out, and so is their
/// history: one side may have forgotten them already.
pub async fn digest(
    connection: &mut PgConnection,
    table: Table,
    now: Timestamp,
) -> Result<Digest, ViewError> {
    let buckets: Vec<(i32, i64, String)> = sqlx::query_as(table.digest_sql())
        .bind(now.to_datetime())
        .fetch_all(connection)
        .await?;
    Ok(Digest(
        buckets
            .into_iter()
            .map(|(bucket, rows, sum)| (bucket, (rows, sum)))
            .collect(),
    ))
}

/// The rows of one bucket: key and hash.
pub async fn bucket(
    connection: &mut PgConnection,
    table: Table,
    bucket: i32,
    now: Timestamp,
) -> Result<BTreeMap<Uuid, String>, ViewError> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(table.rows_sql())
        .bind(now.to_datetime())
        .bind(bucket)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().collect())
}
