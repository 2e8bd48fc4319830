//! Making the read models again, beside those that are served.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_events::Timestamp;
use countersign_log::Log;
use countersign_views::checkpoint::{self, Anchor};
use countersign_views::generation::{self, ReadModel, State};
use countersign_views::{Refused, ViewError, control, lock, pool, rebuild};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::interval;

use crate::check::{self, Anchors, CheckError};
use crate::error::RebuildError;
use crate::fill::Fill;
use crate::progress::{self, Done, Phase, Progress, Report};

mod request;
mod telling;

pub(crate) use request::serve;
use telling::Telling;

/// Shards filled at the same time, each over a connection of its own.
const FILLS_MAX: usize = 8;

/// A gap to the end of the log, in events, that is small enough to close while
/// the projectors are held back.
const GAP_MAX: u64 = 2_000;

/// Rounds of catching up before switching anyway.
const ROUNDS_MAX: usize = 8;

/// How often progress is reported.
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// What a rebuild or a switch did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The generation that is served now.
    pub generation: i32,
    /// The one that was served before; the standby now.
    pub replaced: i32,
    /// Events that were read.
    pub events: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Events a second, while reading.
    pub events_per_second: f64,
}

/// Makes the read models again from the first position, beside those that are
/// served, and switches to the new ones once they have caught up. Projectors
/// and readers go on meanwhile; the switch holds the projectors back for some
/// milliseconds. The old generation becomes the standby, older ones are
/// dropped.
///
/// How far it is stands in the control schema, for operators elsewhere. What a
/// killed rebuild left behind is cleared away by the next one.
pub async fn replay(
    log: &Log,
    postgres: PgConnectOptions,
    report: Report<'_>,
) -> Result<Outcome, RebuildError> {
    let control = begin(&postgres).await?;
    make_anew(log, &postgres, control, &crate::name("replay"), report).await
}

/// The same for who has begun, and says so as `runner`.
async fn make_anew(
    log: &Log,
    postgres: &PgConnectOptions,
    mut control: PgConnection,
    runner: &str,
    report: Report<'_>,
) -> Result<Outcome, RebuildError> {
    rebuild::begin(&mut control, runner).await?;
    let telling = Telling::start(postgres.clone(), runner.to_owned());
    let report = |progress: &Progress| {
        report(progress);
        telling.tell(progress);
    };
    let result = fill_and_switch(log, postgres, &mut control, &report).await;
    telling.end(result.as_ref().err()).await;
    result
}

async fn fill_and_switch(
    log: &Log,
    postgres: &PgConnectOptions,
    control: &mut PgConnection,
    report: Report<'_>,
) -> Result<Outcome, RebuildError> {
    let filling = generation::create(control, State::Filling).await?;
    let result = async {
        let now = control::now(control).await?;
        let mut work = Work::begin(log, postgres, control, filling, now, report).await?;
        work.fill(Phase::Filling).await?;
        work.report(Phase::Indexing);
        let mut transaction = control.begin().await.map_err(ViewError::from)?;
        generation::add_indexes(&mut transaction, filling).await?;
        transaction.commit().await.map_err(ViewError::from)?;
        work.switch_to(control, filling).await
    }
    .await;
    finish(control, filling, result).await
}

/// Switches back to the generation that was served before the last switch,
/// after it has caught up.
pub async fn switch_back(
    log: &Log,
    postgres: PgConnectOptions,
    report: Report<'_>,
) -> Result<Outcome, RebuildError> {
    let mut control = begin(&postgres).await?;
    let standby = generation::list(&mut control)
        .await?
        .into_iter()
        .filter(|model| model.state == State::Standby)
        .max_by_key(|model| model.activated_at);
    let Some(standby) = standby else {
        return Err(Refused("there is no standby to switch back to".into()).into());
    };
    if !standby.is_ours() {
        return Err(Refused(
            format!(
                "generation {} is of version {}: switch back with the program that wrote it",
                standby.generation, standby.version
            )
            .into(),
        )
        .into());
    }
    let back = standby.generation;
    let now = control::now(&mut control).await?;
    let mut work = Work::begin(log, &postgres, &mut control, back, now, report).await?;
    let outcome = work.switch_to(&mut control, back).await?;
    finish(&mut control, back, Ok(outcome)).await
}

