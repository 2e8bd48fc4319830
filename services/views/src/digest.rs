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
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 2] = [Self::Accounts, Self::Sessions];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Sessions => "sessions",
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
/// finds. Sessions that may be forgotten at `now` are left out: one side may
/// have forgotten them already.
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
