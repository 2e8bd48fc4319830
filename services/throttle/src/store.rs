//! Counts that are changed only by who has seen them.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use countersign_events::Timestamp;
use countersign_log::{Counters, Log, LogError};
use tokio::sync::{Mutex, watch};
use tokio::time::MissedTickBehavior;

use crate::key::Key;
use crate::mirror::{Entry, Mirror};
use crate::record::Record;
use crate::throttle::Refused;

/// The counts, as the server has them and as this process knows them.
pub(crate) struct Store {
    log: Log,
    attempts: Mirror,
    windows: Mirror,
    /// Who changes a count waits for its turn: within a process nobody races.
    turns: Vec<Mutex<()>>,
    hasher: RandomState,
}

/// Keys that share a turn wait for each other, so there are many turns.
const TURNS: usize = 256;

/// Who waits longer than this for a turn is told that the log is slow.
const TURN_PATIENCE: Duration = Duration::from_secs(5);

/// Each lost race is one that another process has won.
const RACES: usize = 100;

/// How many counts are taken over at once.
const BATCH: usize = 1_000;

const AGAIN: Duration = Duration::from_secs(1);

impl Store {
    pub(crate) fn new(log: Log) -> Self {
        let windows = usize::try_from(Counters::WINDOWS_MAX).unwrap_or(usize::MAX);
        Self {
            log,
            attempts: Mirror::new(None),
            windows: Mirror::new(Some(windows)),
            turns: (0..TURNS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Nothing is decided while the counts cannot be reached, not even what
    /// memory could decide.
    pub(crate) fn ensure_reachable(&self) -> Result<(), LogError> {
        if self.log.is_connected() {
            Ok(())
        } else {
            Err(LogError::Unavailable("not connected to NATS".into()))
        }
    }

    /// What this process knows.
    pub(crate) fn known(&self, key: &Key) -> Record {
        self.mirror(key.of).get(&key.name).record
    }

    /// Changes a count as `decide` says, who is asked again whenever somebody
    /// else was first. None leaves it as it is. Answers with what then stands.
    pub(crate) async fn change(
        &self,
        key: &Key,
        now: Timestamp,
        decide: impl Fn(&Record) -> Result<Option<Record>, Refused>,
    ) -> Result<Record, Refused> {
        // Most refusals need no turn.
        let known = self.known(key);
        if decide(&known)?.is_none() {
            return Ok(known);
        }
        let turn = usize::try_from(self.hasher.hash_one(key) % TURNS as u64).unwrap_or(0);
        let turn = tokio::time::timeout(TURN_PATIENCE, self.turns[turn].lock());
        let _turn = turn
            .await
            .map_err(|_| LogError::Unavailable("the counters are slow".into()))?;
        let mut entry = self.mirror(key.of).get(&key.name);
        for _ in 0..RACES {
            let Some(record) = decide(&entry.record)? else {
                return Ok(entry.record);
            };
            if let Some(sequence) = self.swap(key, entry.sequence, &record).await? {
                let entry = Entry { sequence, record };
                self.mirror(key.of).written(&key.name, entry.clone(), now);
                return Ok(entry.record);
            }
            entry = self.refresh(key, entry.sequence).await?;
        }
        Err(LogError::Unavailable("too many change one counter".into()).into())
    }

    /// Asks the leader and corrects memory.
    pub(crate) async fn ask(&self, key: &Key) -> Result<(), LogError> {
        let remembered = self.mirror(key.of).get(&key.name).sequence;
        self.refresh(key, remembered).await.map(|_| ())
    }

    async fn refresh(&self, key: &Key, wrong: u64) -> Result<Entry, LogError> {
        let entry = match self.log.counter(key.of, &key.name).await? {
            Some(counter) => Entry {
                sequence: counter.sequence,
                record: Record::parse(&counter.payload)?,
            },
            None => Entry::default(),
        };
        let mirror = self.mirror(key.of);
        mirror.corrected(&key.name, wrong, entry.clone());
        Ok(entry)
    }

    async fn swap(
        &self,
        key: &Key,
        expected: u64,
        record: &Record,
    ) -> Result<Option<u64>, LogError> {
        let payload = serde_json::to_vec(record)?.into();
        // Clean is what everybody takes for granted once the news has spread.
        let ttl = record.is_clean().then_some(Counters::WINDOWS_LIVE);
        self.log
            .swap_counter(key.of, &key.name, expected, payload, ttl)
            .await
    }

    /// Keeps the mirror of one family up to date, for ever.
    pub(crate) async fn follow(&self, of: Counters, caught_up: watch::Sender<bool>) {
        let mut ticks = tokio::time::interval(AGAIN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let mut tail = self.log.counters(of);
            let error = loop {
                match tail.next_batch(BATCH).await {
                    Ok(batch) => {
                        for counter in batch.counters {
                            self.arrived(of, &counter.key, counter.sequence, &counter.payload);
                        }
                        if batch.caught_up {
                            caught_up.send_replace(true);
                        }
                    }
                    Err(error) => break error,
                }
            };
            tracing::error!(%error, ?of, "counters are not followed");
        }
    }

    fn arrived(&self, of: Counters, key: &str, sequence: u64, payload: &[u8]) {
        match Record::parse(payload) {
            Ok(record) => self.mirror(of).arrived(key, Entry { sequence, record }),
            // Whoever wants to change it will fail.
            Err(error) => tracing::error!(%error, ?of, sequence, "not mirrored"),
        }
    }

    fn mirror(&self, of: Counters) -> &Mirror {
        match of {
            Counters::Attempts => &self.attempts,
            Counters::Windows => &self.windows,
        }
    }
}
