//! A verifier that follows its issuer: keys and revocations, with a bound on
//! what it may not have heard of.
//!
//! A [`LiveVerifier`] fetches the issuer's keys, follows the feed of
//! revocations and reports back how far it has come. It knows at every moment
//! how long ago it was last *proven* complete ([`LiveVerifier::staleness`]).
//! Beyond [`LiveConfig::with_max_staleness`] it no longer trusts itself, and
//! each route says what happens then ([`WhenStale`]).
//!
//! This is the only part of the crate that reads clocks, opens connections
//! and starts tasks.

mod backoff;
mod clock;
mod config;
mod follower;
mod http;
mod keys;
mod rejection;
mod requirement;
mod service;
mod shared;
mod source;
mod sse;

use crate::{Claims, KeyRing, Refusal, RevocationSet, Verifier};
use clock::unix_now;
use keys::{Keys, Sought};
use service::Service;
use shared::Shared;
use source::Link;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use config::{
    ClientCredentials, ConfigError, DEFAULT_MAX_STALENESS, LiveConfig, MAX_MAX_STALENESS,
    NatsCredentials, Source,
};
pub use rejection::Rejection;
pub use requirement::{Requirement, WhenStale};

#[cfg(feature = "test-kit")]
pub(crate) use clock::unix_now as now_unix_seconds;

/// Checks access tokens and follows what is revoked.
///
/// Clones share everything. The tasks end with the last clone, or in good
/// order with [`Self::stop`].
#[derive(Clone)]
pub struct LiveVerifier {
    shared: Arc<Shared>,
    introspection: Option<Arc<Service>>,
    running: Option<Arc<Running>>,
}

struct Running {
    stop: CancellationToken,
    tasks: TaskTracker,
    _guard: DropGuard,
}

