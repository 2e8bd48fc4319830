//! Client secrets: 256 bits that were drawn here. The vault holds a digest.

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_domain::Client;
use countersign_events::SecretId;
use countersign_log::{SealError, VaultKey, random};
use countersign_openapi as wire;
use quick_cache::sync::Cache;
use zeroize::Zeroizing;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;

/// How secrets begin, so that scanners find one that leaked.
const PREFIX: &str = "csc_";

/// How many digests are kept in memory.
const CACHED: usize = 10_000;

/// What is kept of a secret. A secret has 256 bits of randomness, so nobody
/// finds it from its SHA-256.
#[derive(Clone, Copy)]
pub(crate) struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// Of a secret as the client sends it.
    pub(crate) fn of(secret: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
        Self(bytes)
    }

    /// As the vault keeps it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn read(bytes: &[u8]) -> Result<Self, Denied> {
        let bytes = bytes.try_into();
        bytes
            .map(Self)
            .map_err(|_| Denied::Broken("a stored digest has another length".into()))
    }

    /// Without telling by the time how much of it is right.
    fn equals(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

/// The digests that were read from the vault: a secret never changes.
pub(crate) struct Secrets(Cache<SecretId, SecretDigest>);

impl Default for Secrets {
    fn default() -> Self {
        Self(Cache::new(CACHED))
    }
}

impl Secrets {
    /// A new secret.
    pub(crate) fn draw() -> Result<wire::Secret, SealError> {
        let bytes = Zeroizing::new(random::<32>()?);
        Ok(wire::Secret::new(format!(
            "{PREFIX}{}",
            URL_SAFE_NO_PAD.encode(bytes.as_slice())
        )))
    }
}

impl App {
    /// Whether a secret is one of a client's that count.
    pub(super) async fn client_secret_is_right(
        &self,
        request: &Circumstances,
        client: &Client,
        presented: &wire::Secret,
    ) -> Result<bool, Denied> {
        let presented = SecretDigest::of(presented.expose());
        let mut is_right = false;
        for secret in client.live_secrets(request.now) {
            if let Some(stored) = self.digest(secret.id).await? {
                is_right |= stored.equals(&presented);
            }
        }
        Ok(is_right)
    }

    /// None: it was destroyed since the client was read.
    async fn digest(&self, id: SecretId) -> Result<Option<SecretDigest>, Denied> {
        let known = &self.client_secrets.0;
        if let Some(digest) = known.get(&id) {
            return Ok(Some(digest));
        }
        let Some(stored) = self.log.vault().get(VaultKey::Secret(id)).await? else {
            return Ok(None);
        };
        let digest = SecretDigest::read(&stored)?;
        known.insert(id, digest);
        Ok(Some(digest))
    }

    /// Destroys what is kept of a secret that counts no more. Whatever goes
    /// wrong, no event refers to it.
    pub(crate) async fn discard_secret(&self, id: SecretId) {
        self.client_secrets.0.remove(&id);
        if let Err(error) = self.log.vault().destroy(VaultKey::Secret(id)).await {
            tracing::warn!(%error, "a client's secret that is out of use was not destroyed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_differ_and_begin_alike() {
        let (one, two) = (Secrets::draw(), Secrets::draw());
        let (one, two) = (one.expect("randomness"), two.expect("randomness"));
        assert_ne!(one.expose(), two.expose());
        assert_eq!(one.expose().len(), PREFIX.len() + 43);
        assert!(one.expose().starts_with(PREFIX));
        let digest = SecretDigest::of(one.expose());
        assert!(digest.equals(&SecretDigest::of(one.expose())));
        assert!(!digest.equals(&SecretDigest::of(two.expose())));
    }
}
