//! What is counted. Labels are bounded: no account, address or session ever
//! becomes one.

use std::sync::{Mutex, PoisonError};

use countersign_events::{SignalKind, Timestamp};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::app::App;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// Counters of this process.
pub struct Metrics {
    registry: Registry,
    logins: Family<Outcome, Counter>,
    refreshes: Family<Outcome, Counter>,
    staleness: Gauge,
    revoked: Gauge,
    postgres: Gauge,
    nats: Gauge,
    stopped: Gauge,
    recent: Mutex<Recent>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("countersign");
        let logins = Family::default();
        registry.register("logins", "Sign-ins by outcome", logins.clone());
        let refreshes = Family::default();
        registry.register("refreshes", "Refreshes by outcome", refreshes.clone());
        let staleness = Gauge::default();
        registry.register_with_unit(
            "feed_staleness",
            "Since when the revocation feed was last proven complete",
            Unit::Seconds,
            staleness.clone(),
        );
        let revoked = Gauge::default();
        registry.register(
            "revocations_held",
            "Sessions and accounts whose tokens are refused",
            revoked.clone(),
        );
        let postgres = Gauge::default();
        registry.register("postgres_up", "Whether Postgres answers", postgres.clone());
        let stopped = Gauge::default();
        registry.register(
            "projections_stopped",
            "Shards whose projection has stopped at an event it cannot apply",
            stopped.clone(),
        );
        let nats = Gauge::default();
        registry.register("nats_up", "Whether NATS is connected", nats.clone());
        Self {
            registry,
            logins,
            refreshes,
            staleness,
            revoked,
            postgres,
            nats,
            stopped,
            recent: Mutex::default(),
        }
    }
}

impl Metrics {
    /// A sign-in succeeded.
    pub fn logged_in(&self) {
        self.logins.get_or_create(&Outcome { outcome: "ok" }).inc();
    }

    /// A refresh succeeded.
    pub fn refreshed(&self) {
        self.refreshes
            .get_or_create(&Outcome { outcome: "ok" })
            .inc();
    }

    /// A refresh met a token that had been used.
    pub fn reused(&self) {
        self.refreshes
            .get_or_create(&Outcome { outcome: "reused" })
            .inc();
    }

    /// Something was observed.
    pub fn failed(&self, kind: SignalKind, now: Timestamp) {
        let outcome = Outcome {
            outcome: kind.as_str(),
        };
        match kind {
            SignalKind::UnknownAccount
            | SignalKind::WrongPassword
            | SignalKind::WrongFactor
            | SignalKind::Throttled
            | SignalKind::CrossSite
            | SignalKind::LoginShed => {
                self.logins.get_or_create(&outcome).inc();
                self.recent
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .add(minute(now));
            }
            SignalKind::ForgedRefreshToken => {
                self.refreshes.get_or_create(&outcome).inc();
            }
        }
    }

    /// Failed sign-ins of the last 15 minutes at this process.
    pub fn failed_logins(&self, now: Timestamp) -> u64 {
        self.recent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .sum(minute(now))
    }

    /// All of it in the Prometheus text format.
    pub fn encode(&self, app: &App) -> String {
        let staleness = app
            .feed
            .staleness()
            .map_or(-1, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        self.staleness.set(staleness);
        self.revoked
            .set(i64::try_from(app.verifier.revocations().len()).unwrap_or(i64::MAX));
        self.postgres.set(i64::from(app.postgres.answers()));
        let stopped = i64::try_from(app.postgres.stopped()).unwrap_or(i64::MAX);
        self.stopped.set(stopped);
        self.nats.set(i64::from(app.log.is_connected()));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

fn minute(now: Timestamp) -> i64 {
    now.as_seconds().div_euclid(60)
}

const MINUTES: i64 = 15;
const SLOTS: usize = 15;

/// One count for each of the last minutes.
#[derive(Default)]
struct Recent {
    counts: [u64; SLOTS],
    latest: i64,
}

impl Recent {
    fn add(&mut self, minute: i64) {
        self.forget_until(minute);
        self.counts[Self::slot(minute)] += 1;
    }

    fn sum(&mut self, minute: i64) -> u64 {
        self.forget_until(minute);
        self.counts.iter().sum()
    }

    /// Clears the slots of the minutes since the last call.
    fn forget_until(&mut self, minute: i64) {
        let first = (self.latest + 1).max(minute - MINUTES + 1);
        for passed in first..=minute {
            self.counts[Self::slot(passed)] = 0;
        }
        self.latest = self.latest.max(minute);
    }

    fn slot(minute: i64) -> usize {
        usize::try_from(minute.rem_euclid(MINUTES)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_counted_for_a_quarter_of_an_hour() {
        let mut recent = Recent::default();
        recent.add(100);
        recent.add(100);
        recent.add(107);
        assert_eq!(recent.sum(107), 3);
        assert_eq!(recent.sum(114), 3);
        assert_eq!(recent.sum(115), 1);
        assert_eq!(recent.sum(121), 1);
        assert_eq!(recent.sum(122), 0);
        assert_eq!(recent.sum(10_000), 0);
    }
}
