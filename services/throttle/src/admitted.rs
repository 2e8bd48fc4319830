//! A try that may be checked.

use countersign_events::Timestamp;
use countersign_log::LogError;

use crate::Throttle;
use crate::in_flight::Guard;
use crate::key::Key;
use crate::record::Record;
use crate::throttle::Refused;

/// What a failure has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Failures since the last success, this one included.
    pub consecutive: u32,
    /// Whether this failure was the last that is allowed: the factor must be
    /// disabled now. True for exactly one failure, and never for an address of
    /// nobody.
    pub disable: bool,
}

/// A try that may be checked, once.
///
/// One that is dropped counts as nothing, unless it was written down before:
/// then it stays a failure, because nobody knows whether it was checked.
#[must_use = "a try that was checked has failed or succeeded"]
pub struct Admitted {
    pub(crate) throttle: Throttle,
    pub(crate) network: Key,
    pub(crate) target: Key,
    pub(crate) device: Option<Key>,
    pub(crate) of_account: bool,
    pub(crate) now: Timestamp,
    pub(crate) standing: Standing,
}

/// What is stored of a try that has not ended.
pub(crate) enum Standing {
    /// Nothing; it counts in this process while the guard is there.
    Unwritten(#[expect(dead_code, reason = "it is held, not used")] Guard),
    /// It is the so-many-th failure.
    Written(u32),
}

impl Admitted {
    /// What was tried was wrong. An error says that it may not have been
    /// counted: then the caller must not tell that it was wrong.
    pub async fn failed(self) -> Result<Outcome, LogError> {
        let inner = &*self.throttle.0;
        let network = async {
            let Some(limit) = inner.network_limit() else {
                return Ok(());
            };
            let more = |record: &Record| {
                let window = record.window().with(limit, self.now);
                Ok(Some(Record::Window(window)))
            };
            let counted = inner.store.change(&self.network, self.now, more);
            counted.await.map(|_| ())
        };
        let device = async {
            match (&self.standing, &self.device) {
                (Standing::Unwritten(_), Some(device)) => self.count(device).await.map(|_| ()),
                _ => Ok(()),
            }
        };
        let target = async {
            match &self.standing {
                Standing::Unwritten(_) => self.count(&self.target).await,
                Standing::Written(consecutive) => Ok(*consecutive),
            }
        };
        let counted = futures_util::future::try_join3(network, device, target).await;
        let ((), (), consecutive) = counted.map_err(failure)?;
        Ok(Outcome {
            consecutive,
            disable: self.of_account && consecutive == inner.config.most_failures,
        })
    }

    /// What was tried was right: nothing that failed before counts any more,
    /// but for the network, where others may be guessing.
    pub async fn succeeded(self) -> Result<(), LogError> {
        let inner = &*self.throttle.0;
        let device = async {
            match &self.device {
                Some(device) => inner.clear(device, self.now).await,
                None => Ok(()),
            }
        };
        let target = inner.clear(&self.target, self.now);
        futures_util::future::try_join(device, target)
            .await
            .map(|_| ())
    }

    /// It was not checked after all.
    pub fn undone(self) {
        drop(self);
    }

    async fn count(&self, key: &Key) -> Result<u32, Refused> {
        let more = |record: &Record| Ok(Some(Record::Count(record.count().failed(self.now))));
        let store = &self.throttle.0.store;
        let counted = store.change(key, self.now, more).await?;
        Ok(counted.count().consecutive)
    }
}

/// A change that only counts is never refused.
fn failure(refused: Refused) -> LogError {
    match refused {
        Refused::Failed(error) => error,
        refused => LogError::Unavailable(refused.to_string()),
    }
}
