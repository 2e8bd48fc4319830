//! Proving that what is served is what the log says.

use std::time::Duration;

use countersign_events::{Position, Timestamp};
use countersign_log::Log;
use countersign_views::checkpoint::{self, Checkpoint};
use countersign_views::digest::{self, Digest, Table};
use countersign_views::generation::{self, State};
use countersign_views::{Refused, ViewError, pool};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Executor, PgConnection};
use uuid::Uuid;

use crate::check::{self, Anchors, CheckError, Damage};
use crate::error::RebuildError;
use crate::progress::{Phase, Report};
use crate::rebuild::{self, Work};

/// The most keys listed for a table that differs.
const KEYS_MAX: usize = 20;

/// Sessions this close to being forgotten are not compared: the log forgets by
/// another clock than Postgres.
const FORGET_MARGIN: Duration = Duration::from_mins(5);

/// A table, compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReport {
    /// Its name.
    pub table: &'static str,
    /// Rows served.
    pub rows_live: u64,
    /// Rows made from the log.
    pub rows_replayed: u64,
    /// Keys of rows that differ or are on one side only, at most 20.
    pub differing: Vec<Uuid>,
    /// Whether all rows are the same.
    pub equal: bool,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// The generation that was verified.
    pub generation: i32,
    /// How far it was projected at that moment, in shard order.
    pub positions: Vec<Position>,
    /// Its tables.
    pub tables: Vec<TableReport>,
    /// The first difference between the log and the heads that were kept when
    /// it was projected, or of the generation's own head.
    pub damage: Option<Damage>,
    /// Events that were read.
    pub events: u64,
}

impl Verification {
    /// Whether the read models are what the log says, and the log is what it
    /// was.
    pub fn is_equal(&self) -> bool {
        self.damage.is_none() && self.tables.iter().all(|table| table.equal)
    }
}

/// Projects the log once more into a scratch schema, exactly as far as the
/// served generation is at this moment, and compares table by table. Projectors
/// and readers go on meanwhile.
pub async fn verify(
    log: &Log,
    postgres: PgConnectOptions,
    now: Timestamp,
    report: Report<'_>,
) -> Result<Verification, RebuildError> {
    let mut control = rebuild::begin(&postgres).await?;
    let Some(active) = generation::active(&mut control).await? else {
        return Err(ViewError::broken("no generation is active").into());
    };
    if !active.is_ours() {
        return Err(Refused(
            format!(
                "generation {} is of version {}: replay first",
                active.generation, active.version
            )
            .into(),
        )
        .into());
    }
    let scratch = generation::create(&mut control, State::Scratch).await?;
    let generations = Generations {
        live: active.generation,
        scratch,
        now,
    };
    let result = compare(log, &postgres, &mut control, generations, report).await;
    if let Err(error) = generation::drop(&mut control, scratch).await {
        tracing::warn!(%error, "the scratch schema was not dropped; the next one will do it");
    }
    result
}

struct Generations {
    live: i32,
    scratch: i32,
    now: Timestamp,
}

async fn compare(
    log: &Log,
    postgres: &PgConnectOptions,
    control: &mut PgConnection,
    generations: Generations,
    report: Report<'_>,
) -> Result<Verification, RebuildError> {
    let Generations { live, scratch, now } = generations;
    // Rows that may be forgotten by then are not compared.
    let until = now.plus(FORGET_MARGIN);
    let mut served = Snapshot::open(postgres, live, until).await?;
    let mut work = Work::begin(log, postgres, control, scratch, now, report).await?;
    let targets: Vec<u64> = (0..log.shards())
        .map(|shard| served.sequence(shard))
        .collect();
    work.fill_to(Phase::Filling, &targets).await?;
    work.report(Phase::Comparing);
    let mut made = Snapshot::open(postgres, scratch, until).await?;
    let mut tables = Vec::new();
    for table in Table::ALL {
        tables.push(served.compare(&mut made, table).await?);
    }
    let damage = match check::check_ends(log, &Anchors::load(control).await?).await {
        Ok(()) => None,
        Err(CheckError::Damaged(damage)) => Some(damage),
        Err(CheckError::Unknown(error)) => return Err(error.into()),
    };
    let damage = damage
        .or_else(|| work.fills.iter().find_map(|fill| fill.chain().damage()))
        .or_else(|| served.other_heads(&work));
    let events = work.events();
    Ok(Verification {
        generation: live,
        positions: served.checkpoints.iter().map(|c| c.position).collect(),
        tables,
        damage,
        events,
    })
}

/// A generation as it was at one moment.
struct Snapshot {
    connection: PgConnection,
    checkpoints: Vec<Checkpoint>,
    digests: Vec<(Table, Digest)>,
    until: Timestamp,
}

impl Snapshot {
    async fn open(
        postgres: &PgConnectOptions,
        generation: i32,
        until: Timestamp,
    ) -> Result<Self, ViewError> {
        let options = pool::reader_options(postgres.clone(), generation);
        let mut connection = options.connect().await?;
        connection
            .execute("begin transaction isolation level repeatable read, read only")
            .await?;
        let checkpoints = checkpoint::of_generation(&mut connection).await?;
        let mut digests = Vec::new();
        for table in Table::ALL {
            let digest = digest::digest(&mut connection, table, until).await?;
            digests.push((table, digest));
        }
        Ok(Self {
            connection,
            checkpoints,
            digests,
            until,
        })
    }

    fn sequence(&self, shard: u8) -> u64 {
        let found = self.checkpoints.iter().find(|c| c.position.shard == shard);
        found.map_or(0, |checkpoint| checkpoint.position.sequence)
    }

    fn digest(&self, table: Table) -> Option<&Digest> {
        let found = self.digests.iter().find(|(of, _)| *of == table);
        found.map(|(_, digest)| digest)
    }

    async fn compare(&mut self, made: &mut Self, table: Table) -> Result<TableReport, ViewError> {
        let (Some(live), Some(replayed)) = (self.digest(table), made.digest(table)) else {
            return Err(ViewError::broken("a table was not digested"));
        };
        let buckets = live.differing(replayed);
        let mut report = TableReport {
            table: table.as_str(),
            rows_live: live.rows(),
            rows_replayed: replayed.rows(),
            differing: Vec::new(),
            equal: buckets.is_empty(),
        };
        for bucket in buckets {
            let ours = digest::bucket(&mut self.connection, table, bucket, self.until).await?;
            let theirs = digest::bucket(&mut made.connection, table, bucket, self.until).await?;
            let keys = ours.keys().chain(theirs.keys());
            for key in keys.filter(|key| ours.get(key) != theirs.get(key)) {
                if report.differing.len() >= KEYS_MAX {
                    return Ok(report);
                }
                if !report.differing.contains(key) {
                    report.differing.push(*key);
                }
            }
        }
        Ok(report)
    }

    /// The first shard whose head in this generation is not the one that the
    /// log leads to, where both stand at the same position.
    fn other_heads(&self, work: &Work<'_>) -> Option<Damage> {
        work.fills.iter().find_map(|fill| {
            let made = fill.chain().end();
            let other =
                |served: &&Checkpoint| served.position == made.position && served.head != made.head;
            self.checkpoints
                .iter()
                .find(other)
                .map(|served| Damage::Differs {
                    after: 0,
                    at: served.position,
                })
        })
    }
}
