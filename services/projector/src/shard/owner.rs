//! The owner of one shard of one generation.

use std::convert::Infallible;
use std::time::Duration;

use countersign_log::{LogError, Pace, RawMessage, Start, Tail, Traffic};
use countersign_views::checkpoint::{self, Checkpoint};
use countersign_views::{ViewError, begin_batch, failure};
use sqlx::PgConnection;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, timeout, timeout_at};

use super::{Halt, leave, while_pinging};
use crate::anchor::Chain;
use crate::batch::{Batch, BatchError, StuckEvent};
use crate::check::{self, Anchors, CheckError, Damage};
use crate::monitor::View;
use crate::projector::Shared;
use crate::status::ShardState;

/// How long an owner waits for NATS before it asks again.
const PAUSE: Duration = Duration::from_millis(500);

/// So many events behind, an owner gathers larger batches.
const GATHER_BEHIND: u64 = 5_000;

/// How long a batch that is gathered waits for more, also far behind.
const GATHER: Duration = Duration::from_millis(20);

/// The same in a crowd. Who waits to read what they wrote waits so much longer
/// then; without it everybody would wait for Postgres.
const GATHER_CROWD: Duration = Duration::from_millis(100);

/// The longest a transaction may take, longer than Postgres's own limit.
const WRITE_MAX: Duration = Duration::from_secs(65);

/// The longest that telling the others may take.
const ANNOUNCE_MAX: Duration = Duration::from_millis(100);

pub(super) struct Owner<'a> {
    shared: &'a Shared,
    shard: u8,
    generation: i32,
    /// Holds the lock and writes the rows: who lost the one cannot do the
    /// other.
    connection: PgConnection,
    checkpoint: Checkpoint,
    announced: String,
    ping: Interval,
    /// The event it stopped at, until it has gone past it.
    stuck: Option<StuckEvent>,
    pace: Pace,
}

/// Why a transaction was not written.
enum Attempt {
    /// Because of an event in it.
    Failed(String),
    /// Because messages are missing.
    Damaged(Damage),
    /// Because of something else.
    Halt(Halt),
}

impl From<ViewError> for Attempt {
    fn from(error: ViewError) -> Self {
        Self::Halt(error.into())
    }
}

impl<'a> Owner<'a> {
    pub(super) fn new(
        shared: &'a Shared,
        generation: i32,
        connection: PgConnection,
        checkpoint: Checkpoint,
        ping: Interval,
    ) -> Self {
        let shard = checkpoint.position.shard;
        Self {
            shared,
            shard,
            generation,
            connection,
            checkpoint,
            announced: format!("{}.projected.{shard}", shared.log.prefix()),
            ping,
            stuck: None,
            pace: Pace::new(Instant::now()),
        }
    }

    pub(super) fn into_connection(self) -> PgConnection {
        self.connection
    }

    fn state(&self, state: ShardState, reason: Option<String>) {
        self.shared.board.state(self.shard, state, reason);
    }

    /// Projects for as long as this is the owner.
    pub(super) async fn serve(&mut self, view: &mut watch::Receiver<View>) -> Halt {
        loop {
            let halt = match self.follow(view).await {
                Err(halt) => halt,
                Ok(never) => match never {},
            };
            let on = match halt {
                Halt::Stuck(event) => self.stand(event, view).await,
                Halt::Silent(reason) => {
                    self.state(ShardState::Waiting, Some(reason));
                    self.wait(PAUSE, view).await
                }
                Halt::Stop | Halt::Lost | Halt::Unavailable(_) => return halt,
            };
            if let Err(halt) = on {
                return halt;
            }
        }
    }

    /// Projects until something is in the way.
    async fn follow(&mut self, view: &mut watch::Receiver<View>) -> Result<Infallible, Halt> {
        self.check().await?;
        let next = self.checkpoint.position.sequence + 1;
        let mut tail = self.shared.log.tail(self.shard, Start::Sequence(next));
        self.log_is_back(&mut tail, view).await?;
        if self.stuck.is_none() {
            self.state(ShardState::Running, None);
            // So that it is told at once whose it is.
            self.shared.look_now.notify_one();
        }
        self.announce().await;
        self.shared.board.advance(self.checkpoint.position, 0);
        loop {
            let messages = self.next(&mut tail, view).await?;
            self.project(&messages).await?;
        }
    }

