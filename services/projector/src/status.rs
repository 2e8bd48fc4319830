//! What the projector is doing, shard by shard.

use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_events::Position;
use countersign_views::projector::{Owned, OwnerState};

/// What is happening to a shard, as this instance sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShardState {
    /// Projected by this instance.
    Running,
    /// Not projected by this instance: it waits for Postgres, for NATS, or for
    /// a generation that it can write.
    Waiting,
    /// Stopped at an event that cannot be projected.
    Failed,
    /// Projected by another instance; taken over when that one is lost.
    Standby,
}

impl ShardState {
    /// The word used in answers and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Standby => "standby",
        }
    }
}

/// One shard.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardStatus {
    /// Which.
    pub shard: u8,
    /// What is happening to it.
    pub state: ShardState,
    /// The sequence that is projected, whoever does it.
    pub position: u64,
    /// The last sequence of the log, as of at most some seconds ago.
    pub log_end: u64,
    /// How many events this instance projects a second, of late.
    pub events_per_second: f64,
    /// Why it is waiting or failed. Holds no personal data.
    pub reason: Option<String>,
}

impl ShardStatus {
    /// How many sequences the projection is behind the log.
    pub fn lag_events(&self) -> u64 {
        self.log_end.saturating_sub(self.position)
    }
}

/// A snapshot of the projector.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// The generation that is served, once known.
    pub generation: Option<i32>,
    /// Why Postgres cannot be asked, if it cannot.
    pub postgres: Option<String>,
    /// Whether the log is in reach; while it is not, nothing new is seen and
    /// the lag is not known.
    pub log_connected: bool,
    /// In shard order.
    pub shards: Vec<ShardStatus>,
}

impl Status {
    /// How many sequences all shards are behind, together.
    pub fn lag_events(&self) -> u64 {
        self.shards.iter().map(ShardStatus::lag_events).sum()
    }
}

/// Where the tasks write what they are doing.
pub(crate) struct Board(Mutex<Inner>);

struct Inner {
    status: Status,
    /// Events projected by this instance, in all, a shard.
    projected: Vec<u64>,
    /// The same, when the rates were last measured.
    measured: Vec<u64>,
}

impl Board {
    pub(crate) fn new(shards: u8) -> Self {
        let status = Status {
            generation: None,
            postgres: None,
            log_connected: false,
            shards: (0..shards)
                .map(|shard| ShardStatus {
                    shard,
                    state: ShardState::Waiting,
                    position: 0,
                    log_end: 0,
                    events_per_second: 0.0,
                    reason: None,
                })
                .collect(),
        };
        Self(Mutex::new(Inner {
            status,
            projected: vec![0; shards.into()],
            measured: vec![0; shards.into()],
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn snapshot(&self) -> Status {
        self.lock().status.clone()
    }

    pub(crate) fn state(&self, shard: u8, state: ShardState, reason: Option<String>) {
        if let Some(status) = self.lock().status.shards.get_mut(usize::from(shard)) {
            status.state = state;
            status.reason = reason;
        }
    }

    /// This instance projected `events` more, up to `to`.
    pub(crate) fn advance(&self, to: Position, events: usize) {
        let mut inner = self.lock();
        let index = usize::from(to.shard);
        if let Some(status) = inner.status.shards.get_mut(index) {
            status.position = to.sequence;
            status.log_end = status.log_end.max(to.sequence);
            inner.projected[index] += u64::try_from(events).unwrap_or_default();
        }
    }

    pub(crate) fn postgres(&self, generation: Option<i32>, problem: Option<String>) {
        let mut inner = self.lock();
        if generation.is_some() {
            inner.status.generation = generation;
        }
        inner.status.postgres = problem;
    }

    pub(crate) fn log_connected(&self, connected: bool) {
        self.lock().status.log_connected = connected;
    }

    /// What Postgres says of shards, which is news only of those that others
    /// project.
    pub(crate) fn positions(&self, positions: &[Position]) {
        let mut inner = self.lock();
        for position in positions {
            let found = inner.status.shards.get_mut(usize::from(position.shard));
            if let Some(status) = found
                && status.state != ShardState::Running
            {
                status.position = position.sequence;
            }
        }
    }

    pub(crate) fn log_end(&self, shard: u8, end: u64) {
        if let Some(status) = self.lock().status.shards.get_mut(usize::from(shard)) {
            status.log_end = status.log_end.max(end);
        }
    }

    /// How far a shard is behind, as far as known.
    pub(crate) fn lag_events(&self, shard: u8) -> u64 {
        let inner = self.lock();
        let found = inner.status.shards.get(usize::from(shard));
        found.map_or(0, ShardStatus::lag_events)
    }

    /// What this instance has to say of shards that are its own, or for which
    /// it waits.
    pub(crate) fn owned(&self) -> Vec<Owned> {
        let inner = self.lock();
        let said = inner.status.shards.iter().filter_map(|status| {
            let state = match status.state {
                ShardState::Running => OwnerState::Running,
                ShardState::Failed => OwnerState::Failed,
                ShardState::Waiting if status.reason.is_some() => OwnerState::Waiting,
                ShardState::Waiting | ShardState::Standby => return None,
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a rate for people to read"
            )]
            let events_per_second = status.events_per_second.round() as u64;
            Some(Owned {
                shard: status.shard,
                state,
                events_per_second,
            })
        });
        said.collect()
    }

    /// Takes the rates since the last call, `seconds` ago, smoothed a little.
    pub(crate) fn measure(&self, seconds: f64) {
        let mut inner = self.lock();
        let Inner {
            status,
            projected,
            measured,
        } = &mut *inner;
        for (index, status) in status.shards.iter_mut().enumerate() {
            let events = projected[index] - measured[index];
            measured[index] = projected[index];
            #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
            let rate = events as f64 / seconds.max(0.001);
            status.events_per_second = 0.5 * status.events_per_second + 0.5 * rate;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_what_the_log_is_ahead() {
        let board = Board::new(2);
        board.log_end(1, 10);
        let to = Position {
            shard: 1,
            sequence: 7,
        };
        board.state(1, ShardState::Running, None);
        board.advance(to, 7);
        board.measure(1.0);
        let status = board.snapshot();
        assert_eq!(status.lag_events(), 3);
        assert!((status.shards[1].events_per_second - 3.5).abs() < 0.001);
        assert_eq!(status.shards[0].lag_events(), 0);
    }

    #[test]
    fn postgres_does_not_speak_for_a_shard_that_runs_here() {
        let board = Board::new(1);
        let at = |sequence| Position { shard: 0, sequence };
        board.positions(&[at(4)]);
        assert_eq!(board.snapshot().shards[0].position, 4);
        board.state(0, ShardState::Running, None);
        board.advance(at(9), 5);
        board.positions(&[at(8)]);
        assert_eq!(board.snapshot().shards[0].position, 9);
    }
}
