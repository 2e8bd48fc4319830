//! How far each shard is projected, and what that proves about the log.

use countersign_events::Position;
use sqlx::postgres::PgQueryResult;
use sqlx::{FromRow, PgConnection, PgExecutor};

use crate::{ViewError, number};

/// How far a shard is projected in one generation. It is also the link that
/// the shard's hash chain goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last message whose rows are written; zero before the first.
    pub position: Position,
    /// The head of the chain up to and with that message.
    pub head: [u8; 32],
}

/// What the active generation saw at a position, kept outside the log so that
/// damage to the log shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Where.
    pub position: Position,
    /// The head of the chain up to and with that message.
    pub head: [u8; 32],
    /// The hash of that message alone.
    pub leaf: [u8; 32],
}

#[derive(FromRow)]
struct Row {
    shard: i16,
    sequence: i64,
    head: Vec<u8>,
    leaf: Option<Vec<u8>>,
}

fn hash(bytes: &[u8]) -> Result<[u8; 32], ViewError> {
    bytes
        .try_into()
        .map_err(|_| ViewError::broken("a stored hash is not 32 bytes"))
}

impl Row {
    fn position(&self) -> Result<Position, ViewError> {
        Ok(Position {
            shard: number::shard(self.shard)?,
            sequence: number::from_stored(self.sequence)?,
        })
    }

    fn checkpoint(&self) -> Result<Checkpoint, ViewError> {
        Ok(Checkpoint {
            position: self.position()?,
            head: hash(&self.head)?,
        })
    }

    fn anchor(&self) -> Result<Anchor, ViewError> {
        Ok(Anchor {
            position: self.position()?,
            head: hash(&self.head)?,
            leaf: hash(self.leaf.as_deref().unwrap_or_default())?,
        })
    }
}

/// How far each shard of the active generation is projected, in shard order.
/// A shard that no projector has begun is not listed.
pub async fn positions<'e>(executor: impl PgExecutor<'e>) -> Result<Vec<Position>, ViewError> {
    sqlx::query_as::<_, Row>(
        "select shard, sequence, head, null::bytea as leaf
         from countersign.checkpoints order by shard",
    )
    .fetch_all(executor)
    .await?
    .iter()
    .map(Row::position)
    .collect()
}

/// The checkpoints of the generation that the connection writes to, in shard
/// order.
pub async fn of_generation(connection: &mut PgConnection) -> Result<Vec<Checkpoint>, ViewError> {
    sqlx::query_as::<_, Row>(
        "select shard, sequence, head, null::bytea as leaf from checkpoints order by shard",
    )
    .fetch_all(connection)
    .await?
    .iter()
    .map(Row::checkpoint)
    .collect()
}

/// The checkpoint of a shard in the generation that the connection writes to;
/// set to `genesis` when there is none.
pub async fn begin(
    connection: &mut PgConnection,
    shard: u8,
    genesis: [u8; 32],
) -> Result<Checkpoint, ViewError> {
    sqlx::query(
        "insert into checkpoints (shard, sequence, head) values ($1, 0, $2)
         on conflict (shard) do nothing",
    )
    .bind(i16::from(shard))
    .bind(genesis.as_slice())
    .execute(&mut *connection)
    .await?;
    sqlx::query_as::<_, Row>(
        "select shard, sequence, head, null::bytea as leaf from checkpoints where shard = $1",
    )
    .bind(i16::from(shard))
    .fetch_one(connection)
    .await?
    .checkpoint()
}

/// Moves the checkpoint of a shard from the sequence `from`, in a generation
/// that nobody reads yet. False: it was not there, so somebody else wrote.
pub async fn advance(
    transaction: &mut PgConnection,
    from: u64,
    to: &Checkpoint,
) -> Result<bool, ViewError> {
    let moved = sqlx::query(
        "update checkpoints set sequence = $3, head = $4 where shard = $1 and sequence = $2",
    )
    .bind(i16::from(to.position.shard))
    .bind(number::to_stored(from))
    .bind(number::to_stored(to.position.sequence))
    .bind(to.head.as_slice())
    .execute(transaction)
    .await?
    .rows_affected();
    Ok(moved == 1)
}

