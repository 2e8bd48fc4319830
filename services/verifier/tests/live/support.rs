//! A verifier that follows the made-up service.

use crate::service::{CLIENT, FakeService, SECRET, signing_key};
use countersign_verifier::live::{
    ClientCredentials, LiveConfig, LiveVerifier, Rejection, Requirement, Source,
};
use countersign_verifier::{Audience, Claims, SigningKey};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

pub(crate) const AUDIENCE: &str = "orders";
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct World {
    pub(crate) key: SigningKey,
    pub(crate) service: FakeService,
}

impl World {
    /// A service with a feed of one beat.
    pub(crate) async fn new() -> Self {
        let key = signing_key();
        let service = FakeService::start(&key).await;
        service.beat().await;
        Self { key, service }
    }

    pub(crate) fn config(&self) -> LiveConfig {
        let url = self.service.url.clone();
        let credentials = ClientCredentials {
            client_id: CLIENT.into(),
            client_secret: SECRET.into(),
        };
        let source = Source::Sse {
            base_url: url.clone(),
            credentials,
        };
        LiveConfig::new(url, AUDIENCE, source).with_name("orders-test")
    }

    pub(crate) fn start(&self) -> LiveVerifier {
        LiveVerifier::start(self.config()).expect("good settings")
    }

    pub(crate) async fn caught_up(&self) -> LiveVerifier {
        let verifier = self.start();
        soon(verifier.caught_up()).await;
        verifier
    }

    pub(crate) fn claims(&self) -> Claims {
        let now = unix_now();
        Claims {
            iss: self.service.url.clone(),
            sub: Uuid::new_v4(),
            aud: Audience::from(AUDIENCE),
            exp: now + 900,
            iat: now,
            nbf: now,
            jti: "1".into(),
            client_id: "web".into(),
            sid: Uuid::new_v4(),
            epoch: 1,
            scope: "orders:read".into(),
            roles: vec!["user".into()],
            acr: None,
            amr: Vec::new(),
            auth_time: None,
            cnf: None,
            act: None,
        }
    }

    pub(crate) fn token(&self) -> (String, Claims) {
        let claims = self.claims();
        (self.key.mint(&claims).expect("a token"), claims)
    }
}

/// Checks without further requirement.
pub(crate) async fn check(verifier: &LiveVerifier, token: &str) -> Result<Claims, Rejection> {
    verifier.check(token, &Requirement::new()).await
}

#[expect(clippy::disallowed_methods, reason = "tokens are checked as of now")]
pub(crate) fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

/// Waits for what must come.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it comes soon")
}

/// Waits until it is so.
#[track_caller]
pub(crate) fn eventually(mut is_so: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let deadline = Instant::now() + PATIENCE;
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        while !is_so().await {
            assert!(Instant::now() < deadline, "it never came: {caller}");
            looks.tick().await;
        }
    }
}
