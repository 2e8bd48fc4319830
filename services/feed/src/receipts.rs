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

/// The most verifiers that one client may have.
const OF_A_CLIENT_MAX: usize = 512;

/// After a start it takes so long until everybody who lives has reported.
const COLLECTED: Duration = Duration::from_millis(2_500);

/// For how long it counts that a verifier found no place in the table.
const CROWDED: Duration = Duration::from_secs(15);

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
    /// For how long after a proof it trusts itself: then it refuses everything.
    pub max_staleness: Duration,
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
    heard: Mutex<Table>,
    changed: watch::Sender<()>,
    began: Instant,
}

#[derive(Default)]
struct Table {
    by_id: HashMap<Uuid, Heard>,
    /// When a verifier was last turned away for want of a place.
    crowded: Option<Instant>,
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
            max_staleness: self.max_staleness,
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
            began: Instant::now(),
        }
    }
}

impl Receipts {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in a report. One from a verifier that nobody knows is dropped
    /// when as many are known as may be; and what somebody else says of a
    /// verifier than the client it first reported as, is not believed.
    pub fn heard(&self, report: &Report, client: Option<&str>) {
        self.heard_at(report, client, Instant::now());
    }

    fn heard_at(&self, report: &Report, client: Option<&str>, now: Instant) {
        let mut table = self.lock();
        let known = table.by_id.get(&report.id);
        if known.is_some_and(|known| known.client.as_deref() != client) {
            return;
        }
        if report.leaving {
            table.by_id.remove(&report.id);
        } else {
            if known.is_none() && !table.has_place(client, now) {
                table.crowded = Some(now);
                return;
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
            table.by_id.insert(report.id, entry);
        }
        drop(table);
        self.changed.send_modify(|()| ());
    }

    /// Every verifier that is known, by name.
    pub fn list(&self) -> Vec<Receipt> {
        let now = Instant::now();
        let mut table = self.lock();
        table.forget(now);
        let all = table.by_id.iter();
        let mut list: Vec<Receipt> = all.map(|(id, one)| one.receipt(*id, now)).collect();
        drop(table);
        list.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
        list
    }

    /// Waits until every live verifier has applied these positions, as shard
    /// and sequence; at most for `patience`. Those that are silent are behind
    /// unless they have said otherwise, and are not waited for.
    ///
    /// Right after a start it takes longer: who has not reported yet is not
    /// taken for nobody. And while there are more verifiers than are kept in
    /// mind, one that has no name is behind.
    pub async fn applied(&self, awaited: &[(u8, u64)], patience: Duration) -> Applied {
        let collected = self.began + COLLECTED;
        let deadline = (Instant::now() + patience).max(collected);
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let now = Instant::now();
            let waits_until = match (self.is_awaited(awaited, now), now < collected) {
                (true, _) => deadline,
                (false, true) => collected,
                (false, false) => return self.applied_now(awaited, now),
            };
            let is_late = timeout_at(waits_until, changed.changed()).await.is_err();
            if is_late && waits_until == deadline {
                return self.applied_now(awaited, Instant::now());
            }
        }
    }

    /// Whether a live verifier has yet to apply them.
    fn is_awaited(&self, awaited: &[(u8, u64)], now: Instant) -> bool {
        let table = self.lock();
        let is_awaited =
            |one: &Heard| one.standing(now) == Standing::Live && !one.has_applied(awaited);
        table.is_crowded(now) || table.by_id.values().any(is_awaited)
    }

    fn applied_now(&self, awaited: &[(u8, u64)], now: Instant) -> Applied {
        let mut table = self.lock();
        table.forget(now);
        let all = table.by_id.iter();
        let mut behind: Vec<Receipt> = all
            .filter(|(_, one)| !one.has_applied(awaited))
            .map(|(id, one)| one.receipt(*id, now))
            .collect();
        behind.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
        if table.is_crowded(now) {
            behind.push(more_than_are_kept());
        }
        let verifiers = table.by_id.len();
        Applied { verifiers, behind }
    }
}

impl Table {
    fn has_place(&mut self, client: Option<&str>, now: Instant) -> bool {
        if self.by_id.len() >= VERIFIERS_MAX {
            self.forget(now);
        }
        let is_full = self.by_id.len() >= VERIFIERS_MAX;
        let of_client = || {
            let all = self.by_id.values();
            all.filter(|one| one.client.as_deref() == client).count()
        };
        !is_full && (client.is_none() || of_client() < OF_A_CLIENT_MAX)
    }

    fn is_crowded(&self, now: Instant) -> bool {
        let crowded = self.crowded;
        crowded.is_some_and(|then| now.saturating_duration_since(then) < CROWDED)
    }

    fn forget(&mut self, now: Instant) {
        self.by_id.retain(|_, one| {
            let silent_for = now.saturating_duration_since(one.at);
            silent_for <= one.max_staleness + GRACE + SILENT_KEPT
        });
    }
}

/// Stands for those that found no place: nobody knows how far they are.
fn more_than_are_kept() -> Receipt {
    Receipt {
        id: Uuid::nil(),
        name: "more than are kept in mind".into(),
        client: None,
        standing: Standing::Live,
        cursor: None,
        staleness: None,
        max_staleness: STALENESS_MAX,
        heard: Duration::ZERO,
        kids: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
