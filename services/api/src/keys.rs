//! The signing keys: made once, sealed in the vault, published.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_domain::{Key, KeyCommand, Keyring};
use countersign_events::{Actor, Created, KeyAlgorithm, KeyringId, SecretId, Timestamp};
use countersign_log::{Log, Meta, Repository, VaultKey, random};
use countersign_verifier::{Algorithm, KeySet, PublicKey, SigningKey};
use uuid::Uuid;

use crate::denied::Denied;

/// The private key that signs and the public keys that are published.
pub(crate) struct Keys {
    /// Signs new tokens.
    pub signing: SigningKey,
    /// What verifiers accept.
    pub published: KeySet,
}

/// Loads the keyring, giving it its first key if it has none.
///
/// Any number of services may do this at once: one key wins, and the private
/// halves that lost are destroyed.
pub(crate) async fn load_or_found(log: &Log, now: Timestamp) -> Result<Keys, Denied> {
    let keyrings = Repository::<Keyring>::new(log);
    let mut ring = keyrings.current(KeyringId::ONLY).await?;
    if ring.state.active().is_none() {
        log.gate().decided().await;
        if let Err(error) = log.gate().check() {
            return remembered(log).await?.ok_or_else(|| error.into());
        }
        let private = SigningKey::generate_pkcs8(Algorithm::Es256).map_err(broken)?;
        let pair = SigningKey::from_pkcs8(Algorithm::Es256, &private).map_err(broken)?;
        let secret = SecretId::generate(now, random()?);
        log.vault()
            .create(VaultKey::Secret(secret), &private)
            .await?;
        let created = Created {
            kid: pair.key_id().to_owned(),
            algorithm: KeyAlgorithm::ES256,
            public: pair.public_key().to_base64url(),
            secret,
        };
        let meta = Meta {
            message: countersign_events::MessageId::generate(now, random()?),
            now,
            actor: Actor::System,
            account: None,
            correlation: Uuid::nil(),
            causation: None,
            trace_parent: None,
        };
        let founded = keyrings
            .execute(KeyringId::ONLY, &meta, &KeyCommand::Found(created))
            .await?;
        ring = founded.state;
        if ring.state.active().is_none_or(|key| key.secret != secret) {
            log.vault().destroy(VaultKey::Secret(secret)).await?;
        }
    }
    let active = ring
        .state
        .active()
        .ok_or_else(|| Denied::Broken("the keyring has no active key".into()))?;
    let private = log
        .vault()
        .get(VaultKey::Secret(active.secret))
        .await?
        .ok_or_else(|| Denied::Broken("the active signing key is not in the vault".into()))?;
    let signing = SigningKey::from_pkcs8(algorithm(active.algorithm), &private).map_err(broken)?;
    if signing.key_id() != active.kid {
        return Err(Denied::Broken(
            "the vault holds another key than the log says".into(),
        ));
    }
    remember(log, active).await?;
    let published = ring
        .state
        .keys
        .iter()
        .map(|key| PublicKey::from_base64url(algorithm(key.algorithm), &key.public))
        .collect::<Result<Vec<_>, _>>()
        .map_err(broken)?;
    Ok(Keys {
        signing,
        published: KeySet::from_keys(published).map_err(broken)?,
    })
}

/// Where the active key is remembered beside the log: tokens are verified, and
/// `/readyz` tells what is wrong, also on a log that has lost its keyring.
const REMEMBERED: VaultKey = VaultKey::Named("active-signing-key");

async fn remember(log: &Log, active: &Key) -> Result<(), Denied> {
    let created = Created {
        kid: active.kid.clone(),
        algorithm: active.algorithm,
        public: active.public.clone(),
        secret: active.secret,
    };
    let bytes = serde_json::to_vec(&created).map_err(broken)?;
    let known = log.vault().get(REMEMBERED).await?;
    if known.is_none_or(|known| *known != bytes) {
        log.vault().put(REMEMBERED, &bytes).await?;
    }
    Ok(())
}

/// The key that was active last, for a log that must not be appended to.
async fn remembered(log: &Log) -> Result<Option<Keys>, Denied> {
    let Some(bytes) = log.vault().get(REMEMBERED).await? else {
        return Ok(None);
    };
    let created: Created = serde_json::from_slice(&bytes).map_err(broken)?;
    let Some(private) = log.vault().get(VaultKey::Secret(created.secret)).await? else {
        return Ok(None);
    };
    let algorithm = algorithm(created.algorithm);
    let public = PublicKey::from_base64url(algorithm, &created.public).map_err(broken)?;
    Ok(Some(Keys {
        signing: SigningKey::from_pkcs8(algorithm, &private).map_err(broken)?,
        published: KeySet::from_keys([public]).map_err(broken)?,
    }))
}

fn algorithm(algorithm: KeyAlgorithm) -> Algorithm {
    match algorithm {
        KeyAlgorithm::ES256 => Algorithm::Es256,
        KeyAlgorithm::EdDSA => Algorithm::EdDsa,
    }
}

fn broken(error: impl std::fmt::Display) -> Denied {
    Denied::Broken(error.to_string())
}

/// A fresh `jti`.
pub(crate) fn token_id() -> Result<String, Denied> {
    Ok(URL_SAFE_NO_PAD.encode(random::<16>()?))
}
