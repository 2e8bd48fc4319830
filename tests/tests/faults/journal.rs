//! What the service has promised: every acknowledged command of a test.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt as _;
use serde_json::Value;

use super::http::{Person, Service, generation_of, get, refresh, verify};

/// How many sessions are looked at side by side at the end.
const SIDE_BY_SIDE: usize = 8;

/// What was acknowledged about a session.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// The newest of its owner's.
    pub(super) person: Person,
    /// Every acknowledged position and generation.
    acknowledged: Vec<(String, u32)>,
    /// Where its end was acknowledged.
    ended: Option<String>,
    /// It may have ended: an answer was lost for so long that its repetition
    /// looked like theft.
    pub(super) doubtful: bool,
}

/// All acknowledged commands.
#[derive(Default)]
pub(super) struct Journal {
    sessions: Mutex<BTreeMap<String, Kept>>,
    faults: Mutex<Vec<String>>,
    count: AtomicU64,
}

impl Journal {
    fn change(&self, person: &Person, change: impl FnOnce(&mut Kept)) {
        let mut sessions = self.sessions.lock().expect("nobody panics with it");
        let kept = sessions
            .entry(person.session.clone())
            .or_insert_with(|| Kept {
                person: person.clone(),
                acknowledged: Vec::new(),
                ended: None,
                doubtful: false,
            });
        change(kept);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// A session was opened or continued.
    pub(super) fn granted(&self, person: &Person) {
        self.change(person, |kept| {
            kept.person = person.clone();
            kept.acknowledged
                .push((person.position.clone(), generation_of(&person.refresh)));
        });
    }

    /// A session was ended.
    pub(super) fn ended(&self, person: &Person, position: String) {
        self.change(person, |kept| kept.ended = Some(position));
    }

    pub(super) fn doubt(&self, person: &Person) {
        self.change(person, |kept| kept.doubtful = true);
    }

    /// Something that must not happen.
    pub(super) fn fault(&self, text: String) {
        self.faults
            .lock()
            .expect("nobody panics with it")
            .push(text);
    }

    /// How many commands were acknowledged so far.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn faults(&self) -> Vec<String> {
        self.faults.lock().expect("nobody panics with it").clone()
    }

    /// A journal of one session with a promise that nobody made, to see that
    /// it would be missed.
    pub(super) fn forged(&self) -> Self {
        let sessions = self.sessions.lock().expect("nobody panics with it");
        let mut kept = sessions.values().next().expect("a session").clone();
        let (position, generation) = kept.acknowledged.last().expect("a promise").clone();
        kept.acknowledged.push((position, generation + 1_000));
        let sessions = BTreeMap::from([(kept.person.session.clone(), kept)]);
        Self {
            sessions: Mutex::new(sessions),
            ..Self::default()
        }
    }

    /// How many sessions there are, and how many of them in doubt.
    pub(super) fn sessions(&self) -> (usize, usize) {
        let sessions = self.sessions.lock().expect("nobody panics with it");
        let doubtful = sessions.values().filter(|kept| kept.doubtful).count();
        (sessions.len(), doubtful)
    }

    /// Looks for everything in the log and in the read models.
    pub(super) async fn check(&self, service: &Service, operator: &Person) {
        let kept: Vec<Kept> = {
            let sessions = self.sessions.lock().expect("nobody panics with it");
            sessions.values().cloned().collect()
        };
        let checks = kept.iter().map(async |kept| {
            if let Err(fault) = check(service, operator, kept).await {
                let Kept {
                    acknowledged,
                    ended,
                    doubtful,
                    ..
                } = kept;
                self.fault(format!(
                    "{fault}\n    {acknowledged:?}, ended {ended:?}, doubtful {doubtful}"
                ));
            }
        });
        futures_util::stream::iter(checks)
            .buffer_unordered(SIDE_BY_SIDE)
            .collect::<()>()
            .await;
    }
}

/// Later of two positions of one shard.
fn later<'a>(one: &'a str, other: &'a str) -> &'a str {
    let sequence = |position: &str| {
        position
            .split_once('.')
            .and_then(|(_, text)| text.parse::<u64>().ok())
    };
    if sequence(other) > sequence(one) {
        other
    } else {
        one
    }
}