/// Takes the one place there is for maintenance, and clears away what a killed
/// predecessor left.
pub(crate) async fn begin(postgres: &PgConnectOptions) -> Result<PgConnection, RebuildError> {
    let options = pool::control_options(postgres.clone());
    let mut control = options.connect().await.map_err(ViewError::from)?;
    control::prepare(&mut control).await?;
    if !lock::try_maintenance(&mut control).await? {
        return Err(Refused("a rebuild or verification is running already".into()).into());
    }
    for left in generation::list(&mut control).await? {
        if matches!(left.state, State::Filling | State::Scratch) {
            tracing::info!(
                generation = left.generation,
                "clearing away an unfinished one"
            );
            generation::drop(&mut control, left.generation).await?;
        }
    }
    Ok(control)
}

/// Drops what is no longer needed: after a success the standbys before the
/// last, after a failure what was being filled.
async fn finish(
    control: &mut PgConnection,
    filled: i32,
    result: Result<Outcome, RebuildError>,
) -> Result<Outcome, RebuildError> {
    let superfluous = |model: &ReadModel| match &result {
        Ok(outcome) => model.state == State::Standby && model.generation != outcome.replaced,
        Err(_) => model.state == State::Filling && model.generation == filled,
    };
    let cleared: Result<(), ViewError> = async {
        for model in generation::list(&mut *control).await? {
            if superfluous(&model) {
                generation::drop(control, model.generation).await?;
            }
        }
        Ok(())
    }
    .await;
    if let Err(error) = cleared {
        tracing::warn!(%error, "an old generation was not dropped; the next rebuild will");
    }
    result
}

/// All shards of a generation that is being filled.
pub(crate) struct Work<'a> {
    log: &'a Log,
    pub(crate) fills: Vec<Fill>,
    report: Report<'a>,
    started: Instant,
    generation: i32,
    done: Arc<Done>,
    total: u64,
}

impl<'a> Work<'a> {
    pub(crate) async fn begin(
        log: &'a Log,
        postgres: &PgConnectOptions,
        control: &mut PgConnection,
        generation: i32,
        now: Timestamp,
        report: Report<'a>,
    ) -> Result<Self, RebuildError> {
        let done = Arc::new(Done::new(log.shards()));
        let newest = checkpoint::anchors(&mut *control).await?;
        let mut fills = Vec::with_capacity(log.shards().into());
        for shard in 0..log.shards() {
            let mut known = checkpoint::kept_anchors(&mut *control, shard, u32::MAX).await?;
            known.extend(
                newest
                    .iter()
                    .filter(|anchor| anchor.position.shard == shard),
            );
            let done = Arc::clone(&done);
            fills.push(
                Fill::begin(log, postgres.clone(), generation, shard, known, now, done).await?,
            );
        }
        Ok(Self {
            log,
            fills,
            report,
            started: Instant::now(),
            generation,
            done,
            total: 0,
        })
    }

    pub(crate) fn events(&self) -> u64 {
        self.done.events()
    }

    pub(crate) fn report(&self, phase: Phase) {
        let elapsed = self.started.elapsed();
        let progress = Progress::at(phase, self.events(), self.total, elapsed);
        (self.report)(&Progress {
            generation: self.generation,
            positions: self.done.positions(),
            ..progress
        });
    }

    /// Fills every shard to the end that the log has now.
    pub(crate) async fn fill(&mut self, phase: Phase) -> Result<(), RebuildError> {
        let mut targets = Vec::with_capacity(self.fills.len());
        for fill in &self.fills {
            targets.push(self.log.last_sequence(fill.shard()).await?);
        }
        self.fill_to(phase, &targets).await
    }