    /// Compares this shard of the log with its anchors before believing more
    /// of it.
    async fn check(&mut self) -> Result<(), Halt> {
        let anchors = Anchors::load_shard(&mut self.connection, self.shard).await?;
        let check = check::check(&self.shared.log, &anchors, (self.shared.clock)());
        match while_pinging(&mut self.connection, &mut self.ping, check).await? {
            Ok(()) => Ok(()),
            Err(CheckError::Damaged(damage)) => {
                Err(Halt::Stuck(StuckEvent::of_log(damage.first_bad(), damage)))
            }
            Err(CheckError::Unknown(error)) => Err(self.log_halt(&error)),
        }
    }

    /// If it was the log itself that could not be read, forgives it once it
    /// can be: what was behind agrees with its anchors again, or nothing is
    /// ahead. All else is only forgiven by going past it.
    async fn log_is_back(
        &mut self,
        tail: &mut Tail,
        view: &mut watch::Receiver<View>,
    ) -> Result<(), Halt> {
        let Some(event) = self.stuck.as_ref().filter(|event| event.subject.is_none()) else {
            return Ok(());
        };
        let position = event.position;
        let attach = while_pinging(&mut self.connection, &mut self.ping, tail.pending());
        let attached = tokio::select! {
            biased;
            halt = leave(self.shared, view, self.generation) => return Err(halt),
            attached = attach => attached?,
        };
        let waiting = attached.map_err(|error| self.log_halt(&error))?;
        if position.sequence <= self.checkpoint.position.sequence || waiting == 0 {
            failure::clear(&mut self.connection, self.generation, position).await?;
            self.stuck = None;
        }
        Ok(())
    }

    fn log_halt(&self, error: &LogError) -> Halt {
        if error.is_transient() {
            return Halt::Silent(error.to_string());
        }
        let mut position = self.checkpoint.position;
        position.sequence += 1;
        Halt::Stuck(StuckEvent::of_log(position, error))
    }

    /// The next messages; meanwhile keeps the connection alive and watches for
    /// reasons to leave.
    async fn next(
        &mut self,
        tail: &mut Tail,
        view: &mut watch::Receiver<View>,
    ) -> Result<Vec<RawMessage>, Halt> {
        let max = self.shared.batch_messages_max;
        let behind = self.shared.board.lag_events(self.shard) > GATHER_BEHIND;
        let gather = match self.pace.traffic(Instant::now()) {
            Traffic::Crowded => Some(GATHER_CROWD),
            Traffic::Busy => Some(GATHER),
            Traffic::Quiet => behind.then_some(GATHER),
        };
        let batch = async {
            let mut messages = tail.next_batch(max).await?;
            // Far behind, and where much happens, larger batches are worth a
            // moment: a transaction costs the same for one message and for
            // ten. Else, at the end of the log, nothing is waited for.
            let Some(gather) = gather else {
                return Ok(messages);
            };
            let mut until = Instant::now() + gather;
            while messages.len() < max {
                match timeout_at(until, tail.next_batch(max - messages.len())).await {
                    Ok(more) => messages.extend(more?),
                    Err(_) => break,
                }
                if behind {
                    until = Instant::now() + gather;
                }
            }
            Ok(messages)
        };
        let batch = while_pinging(&mut self.connection, &mut self.ping, batch);
        let messages = tokio::select! {
            biased;
            halt = leave(self.shared, view, self.generation) => return Err(halt),
            messages = batch => messages?,
        };
        messages.map_err(|error| self.log_halt(&error))
    }

    /// Writes messages in one transaction. When that fails because of one of
    /// them, in smaller and smaller ones, until it stands alone.
    async fn project(&mut self, messages: &[RawMessage]) -> Result<(), Halt> {
        let mut rest = messages;
        let mut size = messages.len();
        while let Some(first) = rest.first() {
            let (now, later) = rest.split_at(size.clamp(1, rest.len()));
            match self.write(now).await {
                Ok(()) => rest = later,
                Err(Attempt::Halt(halt)) => return Err(halt),
                Err(Attempt::Failed(_) | Attempt::Damaged(_)) if now.len() > 1 => {
                    size = now.len() / 2;
                }
                Err(Attempt::Damaged(damage)) => {
                    let position = damage.first_bad();
                    return Err(Halt::Stuck(StuckEvent::of_log(position, damage)));
                }
                Err(Attempt::Failed(reason)) => {
                    return Err(Halt::Stuck(StuckEvent::new(first, reason)));
                }
            }
        }
        Ok(())
    }