async fn check(service: &Service, operator: &Person, kept: &Kept) -> Result<(), String> {
    let id = &kept.person.session;
    let say = |what: &str| Err(format!("session {id}: {what}"));

    // The log.
    let path = format!("/v1/admin/sessions/{id}/events?limit=200");
    let answer = service
        .reads(&get(path).bearer(&operator.access), 200)
        .await?;
    let events = answer.body["items"].as_array().cloned().unwrap_or_default();
    let named = |name: &str| {
        events
            .iter()
            .filter(|event| event["name"] == name)
            .collect::<Vec<&Value>>()
    };
    let [started] = named("started")[..] else {
        return say(&format!("not started once: {events:?}"));
    };
    let generations: Vec<u64> = named("refreshed")
        .iter()
        .filter_map(|event| event["payload"]["generation"].as_u64())
        .collect();
    let first = kept
        .acknowledged
        .iter()
        .map(|(_, generation)| u64::from(*generation))
        .min()
        .unwrap_or(1);
    // A chain without a fork has every generation once, in order.
    let chain: Vec<u64> = (first + 1..).take(generations.len()).collect();
    if generations != chain {
        return say(&format!(
            "its generations are {generations:?} after {first}"
        ));
    }
    let at = |position: &str| events.iter().find(|event| event["position"] == position);
    for (position, generation) in &kept.acknowledged {
        let generation = u64::from(*generation);
        let stored = at(position).map(|event| {
            if event["name"] == "refreshed" {
                event["payload"]["generation"].as_u64()
            } else {
                Some(first)
            }
        });
        // A repeated answer stands where the session's newest message is.
        let known = generation == first || generations.contains(&generation);
        if !known || stored.is_none() {
            return say(&format!(
                "acknowledged generation {generation} at {position}, stored {stored:?}"
            ));
        }
    }
    let ended = named("ended");
    if let Some(position) = &kept.ended
        && (ended.len() != 1 || at(position).is_none())
    {
        return say(&format!(
            "acknowledged its end at {position}, stored {ended:?}"
        ));
    }
    if ended.len() > 1 {
        return say(&format!("ended more than once: {ended:?}"));
    }

    // The read models.
    let newest = events
        .iter()
        .filter_map(|event| event["position"].as_str())
        .reduce(later)
        .unwrap_or_default();
    let call = get(format!("/v1/admin/sessions/{id}"))
        .bearer(&operator.access)
        .at_least(newest);
    let shown = service.reads(&call, 200).await?.body;
    let live = generations.last().copied().unwrap_or(first);
    if shown["generation"] != live || shown["ended"].is_null() != ended.is_empty() {
        return say(&format!("its row is {shown}, its events are {events:?}"));
    }
    let account = &started["actor"]["id"];
    if *account != kept.person.account || shown["account_id"] != *account {
        return say(&format!("its account is {account}, its row is {shown}"));
    }
    let call = get(format!("/v1/admin/accounts/{}", kept.person.account)).bearer(&operator.access);
    let row = service.reads(&call, 200).await?;
    if row.text("email") != kept.person.email {
        return say(&format!("its owner is shown as {row:?}"));
    }

    // The service.
    if ended.is_empty() {
        let call = refresh(&kept.person.refresh);
        let (one, other) = tokio::join!(service.try_ask(&call), service.try_ask(&call));
        let (Ok(one), Ok(other)) = (one, other) else {
            return say("no answer to a refresh");
        };
        // An unacknowledged rotation may have made the newest token an old one.
        let behind = u64::from(generation_of(&kept.person.refresh)) < live;
        let fine = one.status == 200
            && other.status == 200
            && one.text("refresh_token") == other.text("refresh_token");
        if !fine && !behind {
            return say(&format!("its live token got {one:?} and {other:?}"));
        }
        return Ok(());
    }
    let refused = service.wants(&verify(&kept.person.access), 401).await?;
    if refused.code() != "token_revoked" {
        return say(&format!("its access token is refused as {refused:?}"));
    }
    service.wants(&refresh(&kept.person.refresh), 401).await?;
    Ok(())
}
