//! Admission.

use std::sync::Arc;
use std::time::Duration;

use countersign_events::{AccountId, FactorKind, Timestamp};
use countersign_log::{Blind, Counters, Log, LogError, patiently};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::admitted::{Admitted, Standing};
use crate::config::{CLEAN_AT_ONCE, WRITTEN_AFTER};
use crate::in_flight::{Guard, InFlight};
use crate::key::Key;
use crate::record::Record;
use crate::rules::{Limit, Schedule, Stop, seconds};
use crate::store::Store;
use crate::{Limited, Target, ThrottleConfig, Try};

/// Counts tries, together with all other services on the same log. Clones
/// share one memory.
#[derive(Clone)]
pub struct Throttle(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Arc<Store>,
    pub(crate) config: ThrottleConfig,
    pub(crate) blind: Blind,
    in_flight: InFlight,
    /// Ends with this.
    _following: JoinSet<()>,
}

/// Why a try was not admitted.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There were too many.
    #[error("too many tries: again in {retry_after_seconds} s")]
    Wait {
        /// When to come again, at least one.
        retry_after_seconds: u64,
    },
    /// There were so many consecutive failures that the factor must be
    /// disabled, if it is not already. Holds for addresses of nobody, too.
    #[error("too many consecutive failures")]
    Exhausted,
    /// The counts cannot be reached, so nothing is admitted.
    #[error(transparent)]
    Failed(#[from] LogError),
}

impl From<Stop> for Refused {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Wait(wait) => wait.into(),
            Stop::Exhausted => Self::Exhausted,
        }
    }
}

impl From<Duration> for Refused {
    fn from(wait: Duration) -> Self {
        Self::Wait {
            retry_after_seconds: seconds(wait),
        }
    }
}

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

impl Throttle {
    /// Returns once everything that was counted so far is known.
    pub async fn open(log: &Log, config: ThrottleConfig) -> Result<Self, LogError> {
        config
            .validate()
            .map_err(|error| LogError::Unfit(error.to_string()))?;
        let secret = async || log.blind("throttle-networks").await;
        let blind = patiently("the secret of networks", secret).await?;
        let store = Arc::new(Store::new(log.clone()));
        let mut following = JoinSet::new();
        for of in [Counters::Attempts, Counters::Windows] {
            let (sender, mut caught_up) = watch::channel(false);
            let store = Arc::clone(&store);
            following.spawn(async move { store.follow(of, sender).await });
            caught_up
                .wait_for(|caught_up| *caught_up)
                .await
                .map_err(|_| LogError::Unavailable("counters are not followed".into()))?;
        }
        Ok(Self(Arc::new(Inner {
            store,
            config,
            blind,
            in_flight: InFlight::default(),
            _following: following,
        })))
    }

    /// Asks whether a try may be checked. One that may is checked, and then
    /// finished; see [`Admitted`].
    pub async fn admit(&self, attempt: &Try, now: Timestamp) -> Result<Admitted, Refused> {
        let inner = &*self.0;
        inner.store.ensure_reachable()?;
        let network = Key::network(&inner.blind, attempt.ip);
        let target = Key::target(attempt.target);
        let device = inner.known_device(attempt);
        if device.is_none()
            && let Some(limit) = inner.network_limit()
            && let Some(wait) = inner.store.known(&network).window().wait(limit, now)
        {
            return Err(wait.into());
        }
        let standing = if let Some(guard) = inner.unwritten(attempt, &target, device.as_ref()) {
            Standing::Unwritten(guard)
        } else {
            let reserved = inner.reserve(&target, device.as_ref(), now).await?;
            Standing::Written(reserved.count().consecutive)
        };
        Ok(Admitted {
            throttle: self.clone(),
            network,
            target,
            device,
            of_account: matches!(attempt.target, Target::Account { .. }),
            now,
            standing,
        })
    }

