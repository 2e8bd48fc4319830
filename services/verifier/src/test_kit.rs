//! For the tests of services that embed the verifier: an issuer without a
//! network.
//!
//! ```
//! use countersign_verifier::live::{Rejection, Requirement};
//! use countersign_verifier::test_kit::TestIssuer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let issuer = TestIssuer::new("orders")?;
//! let verifier = issuer.live_verifier();
//! let token = issuer.token(|claims| claims.scope = "orders:read".into())?;
//!
//! let requirement = Requirement::new().scope("orders:read");
//! let claims = verifier.check(&token, &requirement).await?;
//!
//! issuer.revoke_session(claims.sid)?;
//! assert!(verifier.check(&token, &requirement).await.is_err());
//! # Ok(())
//! # }
//! ```

use crate::live::{DEFAULT_MAX_STALENESS, LiveVerifier};
use crate::{
    Algorithm, Audience, Claims, Full, KeyError, KeyRing, KeySet, MintError, RevocationSet,
    SigningKey, Verifier,
};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use uuid::Uuid;

/// The issuer of all test tokens.
pub const TEST_ISSUER: &str = "https://issuer.test";
/// How long a test token lives, in seconds.
const LIFETIME_SECONDS: u64 = 15 * 60;

/// An issuer with a key of its own, and one verifier that knows it.
#[derive(Debug)]
pub struct TestIssuer {
    audience: String,
    key: RwLock<Arc<SigningKey>>,
    keys: Arc<KeyRing>,
    revocations: Arc<RevocationSet>,
    live: LiveVerifier,
}

impl TestIssuer {
    /// An issuer of tokens for the service `audience`.
    pub fn new(audience: &str) -> Result<Self, KeyError> {
        let key = generate()?;
        let keys = Arc::new(KeyRing::new(published(&key)?));
        let revocations = Arc::new(RevocationSet::default());
        let verifier = Verifier::new(
            TEST_ISSUER,
            audience,
            Arc::clone(&keys),
            Arc::clone(&revocations),
        );
        Ok(Self {
            audience: audience.to_owned(),
            key: RwLock::new(Arc::new(key)),
            keys,
            revocations,
            live: LiveVerifier::by_hand(verifier, DEFAULT_MAX_STALENESS),
        })
    }

    /// A verifier as the service has one, that follows nobody and is fresh
    /// until [`Self::set_staleness`] says otherwise.
    pub fn live_verifier(&self) -> LiveVerifier {
        self.live.clone()
    }

    /// The claims of a person with two factors who signed in just now; every
    /// call draws another person and session.
    pub fn claims(&self) -> Claims {
        let now = crate::live::now_unix_seconds();
        Claims {
            iss: TEST_ISSUER.to_owned(),
            sub: Uuid::new_v4(),
            aud: Audience::from(self.audience.as_str()),
            exp: now + LIFETIME_SECONDS,
            iat: now,
            nbf: now,
            jti: Uuid::new_v4().to_string(),
            client_id: "test".to_owned(),
            sid: Uuid::new_v4(),
            epoch: 1,
            scope: String::new(),
            roles: vec!["user".to_owned()],
            acr: Some("aal2".to_owned()),
            amr: vec!["pwd".to_owned(), "otp".to_owned()],
            auth_time: Some(now),
            cnf: None,
            act: None,
        }
    }

    /// A token with [`Self::claims`], changed as the test needs it.
    pub fn token(&self, change: impl FnOnce(&mut Claims)) -> Result<String, MintError> {
        let mut claims = self.claims();
        change(&mut claims);
        self.key().mint(&claims)
    }

    /// A service's own token, as client credentials give it.
    pub fn service_token(
        &self,
        client: Uuid,
        change: impl FnOnce(&mut Claims),
    ) -> Result<String, MintError> {
        self.token(|claims| {
            claims.sub = client;
            claims.client_id = client.to_string();
            claims.roles.clear();
            claims.amr.clear();
            claims.acr = None;
            claims.auth_time = None;
            change(claims);
        })
    }

    /// Revokes one session: every token with this `sid`.
    pub fn revoke_session(&self, sid: Uuid) -> Result<(), Full> {
        self.revocations.revoke_session(sid, u64::MAX)
    }

    /// Revokes every token of an account, or of a client, with a lower epoch.
    pub fn revoke_account(&self, sub: Uuid, epoch: u64) -> Result<(), Full> {
        self.revocations.raise_epoch(sub, epoch, u64::MAX)
    }

    /// Revokes the present signing key, and every token it signed; the next
    /// tokens are signed with a new one.
    pub fn revoke_key(&self) -> Result<(), KeyError> {
        let old = self.key();
        let new = generate()?;
        let revoked = self.revocations.revoke_key(old.key_id());
        revoked.map_err(|_| KeyError::Unsuitable)?;
        self.keys.replace(published(&new)?);
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(())
    }

    /// Makes the verifier so stale from now on, or never proven at all.
    pub fn set_staleness(&self, staleness: Option<Duration>) {
        self.live.set_staleness(staleness);
    }

    fn key(&self) -> Arc<SigningKey> {
        Arc::clone(&self.key.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn generate() -> Result<SigningKey, KeyError> {
    let der = SigningKey::generate_pkcs8(Algorithm::Es256)?;
    SigningKey::from_pkcs8(Algorithm::Es256, &der)
}

fn published(key: &SigningKey) -> Result<KeySet, KeyError> {
    KeySet::from_keys([key.public_key().clone()]).map_err(|_| KeyError::Unsuitable)
}
