//! Filling one shard of a generation that nobody reads yet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_events::Timestamp;
use countersign_log::{Log, RawMessage, Start, Tail};
use countersign_views::checkpoint::{self, Anchor, Checkpoint};
use countersign_views::{ViewError, pool};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::{interval, timeout};

use crate::anchor::{Chain, GENESIS};
use crate::batch::{Batch, BatchError, StuckEvent};
use crate::error::RebuildError;
use crate::progress::Done;

/// Messages in one transaction. Larger ones bring no more.
const BATCH_MESSAGES: usize = 5_000;

/// After so much silence it is asked whether there is anything left to wait
/// for: the messages up to the target may have been forgotten.
const QUIET: Duration = Duration::from_millis(500);

/// How long a batch that is not full waits for more.
const GATHER: Duration = Duration::from_millis(50);

/// How often, and at what intervals, NATS is asked again for keys.
const KEY_TRIES: u32 = 240;
const KEY_EVERY: Duration = Duration::from_millis(500);

/// One shard being filled.
pub(crate) struct Fill {
    log: Log,
    options: PgConnectOptions,
    shard: u8,
    chain: Chain,
    tail: Tail,
    /// What time it was when the work began, and since then on the monotonic
    /// clock: to judge what may have been forgotten by now.
    began: (Timestamp, Instant),
    /// Read from the tail, but beyond what was asked for.
    ahead: VecDeque<RawMessage>,
    done: Arc<Done>,
}

impl Fill {
    /// Goes on where the generation stands, or begins. `known` are anchors to
    /// compare with on the way; `done` counts what is
    /// filled.
    pub(crate) async fn begin(
        log: &Log,
        postgres: PgConnectOptions,
        generation: i32,
        shard: u8,
        known: Vec<Anchor>,
        now: Timestamp,
        done: Arc<Done>,
    ) -> Result<Self, RebuildError> {
        let options = pool::filler_options(postgres, generation);
        let mut connection = connect(&options).await?;
        let end = checkpoint::begin(&mut connection, shard, GENESIS).await?;
        let _ = connection.close().await;
        let mut chain = Chain::new(end);
        chain.expect(known);
        done.add(shard, end.position.sequence, 0);
        Ok(Self {
            log: log.clone(),
            options,
            shard,
            chain,
            tail: log.tail(shard, Start::Sequence(end.position.sequence + 1)),
            began: (now, Instant::now()),
            ahead: VecDeque::new(),
            done,
        })
    }

    /// The chain over all that is filled.
    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Which shard it is.
    pub(crate) fn shard(&self) -> u8 {
        self.shard
    }

    /// Compares with one more anchor, if it lies ahead.
    pub(crate) fn expect(&mut self, anchor: Anchor) {
        self.chain.expect([anchor]);
    }

    /// Fills up to `target`, and not beyond.
    pub(crate) async fn to(&mut self, target: u64) -> Result<(), RebuildError> {
        if self.chain.end().position.sequence >= target {
            return Ok(());
        }
        let mut connection = connect(&self.options).await?;
        loop {
            let messages = self.take(target).await?;
            if messages.is_empty() {
                break;
            }
            self.write(&mut connection, &messages).await?;
        }
        // What is missing up to the target was forgotten: go on from what was
        // anchored there.
        let before = self.chain.end();
        self.chain.pass(target);
        self.move_checkpoint(&mut connection, before).await?;
        // Nothing is left up to there.
        self.done.add(self.shard, target, 0);
        let _ = connection.close().await;
        Ok(())
    }

    async fn move_checkpoint(
        &self,
        connection: &mut PgConnection,
        from: Checkpoint,
    ) -> Result<(), RebuildError> {
        let to = self.chain.end();
        if to != from && !checkpoint::advance(connection, from.position.sequence, &to).await? {
            return Err(interfered());
        }
        Ok(())
    }

    /// The next messages up to `target`; none when there are no more. More may
    /// be taken from the tail than is wanted now; it is kept for later.
    async fn take(&mut self, target: u64) -> Result<Vec<RawMessage>, RebuildError> {
        while self.ahead.len() < BATCH_MESSAGES {
            let reached = self.ahead.back().map_or_else(
                || self.chain.end().position.sequence,
                |message| message.position.sequence,
            );
            if reached >= target {
                break;
            }
            // Large batches are cheaper by far, so a short silence is no
            // reason to write what is there, but a longer one is.
            let patience = if self.ahead.is_empty() { QUIET } else { GATHER };
            match timeout(patience, self.tail.next_batch(BATCH_MESSAGES)).await {
                Ok(batch) => self.ahead.extend(batch?),
                Err(_) if !self.ahead.is_empty() => break,
                Err(_) => {
                    let mut probe = self.log.tail(self.shard, Start::Sequence(reached + 1));
                    if probe.pending().await? == 0 {
                        break;
                    }
                }
            }
        }
        let wanted = self
            .ahead
            .partition_point(|message| message.position.sequence <= target);
        Ok(self.ahead.drain(..wanted).collect())
    }

    /// Writes messages; when that fails because of one of them, finds it.
    async fn write(
        &mut self,
        connection: &mut PgConnection,
        messages: &[RawMessage],
    ) -> Result<(), RebuildError> {
        let mut rest = messages;
        let mut size = messages.len();
        while let Some(first) = rest.first() {
            let (now, later) = rest.split_at(size.clamp(1, rest.len()));
            match self.write_batch(connection, now).await {
                Ok(()) => {
                    let reached = self.chain.end().position.sequence;
                    self.done.add(self.shard, reached, now.len());
                    rest = later;
                }
                Err(RebuildError::Stuck(_) | RebuildError::View(ViewError::Broken(_)))
                    if now.len() > 1 =>
                {
                    size = now.len() / 2;
                }
                Err(RebuildError::View(ViewError::Broken(error))) => {
                    return Err(StuckEvent::new(first, error).into());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn write_batch(
        &mut self,
        connection: &mut PgConnection,
        messages: &[RawMessage],
    ) -> Result<(), RebuildError> {
        let batch = self.read(messages).await?;
        let from = self.chain.end().position.sequence;
        let mut transaction = connection.begin().await.map_err(ViewError::from)?;
        batch.fold.write(&mut transaction).await?;
        if !checkpoint::advance(&mut transaction, from, &batch.chain.end()).await? {
            return Err(interfered());
        }
        transaction.commit().await.map_err(ViewError::from)?;
        self.chain = batch.chain;
        Ok(())
    }

    async fn read(&self, messages: &[RawMessage]) -> Result<Batch, RebuildError> {
        let mut again = interval(KEY_EVERY);
        let mut tries = 0;
        loop {
            again.tick().await;
            tries += 1;
            let (began, since) = self.began;
            let now = began.plus(since.elapsed());
            match Batch::read(&self.log, self.chain.clone(), messages, now).await {
                Ok(batch) => return Ok(batch),
                Err(BatchError::Stuck(event)) => return Err(event.into()),
                Err(BatchError::Damaged(damage)) => return Err(damage.into()),
                Err(BatchError::Log(error)) if error.is_transient() && tries < KEY_TRIES => {}
                Err(BatchError::Log(error)) => return Err(error.into()),
            }
        }
    }
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, ViewError> {
    Ok(options.connect().await?)
}

fn interfered() -> RebuildError {
    ViewError::broken("somebody else writes to the generation that is being filled").into()
}
