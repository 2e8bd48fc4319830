//! The issuer's keys, fetched when they may have changed.

use super::backoff::Backoff;
use super::http::{self, Trouble};
use crate::{KeyRing, KeySet, MAX_JWKS_BYTES};
use futures_util::FutureExt;
use reqwest::header::CACHE_CONTROL;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Unknown key ids lead to one fetch in this time, whoever sends them.
const UNKNOWN_EVERY: Duration = Duration::from_secs(10);
/// How long a check waits for a fetch.
const WAIT: Duration = Duration::from_secs(6);
/// How long a document is good that does not say it.
const DEFAULT_AGE: Duration = Duration::from_mins(5);
const MIN_AGE: Duration = Duration::from_secs(10);
const MAX_AGE: Duration = Duration::from_hours(1);
/// After a change is heard of, whoever answers may not have heard yet.
const SECOND_LOOK: Duration = Duration::from_secs(2);

/// Keys and how they are renewed.
#[derive(Debug)]
pub(crate) struct Keys {
    ring: Arc<KeyRing>,
    /// A fetch is wanted; many that want one get one.
    wanted: Notify,
    changed: Notify,
    asked: Mutex<Asked>,
    rounds: watch::Sender<Round>,
}

/// What has been asked for.
#[derive(Debug, Default)]
struct Asked {
    /// When an unknown key id last led to a fetch.
    unknown_at: Option<Instant>,
    /// Which round that is, or was.
    target: u64,
}

/// How often was fetched.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    begun: u64,
    ended: u64,
    is_ok: bool,
}

/// What came of looking for an unknown key id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sought {
    /// The document was fetched: look again.
    Fetched,
    /// It was fetched a moment ago, without this key.
    Recent,
    /// It could not be fetched.
    Failed,
}

impl Keys {
    pub(crate) fn new(ring: Arc<KeyRing>) -> Self {
        Self {
            ring,
            wanted: Notify::new(),
            changed: Notify::new(),
            asked: Mutex::default(),
            rounds: watch::Sender::new(Round::default()),
        }
    }

    pub(crate) const fn ring(&self) -> &Arc<KeyRing> {
        &self.ring
    }

    /// The published keys changed: fetch them, now and a moment later.
    pub(crate) fn changed(&self) {
        self.changed.notify_one();
    }

    /// Looks for a key that is not known here. All who look at the same time
    /// share one fetch.
    pub(crate) async fn seek(&self) -> Sought {
        let mut rounds = self.rounds.subscribe();
        let Some(target) = self.join_round() else {
            return if rounds.borrow().is_ok {
                Sought::Recent
            } else {
                Sought::Failed
            };
        };
        let ended = rounds.wait_for(|round| round.ended >= target);
        match timeout(WAIT, ended).await {
            Ok(Ok(round)) if round.is_ok => Sought::Fetched,
            _ => Sought::Failed,
        }
    }

    /// Waits until keys were fetched for the first time.
    pub(crate) async fn first(&self) {
        let mut rounds = self.rounds.subscribe();
        // The sender is in `self`, so waiting cannot fail.
        let _ = rounds.wait_for(|_| !self.ring.current().is_empty()).await;
    }

    /// The round to wait for: the one under way, the one somebody has asked
    /// for, or a new one; none if it is too early for that.
    fn join_round(&self) -> Option<u64> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let round = *self.rounds.borrow();
        if round.begun > round.ended {
            return Some(round.begun);
        }
        if asked.target > round.ended {
            return Some(asked.target);
        }
        if asked
            .unknown_at
            .is_some_and(|at| at.elapsed() < UNKNOWN_EVERY)
        {
            return None;
        }
        asked.unknown_at = Some(Instant::now());
        asked.target = round.begun + 1;
        self.wanted.notify_one();
        Some(asked.target)
    }

    /// Keeps the keys until it is cancelled. A failed fetch keeps those there
    /// are.
    pub(crate) async fn keep(&self, client: &reqwest::Client, url: &str, stop: CancellationToken) {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        let mut second_look = false;
        while !stop.is_cancelled() {
            // Whoever has asked until now is served by this round.
            let _ = self.wanted.notified().now_or_never();
            self.rounds.send_modify(|round| round.begun += 1);
            let fetched = stop.run_until_cancelled(fetch(client, url)).await;
            let Some(fetched) = fetched else { return };
            let is_ok = fetched.is_ok();
            let mut pause = match fetched {
                Ok((set, age)) => {
                    backoff.reset();
                    self.ring.replace(set);
                    age
                }
                Err(trouble) => {
                    let known = self.ring.current().len();
                    tracing::warn!(%trouble, known, "the issuer's keys could not be fetched");
                    backoff.next()
                }
            };
            self.rounds.send_modify(|round| {
                round.ended = round.begun;
                round.is_ok = is_ok;
            });
            if std::mem::take(&mut second_look) {
                pause = pause.min(SECOND_LOOK);
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wanted.notified() => {}
                () = self.changed.notified() => second_look = true,
                _ = timeout(pause, std::future::pending::<()>()) => {}
            }
        }
    }
}

/// The document, and after how long it is to be fetched again.
async fn fetch(client: &reqwest::Client, url: &str) -> Result<(KeySet, Duration), Trouble> {
    let request = client
        .get(url)
        .header(CACHE_CONTROL, "no-cache")
        .timeout(http::TIMEOUT);
    let response = http::ok(request).await?;
    let header = response.headers().get(CACHE_CONTROL);
    let age = max_age(header.and_then(|value| value.to_str().ok()));
    let body = http::body(response, MAX_JWKS_BYTES).await?;
    let json = std::str::from_utf8(&body).map_err(|_| Trouble::Malformed)?;
    let set = KeySet::from_jwks(json).map_err(|_| Trouble::Malformed)?;
    // An issuer always has a key; a document without one is somebody's
    // mistake. What is revoked is refused whatever is published.
    if set.is_empty() {
        return Err(Trouble::Malformed);
    }
    Ok((set, age))
}

/// When to fetch again: well before the document is too old (RFC 9111
/// section 5.2.2.1).
fn max_age(cache_control: Option<&str>) -> Duration {
    let directives = cache_control.unwrap_or_default().split(',');
    let age = directives
        .filter_map(|directive| directive.trim().split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("max-age"))
        .and_then(|(_, value)| value.trim_matches('"').parse().ok())
        .map_or(DEFAULT_AGE, Duration::from_secs);
    (age.min(MAX_AGE) * 4 / 5).max(MIN_AGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_again_before_they_are_too_old() {
        let seconds = |header: Option<&str>| max_age(header).as_secs();
        assert_eq!(seconds(Some("public, max-age=300")), 240);
        assert_eq!(seconds(Some("Max-Age=\"100\"")), 80);
        assert_eq!(seconds(None), 240);
        assert_eq!(seconds(Some("max-age=x")), 240);
        assert_eq!(seconds(Some("no-store, max-age=0")), 10);
        assert_eq!(seconds(Some("max-age=99999999999")), 48 * 60);
    }
}