/// Moves the checkpoint of a shard of the active generation, and the anchor
/// with it. False: the checkpoint was not at `from`, or the generation is no
/// longer the active one. An anchor never moves back.
pub async fn advance_active(
    transaction: &mut PgConnection,
    generation: i32,
    from: u64,
    to: &Anchor,
) -> Result<bool, ViewError> {
    let moved: i64 = sqlx::query_scalar(
        "with moved as (
             update checkpoints set sequence = $3, head = $4
             where shard = $1 and sequence = $2 and exists (
                 select from countersign.read_models where generation = $6 and state = 'active')
             returning shard
         ), anchored as (
             insert into countersign.anchors as anchor (shard, sequence, head, leaf)
             select shard, $3, $4, $5 from moved
             on conflict (shard) do update
             set sequence = excluded.sequence, head = excluded.head, leaf = excluded.leaf
             where anchor.sequence < excluded.sequence
         )
         select count(*) from moved",
    )
    .bind(i16::from(to.position.shard))
    .bind(number::to_stored(from))
    .bind(number::to_stored(to.position.sequence))
    .bind(to.head.as_slice())
    .bind(to.leaf.as_slice())
    .bind(generation)
    .fetch_one(transaction)
    .await?;
    Ok(moved == 1)
}

/// Keeps anchors for good.
pub async fn keep(connection: &mut PgConnection, anchors: &[Anchor]) -> Result<(), ViewError> {
    if anchors.is_empty() {
        return Ok(());
    }
    insert(
        connection,
        anchors,
        "insert into countersign.anchor_checkpoints (shard, sequence, head, leaf)
         select * from unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::bytea[])
         on conflict (shard, sequence) do nothing",
    )
    .await?;
    Ok(())
}

/// Sets the anchors of the listed shards, at the moment of a switch.
pub async fn set_anchors(
    transaction: &mut PgConnection,
    anchors: &[Anchor],
) -> Result<(), ViewError> {
    insert(
        transaction,
        anchors,
        "insert into countersign.anchors as anchor (shard, sequence, head, leaf)
         select * from unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::bytea[])
         on conflict (shard) do update
         set sequence = excluded.sequence, head = excluded.head, leaf = excluded.leaf
         where anchor.sequence < excluded.sequence",
    )
    .await?;
    Ok(())
}

async fn insert(
    connection: &mut PgConnection,
    anchors: &[Anchor],
    sql: &'static str,
) -> Result<PgQueryResult, ViewError> {
    let shards: Vec<i16> = anchors.iter().map(|a| a.position.shard.into()).collect();
    let sequences: Vec<i64> = anchors
        .iter()
        .map(|a| number::to_stored(a.position.sequence))
        .collect();
    let heads: Vec<&[u8]> = anchors.iter().map(|a| a.head.as_slice()).collect();
    let leaves: Vec<&[u8]> = anchors.iter().map(|a| a.leaf.as_slice()).collect();
    Ok(sqlx::query(sql)
        .bind(shards)
        .bind(sequences)
        .bind(heads)
        .bind(leaves)
        .execute(connection)
        .await?)
}

/// The newest anchor of each shard, in shard order.
pub async fn anchors<'e>(executor: impl PgExecutor<'e>) -> Result<Vec<Anchor>, ViewError> {
    sqlx::query_as::<_, Row>(
        "select shard, sequence, head, leaf from countersign.anchors order by shard",
    )
    .fetch_all(executor)
    .await?
    .iter()
    .map(Row::anchor)
    .collect()
}

/// The newest `limit` of the kept anchors of a shard, newest first.
pub async fn kept_anchors<'e>(
    executor: impl PgExecutor<'e>,
    shard: u8,
    limit: u32,
) -> Result<Vec<Anchor>, ViewError> {
    sqlx::query_as::<_, Row>(
        "select shard, sequence, head, leaf from countersign.anchor_checkpoints
         where shard = $1 order by sequence desc limit $2",
    )
    .bind(i16::from(shard))
    .bind(i64::from(limit))
    .fetch_all(executor)
    .await?
    .iter()
    .map(Row::anchor)
    .collect()
}
