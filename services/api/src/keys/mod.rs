//! The signing keys: sealed in the vault, published, and changed while
//! everything runs.
//!
//! [`Keys`] holds what this instance knows of the ring: the key it signs with
//! and the keys that are published. A task follows the ring and replaces both
//! whole; whoever signs or answers in between goes on with what it took.

mod follow;
mod fresh;
mod holders;
mod jwks;
mod load;
mod operate;
mod remembered;
mod rotation;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_domain::{KeyState, Keyring};
use countersign_events::SecretId;
use countersign_feed::Feed;
use countersign_log::{Loaded, Log, RawMessage, Repository, random};
use countersign_verifier::{Claims, KeyRing, RevocationSet, SigningKey};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::app::App;
use crate::config::{ApiConfig, MAX_ACCESS_TOKEN};
use crate::denied::Denied;

pub(crate) use follow::follow;
pub(crate) use jwks::{Jwks, JwksAnswer};
pub(crate) use rotation::Rotation;

/// How long an instance signs that has not heard from the log, or could not
/// read the ring: a superseded key is published at least that much longer than
/// its last token could live if it had been superseded at once everywhere.
const LATE: Duration = Duration::from_mins(5);

/// How long an instance may be behind before what it publishes is told to be
/// older than it looks: a new key waits that much longer for its first token.
const SETTLED: Duration = Duration::from_secs(10);

/// How long after a key was superseded a token of it can be valid.
pub(crate) fn retirement_window(config: &ApiConfig) -> Duration {
    LATE + MAX_ACCESS_TOKEN + config.clock_skew
}

/// How long a key is published before it signs.
pub(crate) fn publication_time(config: &ApiConfig) -> Duration {
    config.jwks_cache + SETTLED
}

/// What one reading of the ring has brought.
pub(crate) struct Held {
    /// The ring as it was read.
    pub(crate) ring: Arc<Loaded<Keyring>>,
    /// Signs new tokens. While the key that is active by the ring cannot be
    /// read, the one of before.
    pub(crate) signing: Arc<SigningKey>,
    /// What verifiers are answered.
    pub(crate) jwks: Arc<Jwks>,
    /// Whether nothing of the ring waits to be read or kept.
    is_complete: bool,
}

impl Held {
    /// Whether tokens of the key that signs here are believed.
    fn may_sign(&self) -> bool {
        let key = self.ring.state.get(self.signing.key_id());
        key.is_some_and(|key| matches!(key.state, KeyState::Active | KeyState::Retiring))
    }
}

/// The keys of this instance.
pub(crate) struct Keys {
    held: RwLock<Arc<Held>>,
    /// What tokens are checked with here.
    checking: Arc<KeyRing>,
    revocations: Arc<RevocationSet>,
    /// The ring, from the log.
    pub(crate) keyrings: Repository<Keyring>,
    /// Held by who reads the ring anew.
    reading: tokio::sync::Mutex<()>,
    /// Since when there is something that has not been read.
    behind_since: Mutex<Option<Instant>>,
    /// Private halves that are known to be destroyed: two words for each key
    /// there ever was.
    destroyed: tokio::sync::Mutex<HashSet<SecretId>>,
    /// Wakes the rotation.
    wake: Notify,
}

/// The ring in the log, and how far the feed has told of it.
#[derive(Clone)]
pub(crate) struct Heard {
    keyrings: Repository<Keyring>,
    /// The sequence of the last message that was seen.
    told: watch::Sender<u64>,
}

impl Heard {
    pub(crate) fn new(log: &Log) -> Self {
        Self {
            keyrings: Repository::new(log),
            told: watch::Sender::new(0),
        }
    }

    /// Tells of a message about the ring.
    pub(crate) fn seen(&self, message: &RawMessage) {
        self.keyrings.seen(message);
        let sequence = message.position.sequence;
        self.told.send_if_modified(|told| {
            let is_news = *told < sequence;
            *told = sequence.max(*told);
            is_news
        });
    }

    /// Follows how far was told.
    pub(crate) fn told(&self) -> watch::Receiver<u64> {
        self.told.subscribe()
    }
}

impl Keys {
    /// What is held now.
    pub(crate) fn held(&self) -> Arc<Held> {
        Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What tokens are checked with here.
    pub(crate) fn checking(&self) -> &Arc<KeyRing> {
        &self.checking
    }

    /// Lets the rotation look at the ring now.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    fn hold(&self, held: Held) {
        let held = Arc::new(held);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = held;
    }

    fn is_behind(&self, is_behind: bool) {
        let mut since = self
            .behind_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *since = is_behind.then(|| since.unwrap_or_else(Instant::now));
    }

    /// For how long the ring may have been another than the one held.
    pub(crate) fn unproven_for(&self, feed: &Feed) -> Duration {
        let since = *self
            .behind_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let behind = since.map_or(Duration::ZERO, |since| since.elapsed());
        feed.staleness().unwrap_or(Duration::MAX).max(behind)
    }

    /// How long what is published may be kept.
    pub(crate) fn max_age(&self, config: &ApiConfig, feed: &Feed) -> Duration {
        kept_for(config.jwks_cache, self.unproven_for(feed))
    }
}

impl App {
    /// Mints an access token with the key of the moment.
    pub(crate) fn sign(&self, claims: &Claims) -> Result<String, Denied> {
        let held = self.keys.held();
        if !held.may_sign() || self.keys.unproven_for(&self.feed) > LATE {
            return Err(Denied::NoKey);
        }
        held.signing
            .mint(claims)
            .map_err(|error| Denied::Broken(error.to_string()))
    }

    /// The key that signs here now.
    pub fn signing_key(&self) -> Arc<SigningKey> {
        Arc::clone(&self.keys.held().signing)
    }
}

/// A fresh `jti`.
pub(crate) fn token_id() -> Result<String, Denied> {
    Ok(URL_SAFE_NO_PAD.encode(random::<16>()?))
}

fn broken(error: impl std::fmt::Display) -> Denied {
    Denied::Broken(error.to_string())
}

/// How long what was published may be kept by who is told so this long after
/// it was known to be right.
fn kept_for(cache: Duration, unproven: Duration) -> Duration {
    if unproven <= SETTLED {
        cache
    } else {
        cache.saturating_sub(unproven)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_keeps_what_was_published_for_longer_than_a_new_key_waits() {
        let config = ApiConfig::default();
        for unproven in 0..1_000 {
            let unproven = Duration::from_secs(unproven);
            let kept = kept_for(config.jwks_cache, unproven);
            assert!(unproven + kept <= publication_time(&config) || kept.is_zero());
        }
        assert_eq!(kept_for(config.jwks_cache, SETTLED), config.jwks_cache);
        assert_eq!(kept_for(config.jwks_cache, LATE), Duration::ZERO);
    }

    #[test]
    fn a_key_outlives_the_last_token_of_the_last_instance_to_hear() {
        let config = ApiConfig::default();
        let last = LATE + MAX_ACCESS_TOKEN;
        assert!(retirement_window(&config) >= last + config.clock_skew);
    }
}