impl LiveVerifier {
    /// Starts following. It does not wait for anything: until it has caught
    /// up it is stale.
    ///
    /// Must be called inside a tokio runtime.
    pub fn start(config: LiveConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ConfigError::Runtime)?;
        let client = http::client()?;
        let keys_url = config.keys_url();
        let service = |base_url: &str, credentials: &ClientCredentials| {
            let (client, credentials) = (client.clone(), credentials.clone());
            Arc::new(Service::new(
                client,
                base_url,
                credentials,
                &config.feed_audience,
            ))
        };
        let introspection = config
            .introspection
            .as_ref()
            .map(|(base_url, credentials)| service(base_url, credentials));
        let feed = match &config.source {
            Source::Sse {
                base_url,
                credentials,
            } => Some(service(base_url, credentials)),
            Source::Nats { .. } => None,
        };
        let ring = Arc::new(KeyRing::default());
        let revocations = Arc::new(RevocationSet::with_max_entries(config.max_entries));
        let verifier = Verifier::new(
            config.issuer,
            config.audience,
            Arc::clone(&ring),
            revocations,
        )
        .with_leeway_seconds(config.leeway_seconds)
        .with_max_lifetime_seconds(config.max_lifetime_seconds);
        let link = Arc::new(Link::new(config.source, feed)?);
        let shared = Arc::new(Shared::new(
            config.name,
            config.max_staleness,
            verifier,
            Keys::new(ring),
        ));
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let (one, token) = (Arc::clone(&shared), stop.clone());
        tasks.spawn_on(
            async move { one.keys.keep(&client, &keys_url, token).await },
            &runtime,
        );
        let (one, token) = (Arc::clone(&shared), stop.clone());
        tasks.spawn_on(async move { one.prune(token).await }, &runtime);
        tasks.spawn_on(
            Arc::clone(&link).follow(Arc::clone(&shared), stop.clone()),
            &runtime,
        );
        tasks.spawn_on(link.reports(Arc::clone(&shared), stop.clone()), &runtime);
        tasks.close();
        Ok(Self {
            shared,
            introspection,
            running: Some(Arc::new(Running {
                _guard: stop.clone().drop_guard(),
                stop,
                tasks,
            })),
        })
    }

    /// Checks a bearer token, and what the route asks of it.
    ///
    /// Nobody is asked, but for two cases: a key that is not known leads to
    /// one fetch of the keys every ten seconds at most, and while revocations
    /// may be missing a route can have the issuer asked
    /// ([`WhenStale::Introspect`]).
    pub async fn check(&self, token: &str, requirement: &Requirement) -> Result<Claims, Rejection> {
        let audience = requirement.named_audience();
        // Read before the revocations are, and compared with the time after:
        // whatever stops this thread in between makes it staler, not fresher.
        let proven_at = self.shared.proven_at();
        let claims = match self.check_locally(token, audience) {
            Err(Refusal::UnknownKey) => self.seek_key(token, audience).await?,
            checked => checked?,
        };
        requirement.check(&claims, unix_now())?;
        if self.shared.is_fresh(proven_at) {
            return Ok(claims);
        }
        match requirement.policy() {
            WhenStale::Refuse => Err(Rejection::Stale),
            WhenStale::Introspect => self.introspect(token, &claims).await.map(|()| claims),
            WhenStale::Accept => Ok(claims),
        }
    }

    /// How long ago it was last proven that every revocation of that moment
    /// is known here; none before the first proof.
    pub fn staleness(&self) -> Option<Duration> {
        self.shared.staleness()
    }

    /// How far every shard of the log is known to be applied; none before
    /// the first proof.
    pub fn position(&self) -> Option<Vec<u64>> {
        self.shared.position()
    }

    /// Whether it has keys, and trusts itself.
    pub fn is_ready(&self) -> bool {
        let proven_at = self.shared.proven_at();
        self.shared.is_fresh(proven_at) && !self.shared.keys.ring().current().is_empty()
    }

    /// Waits until it is ready, for as long as that takes.
    pub async fn caught_up(&self) {
        self.shared.keys.first().await;
        let mut proofs = self.shared.proofs.subscribe();
        while !self.is_ready() {
            // The sender is in `self`, so waiting cannot fail.
            let _ = proofs.changed().await;
        }
    }

    /// Its own id, drawn at random, by which the deployment lists it.
    pub fn id(&self) -> Uuid {
        self.shared.id
    }

    /// The pure verifier inside: keys and revocations as they are.
    pub fn verifier(&self) -> &Verifier {
        &self.shared.verifier
    }

    /// Says good-bye to the deployment, so that nobody waits for this
    /// verifier, and stops following. It takes a second at most; from then on
    /// it grows stale.
    pub async fn stop(&self) {
        if let Some(running) = &self.running {
            running.stop.cancel();
            running.tasks.wait().await;
        }
    }

    /// One that follows nobody; its staleness is set by hand.
    #[cfg(feature = "test-kit")]
    pub(crate) fn by_hand(verifier: Verifier, max_staleness: Duration) -> Self {
        let keys = Keys::new(Arc::clone(verifier.keys()));
        let shared = Shared::new("test".to_owned(), max_staleness, verifier, keys);
        let live = Self {
            shared: Arc::new(shared),
            introspection: None,
            running: None,
        };
        live.set_staleness(Some(Duration::ZERO));
        live
    }

    #[cfg(feature = "test-kit")]
    pub(crate) fn set_staleness(&self, staleness: Option<Duration>) {
        self.shared.set_staleness(staleness);
    }

    fn check_locally(&self, token: &str, audience: Option<&str>) -> Result<Claims, Refusal> {
        let verifier = &self.shared.verifier;
        match audience {
            Some(audience) => verifier.check_for(audience, token, unix_now()),
            None => verifier.check(token, unix_now()),
        }
    }

    async fn seek_key(&self, token: &str, audience: Option<&str>) -> Result<Claims, Rejection> {
        if self.running.is_none() {
            return Err(Refusal::UnknownKey.into());
        }
        match self.shared.keys.seek().await {
            Sought::Fetched => Ok(self.check_locally(token, audience)?),
            Sought::Recent => Err(Refusal::UnknownKey.into()),
            Sought::Failed => Err(Rejection::Keys),
        }
    }

    /// Lets in whom the issuer calls active, and nobody else.
    async fn introspect(&self, token: &str, claims: &Claims) -> Result<(), Rejection> {
        let service = self.introspection.as_ref().ok_or(Rejection::Stale)?;
        let answer = service.introspect(token).await.map_err(|trouble| {
            tracing::warn!(%trouble, "a token could not be introspected");
            Rejection::Stale
        })?;
        if !answer.active {
            return Err(Refusal::Revoked.into());
        }
        let is_this = answer.sub.as_deref() == Some(claims.sub.to_string().as_str())
            && answer.exp == Some(claims.exp);
        if is_this {
            Ok(())
        } else {
            Err(Rejection::Stale)
        }
    }
}

impl fmt::Debug for LiveVerifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LiveVerifier")
            .field("id", &self.shared.id)
            .field("name", &self.shared.name)
            .finish_non_exhaustive()
    }
}
