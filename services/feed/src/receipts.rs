//! Who has applied what: the verifiers that report, and how far each has come.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_verifier::feed::Report;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

/// The most verifiers that are kept in mind.
pub const VERIFIERS_MAX: usize = 10_000;

/// How much later than it would stop trusting itself a verifier may report and
/// still count as live.
const GRACE: Duration = Duration::from_secs(2);

/// For how long one that fell silent is kept in mind.
const SILENT_KEPT: Duration = Duration::from_mins(10);

/// A verifier may not call itself live for longer than this, whatever it
/// reports.
const STALENESS_MAX: Duration = Duration::from_mins(5);

/// The most characters of a name, and the most key ids, that count.
const NAME_CHARS_MAX: usize = 64;
const KIDS_MAX: usize = 32;

/// Whether a verifier is heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was heard of within its own bound and a little more.
    Live,
    /// It was not, so it refuses everything by itself.
    Silent,
}

/// A verifier as it was last heard of.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// Drawn at random by the verifier.
    pub id: Uuid,
    /// What its service calls itself.
    pub name: String,
    /// The client it reported as; none over NATS.
    pub client: Option<String>,
    /// Whether it is heard of.
    pub standing: Standing,
    /// How far it has applied every shard; none before it knows.
    pub cursor: Option<Vec<u64>>,
    /// How long ago it was proven complete, by its own words when it was last
    /// heard of; none before its first proof.
    pub staleness: Option<Duration>,
    /// How long ago it was last heard of.
    pub heard: Duration,
    /// The ids of the keys it holds.
    pub kids: Vec<String>,
}

/// Who has applied a position and who has not.
#[derive(Debug, Clone)]
pub struct Applied {
    /// How many verifiers are known, live and silent.
    pub verifiers: usize,
    /// Those that have not applied it.
    pub behind: Vec<Receipt>,
}

/// The verifiers of a deployment, as one service has heard of them. Bounded in
/// number; nothing of it is kept over a restart, as everybody reports again
/// within a second.
pub struct Receipts {
    heard: Mutex<HashMap<Uuid, Heard>>,
    changed: watch::Sender<()>,
}

struct Heard {
    name: String,
    client: Option<String>,
    cursor: Option<Vec<u64>>,
    staleness: Option<Duration>,
    max_staleness: Duration,
    kids: Vec<String>,
    at: Instant,
}

impl Heard {
    fn standing(&self, now: Instant) -> Standing {
        let silent_for = now.saturating_duration_since(self.at);
        if silent_for <= self.max_staleness + GRACE {
            Standing::Live
        } else {
            Standing::Silent
        }
    }

    fn receipt(&self, id: Uuid, now: Instant) -> Receipt {
        Receipt {
            id,
            name: self.name.clone(),
            client: self.client.clone(),
            standing: self.standing(now),
            cursor: self.cursor.clone(),
            staleness: self.staleness,
            heard: now.saturating_duration_since(self.at),
            kids: self.kids.clone(),
        }
    }

    fn has_applied(&self, awaited: &[(u8, u64)]) -> bool {
        let Some(cursor) = &self.cursor else {
            return awaited.is_empty();
        };
        awaited.iter().all(|(shard, sequence)| {
            let applied = cursor.get(usize::from(*shard)).copied();
            applied.unwrap_or_default() >= *sequence
        })
    }
}