    async fn write(&mut self, messages: &[RawMessage]) -> Result<(), Attempt> {
        let now = (self.shared.clock)();
        let chain = Chain::new(self.checkpoint);
        let read = Batch::read(&self.shared.log, chain, messages, now);
        let batch = match while_pinging(&mut self.connection, &mut self.ping, read).await? {
            Ok(batch) => batch,
            Err(BatchError::Stuck(event)) => return Err(Attempt::Failed(event.reason)),
            Err(BatchError::Damaged(damage)) => return Err(Attempt::Damaged(damage)),
            Err(BatchError::Log(error)) if error.is_transient() => {
                return Err(Attempt::Halt(Halt::Silent(error.to_string())));
            }
            Err(BatchError::Log(error)) => return Err(Attempt::Failed(error.to_string())),
        };
        match timeout(WRITE_MAX, self.commit(&batch)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return Err(Attempt::Halt(Halt::Lost)),
            Ok(Err(ViewError::Broken(error))) => return Err(Attempt::Failed(error.to_string())),
            Ok(Err(unavailable)) => return Err(unavailable.into()),
            Err(_) => return Err(ViewError::unavailable("no answer in time").into()),
        }
        self.checkpoint = batch.chain.end();
        self.pace.add(batch.fold.messages(), Instant::now());
        self.announce().await;
        self.shared
            .board
            .advance(self.checkpoint.position, batch.fold.messages());
        self.went_on().await?;
        Ok(())
    }

    /// Rows, checkpoint and anchor, together or not at all. False: this
    /// instance is not the writer any more.
    async fn commit(&mut self, batch: &Batch) -> Result<bool, ViewError> {
        let Some(anchor) = batch.chain.anchor() else {
            return Ok(true);
        };
        let from = self.checkpoint.position.sequence;
        let mut transaction = begin_batch(&mut self.connection).await?;
        batch.fold.write(&mut transaction).await?;
        checkpoint::keep(&mut transaction, batch.chain.kept()).await?;
        let ours =
            checkpoint::advance_active(&mut transaction, self.generation, from, &anchor).await?;
        if ours {
            transaction.commit().await?;
        } else {
            transaction.rollback().await?;
        }
        Ok(ours)
    }

    /// Tells those who wait for a position. Nobody may be listening, and a
    /// message that is lost costs them a look into Postgres.
    async fn announce(&self) {
        let sequence = self.checkpoint.position.sequence.to_string();
        let client = self.shared.log.client();
        let publish = client.publish(self.announced.clone(), sequence.into());
        let _ = timeout(ANNOUNCE_MAX, publish).await;
    }

    /// Strikes the failure that is behind it.
    async fn went_on(&mut self) -> Result<(), ViewError> {
        let reached = self.checkpoint.position;
        let behind = |event: &StuckEvent| event.position.sequence <= reached.sequence;
        if self.stuck.as_ref().is_some_and(behind) {
            failure::clear(&mut self.connection, self.generation, reached).await?;
            tracing::info!(%reached, "a failed shard goes on");
            self.stuck = None;
            self.state(ShardState::Running, None);
        }
        Ok(())
    }

    /// Stands before an event that cannot be projected: says so, keeps the
    /// shard, and returns when it is time to try again.
    async fn stand(
        &mut self,
        event: StuckEvent,
        view: &mut watch::Receiver<View>,
    ) -> Result<(), Halt> {
        let subject = event.subject_text();
        if self.stuck.as_ref() != Some(&event) {
            tracing::error!(
                position = %event.position, subject, reason = event.reason,
                "a shard stopped: this event cannot be projected"
            );
        }
        self.state(ShardState::Failed, Some(event.to_string()));
        failure::record(
            &mut self.connection,
            self.generation,
            event.position,
            &subject,
            &event.reason,
        )
        .await?;
        self.stuck = Some(event);
        self.wait(self.shared.retry_after, view).await
    }

    /// Waits with the shard in hand, until somebody asks to try again or the
    /// time is over.
    async fn wait(
        &mut self,
        duration: Duration,
        view: &mut watch::Receiver<View>,
    ) -> Result<(), Halt> {
        let retry = &self.shared.retry[usize::from(self.shard)];
        let again = timeout_at(Instant::now() + duration, retry.notified());
        let again = while_pinging(&mut self.connection, &mut self.ping, again);
        tokio::select! {
            biased;
            halt = leave(self.shared, view, self.generation) => Err(halt),
            again = again => match again {
                Ok(_) => Ok(()),
                Err(error) => Err(error.into()),
            },
        }
    }
}