    /// Counts what may happen only so often, and refuses what is too much.
    pub async fn allow(&self, limited: Limited, now: Timestamp) -> Result<(), Refused> {
        let inner = &*self.0;
        let most = match limited {
            Limited::Mail(_) => inner.config.mails_per_hour,
            Limited::MailFrom(_) => inner.config.mails_from_network_per_hour,
            Limited::Registration(_) => inner.config.registrations_per_hour,
        };
        if most == 0 {
            return Ok(());
        }
        inner.store.ensure_reachable()?;
        let within = HOUR;
        let limit = Limit { most, within };
        let key = Key::limited(&inner.blind, limited);
        let once_more = |record: &Record| match record.window().wait(limit, now) {
            Some(wait) => Err(wait.into()),
            None => Ok(Some(Record::Window(record.window().with(limit, now)))),
        };
        inner.store.change(&key, now, once_more).await.map(|_| ())
    }

    /// Forgets the failures of a factor: it was bound anew, or its account is
    /// gone.
    pub async fn clear(
        &self,
        account: AccountId,
        factor: FactorKind,
        now: Timestamp,
    ) -> Result<(), LogError> {
        let store = &self.0.store;
        let key = Key::target(Target::Account { account, factor });
        store.ask(&key).await?;
        self.0.clear(&key, now).await
    }
}

impl Inner {
    pub(crate) fn network_limit(&self) -> Option<Limit> {
        let most = self.config.network_failures_per_minute;
        (most > 0).then_some(Limit {
            most,
            within: MINUTE,
        })
    }

    /// Makes a count clean; one that is already costs nothing.
    pub(crate) async fn clear(&self, key: &Key, now: Timestamp) -> Result<(), LogError> {
        let clean = |record: &Record| Ok((!record.is_clean()).then(Record::default));
        match self.store.change(key, now, clean).await {
            Ok(_) => Ok(()),
            Err(Refused::Failed(error)) => Err(error),
            // Nothing above refuses.
            Err(refused) => Err(LogError::Unavailable(refused.to_string())),
        }
    }

    fn schedule(&self) -> Schedule {
        Schedule {
            free: self.config.free_tries,
            longest: self.config.longest_wait,
        }
    }

    /// The count of a device that is known and has not lost its good name. Of
    /// an address of nobody no device is known.
    fn known_device(&self, attempt: &Try) -> Option<Key> {
        let Target::Account { factor, .. } = attempt.target else {
            return None;
        };
        let key = Key::device(attempt.device?, factor);
        let failures = self.store.known(&key).count().consecutive;
        (failures < self.config.device_failures).then_some(key)
    }

    /// Lets a try pass without writing it down, while there are few. Of codes,
    /// which can be guessed, every one is written. A service that has not heard
    /// of another's failures lets as many pass as if there were none, but not
    /// more: the first of them that fails tells it.
    fn unwritten(&self, attempt: &Try, target: &Key, device: Option<&Key>) -> Option<Guard> {
        match attempt.target.factor() {
            FactorKind::Totp | FactorKind::RecoveryCode => return None,
            FactorKind::Password | FactorKind::Passkey => {}
        }
        let failures = |key: &Key| self.store.known(key).count().consecutive;
        let stored = failures(target).max(device.map_or(0, failures));
        self.in_flight
            .enter(device.unwrap_or(target), |unfinished| match stored {
                0 => unfinished < CLEAN_AT_ONCE,
                _ => stored.saturating_add(unfinished) < WRITTEN_AFTER,
            })
    }

    /// Writes a try down as a failure, before anybody checks it.
    async fn reserve(
        &self,
        target: &Key,
        device: Option<&Key>,
        now: Timestamp,
    ) -> Result<Record, Refused> {
        let most = self.config.most_failures;
        let written = |key: &Key, most: u32, schedule: Option<Schedule>, record: &Record| {
            let unfinished = self.in_flight.count(key);
            let count = record.count().reserved(most, schedule, unfinished, now)?;
            Ok(Some(Record::Count(count)))
        };
        let waits = Some(self.schedule());
        if let Some(device) = device {
            // What would be refused must not cost the device anything.
            written(target, most, None, &self.store.known(target))?;
            let reserve = |record: &Record| written(device, u32::MAX, waits, record);
            self.store.change(device, now, reserve).await?;
        }
        let waits = waits.filter(|_| device.is_none());
        let reserve = |record: &Record| written(target, most, waits, record);
        self.store.change(target, now, reserve).await
    }
}