impl Default for Receipts {
    fn default() -> Self {
        Self {
            heard: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl Receipts {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a report. One from a verifier that nobody knows is dropped
    /// when as many are known as may be.
    pub fn heard(&self, report: &Report, client: Option<&str>) {
        self.heard_at(report, client, Instant::now());
    }

    fn heard_at(&self, report: &Report, client: Option<&str>, now: Instant) {
        let mut heard = self.lock();
        if report.leaving {
            heard.remove(&report.id);
        } else {
            let is_new = !heard.contains_key(&report.id);
            if is_new && heard.len() >= VERIFIERS_MAX {
                forget(&mut heard, now);
                if heard.len() >= VERIFIERS_MAX {
                    return;
                }
            }
            let entry = Heard {
                name: report.name.chars().take(NAME_CHARS_MAX).collect(),
                client: client.map(|client| client.chars().take(NAME_CHARS_MAX).collect()),
                cursor: report.cursor.clone().filter(|cursor| cursor.len() <= 64),
                staleness: report.staleness_ms.map(Duration::from_millis),
                max_staleness: Duration::from_millis(report.max_staleness_ms).min(STALENESS_MAX),
                kids: report
                    .kids
                    .iter()
                    .take(KIDS_MAX)
                    .map(|kid| kid.chars().take(NAME_CHARS_MAX).collect())
                    .collect(),
                at: now,
            };
            heard.insert(report.id, entry);
        }
        drop(heard);
        self.changed.send_modify(|()| ());
    }

    /// Every verifier that is known, by name.
    pub fn list(&self) -> Vec<Receipt> {
        let now = Instant::now();
        let mut heard = self.lock();
        forget(&mut heard, now);
        let mut list: Vec<Receipt> = heard
            .iter()
            .map(|(id, one)| one.receipt(*id, now))
            .collect();
        drop(heard);
        list.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
        list
    }

    /// Waits until every live verifier has applied these positions, as shard
    /// and sequence; at most for `patience`. Those that are silent are behind
    /// unless they have said otherwise, and are not waited for.
    pub async fn applied(&self, awaited: &[(u8, u64)], patience: Duration) -> Applied {
        let deadline = Instant::now() + patience;
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let (applied, is_waiting) = self.applied_now(awaited, Instant::now());
            if !is_waiting || timeout_at(deadline, changed.changed()).await.is_err() {
                return applied;
            }
        }
    }

    fn applied_now(&self, awaited: &[(u8, u64)], now: Instant) -> (Applied, bool) {
        let mut heard = self.lock();
        forget(&mut heard, now);
        let mut behind: Vec<Receipt> = heard
            .iter()
            .filter(|(_, one)| !one.has_applied(awaited))
            .map(|(id, one)| one.receipt(*id, now))
            .collect();
        behind.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
        let is_waiting = behind.iter().any(|one| one.standing == Standing::Live);
        let verifiers = heard.len();
        (Applied { verifiers, behind }, is_waiting)
    }
}

fn forget(heard: &mut HashMap<Uuid, Heard>, now: Instant) {
    heard.retain(|_, one| {
        let silent_for = now.saturating_duration_since(one.at);
        silent_for <= one.max_staleness + GRACE + SILENT_KEPT
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_verifier::feed::FEED_VERSION;

    fn report(id: u128, cursor: [u64; 2]) -> Report {
        Report {
            v: FEED_VERSION,
            id: Uuid::from_u128(id),
            name: format!("v{id}"),
            seq: Some(1),
            cursor: Some(cursor.to_vec()),
            kids: Vec::new(),
            staleness_ms: Some(3),
            max_staleness_ms: 10_000,
            leaving: false,
        }
    }

    fn names(applied: &Applied) -> Vec<&str> {
        applied.behind.iter().map(|one| one.name.as_str()).collect()
    }

    #[tokio::test]
    async fn who_is_behind_is_named_and_who_is_silent_is_not_waited_for() {
        let receipts = Receipts::default();
        let now = Instant::now();
        let long_ago = now
            .checked_sub(Duration::from_secs(13))
            .expect("up for long");
        receipts.heard(&report(1, [5, 5]), None);
        receipts.heard_at(&report(2, [1, 1]), None, long_ago);
        let applied = receipts.applied(&[(0, 5)], Duration::from_mins(10)).await;
        assert_eq!((applied.verifiers, names(&applied)), (2, vec!["v2"]));
        assert_eq!(applied.behind[0].standing, Standing::Silent);
        receipts.heard(&report(3, [4, 9]), None);
        let applied = receipts.applied(&[(0, 5)], Duration::ZERO).await;
        assert_eq!(names(&applied), ["v2", "v3"]);
        let waiting = receipts.applied(&[(0, 5)], Duration::from_mins(10));
        let reporting = async { receipts.heard(&report(3, [5, 9]), None) };
        let (applied, ()) = futures_util::join!(waiting, reporting);
        assert_eq!(names(&applied), ["v2"]);
        let leaving = Report {
            leaving: true,
            ..report(2, [0, 0])
        };
        receipts.heard(&leaving, None);
        let applied = receipts.applied(&[(0, 5)], Duration::ZERO).await;
        assert_eq!((applied.verifiers, names(&applied)), (2, vec![]));
    }

    #[test]
    fn a_position_on_an_unknown_shard_is_applied_by_nobody() {
        let receipts = Receipts::default();
        receipts.heard(&report(1, [5, 5]), None);
        let (applied, _) = receipts.applied_now(&[(2, 1)], Instant::now());
        assert_eq!(names(&applied), ["v1"]);
    }

    #[test]
    fn the_table_is_bounded_and_forgets() {
        let receipts = Receipts::default();
        let long_ago = Instant::now().checked_sub(Duration::from_secs(13 + 600));
        let long_ago = long_ago.expect("up for long");
        receipts.heard_at(&report(0, [0, 0]), None, long_ago);
        for id in 1..=VERIFIERS_MAX as u128 + 5 {
            receipts.heard(&report(id, [0, 0]), None);
        }
        assert_eq!(receipts.list().len(), VERIFIERS_MAX);
        assert!(receipts.list().iter().all(|one| one.name != "v0"));
    }
}