    /// Fills every shard to its target, given in shard order.
    pub(crate) async fn fill_to(
        &mut self,
        phase: Phase,
        targets: &[u64],
    ) -> Result<(), RebuildError> {
        let left = self
            .fills
            .iter()
            .zip(targets)
            .map(|(fill, target)| target.saturating_sub(fill.chain().end().position.sequence));
        self.total = self.events() + left.sum::<u64>();
        let permits = Arc::new(Semaphore::new(FILLS_MAX));
        let mut tasks = JoinSet::new();
        for (mut fill, target) in std::mem::take(&mut self.fills).into_iter().zip(targets) {
            let (permits, target) = (Arc::clone(&permits), *target);
            tasks.spawn(async move {
                let _permit = permits.acquire_owned().await;
                fill.to(target).await.map(|()| fill)
            });
        }
        let mut tick = interval(REPORT_EVERY);
        loop {
            tokio::select! {
                joined = tasks.join_next() => match joined {
                    Some(Ok(fill)) => self.fills.push(fill?),
                    Some(Err(error)) => {
                        return Err(ViewError::broken(format!("a task failed: {error}")).into());
                    }
                    None => break,
                },
                _ = tick.tick() => self.report(phase),
            }
        }
        self.fills.sort_by_key(Fill::shard);
        Ok(())
    }

    /// How far the log is ahead.
    async fn gap(&self) -> Result<u64, RebuildError> {
        let mut gap = 0;
        for fill in &self.fills {
            let end = self.log.last_sequence(fill.shard()).await?;
            gap += end.saturating_sub(fill.chain().end().position.sequence);
        }
        Ok(gap)
    }

    /// The first difference from what was anchored.
    pub(crate) fn undamaged(&self) -> Result<(), RebuildError> {
        match self.fills.iter().find_map(|fill| fill.chain().damage()) {
            None => Ok(()),
            Some(damage) => Err(damage.into()),
        }
    }

    /// Catches up, holds the projectors back, closes the last gap, and serves
    /// the generation.
    async fn switch_to(
        &mut self,
        control: &mut PgConnection,
        generation: i32,
    ) -> Result<Outcome, RebuildError> {
        for _ in 0..ROUNDS_MAX {
            self.fill(Phase::CatchingUp).await?;
            if self.gap().await? <= GAP_MAX {
                break;
            }
        }
        self.undamaged()?;
        self.report(Phase::Switching);
        let mut transaction = control.begin().await.map_err(ViewError::from)?;
        transaction
            .execute("set local idle_in_transaction_session_timeout = '60s'")
            .await
            .map_err(ViewError::from)?;
        generation::stop_batches(&mut transaction).await?;
        let replaced = generation::active(&mut *transaction)
            .await?
            .map_or(0, |model| model.generation);
        let anchors = checkpoint::anchors(&mut *transaction).await?;
        self.meet(&anchors).await?;
        let mut ends: Vec<Anchor> = Vec::new();
        for fill in &self.fills {
            checkpoint::keep(&mut transaction, fill.chain().kept()).await?;
            ends.extend(fill.chain().anchor());
        }
        checkpoint::set_anchors(&mut transaction, &ends).await?;
        generation::activate(&mut transaction, generation).await?;
        transaction.commit().await.map_err(ViewError::from)?;
        let elapsed = self.started.elapsed();
        Ok(Outcome {
            generation,
            replaced,
            events: self.events(),
            elapsed,
            events_per_second: progress::rate(self.events(), elapsed),
        })
    }

    /// With the anchors standing still: nothing that was served may be missing
    /// after the switch, and all that was anchored must be what was read.
    async fn meet(&mut self, anchors: &[Anchor]) -> Result<(), RebuildError> {
        let mut all = Anchors::default();
        let mut targets: Vec<u64> = Vec::with_capacity(self.fills.len());
        for fill in &mut self.fills {
            let reached = fill.chain().end().position.sequence;
            let anchor = anchors
                .iter()
                .find(|anchor| anchor.position.shard == fill.shard());
            if let Some(anchor) = anchor {
                fill.expect(*anchor);
                all.add(*anchor);
            }
            let anchored = anchor.map_or(0, |anchor| anchor.position.sequence);
            targets.push(anchored.max(reached));
        }
        self.fill_to(Phase::Switching, &targets).await?;
        self.undamaged()?;
        match check::check_ends(self.log, &all).await {
            Ok(()) => Ok(()),
            Err(CheckError::Damaged(damage)) => Err(damage.into()),
            Err(CheckError::Unknown(error)) => Err(error.into()),
        }
    }
}
