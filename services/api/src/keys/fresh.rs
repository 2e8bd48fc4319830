//! Making keys, and destroying those that nobody needs.

use countersign_domain::{KeyCommand, Keyring};
use countersign_events::{Actor, Created, KeyAlgorithm, KeyringId, MessageId, SecretId, Timestamp};
use countersign_log::{ExecuteError, Executed, Log, LogError, Meta, Repository, VaultKey, random};
use countersign_verifier::{Algorithm, SigningKey};
use uuid::Uuid;

use super::broken;
use crate::denied::Denied;

/// Makes a key and seals its private half in the vault.
pub(super) async fn make(
    log: &Log,
    algorithm: KeyAlgorithm,
    now: Timestamp,
) -> Result<Created, Denied> {
    let made = self::algorithm(algorithm);
    let private = SigningKey::generate_pkcs8(made).map_err(broken)?;
    let pair = SigningKey::from_pkcs8(made, &private).map_err(broken)?;
    let secret = SecretId::generate(now, random()?);
    let stored = log.vault().create(VaultKey::Secret(secret), &private);
    if !stored.await? {
        return Err(broken("a secret id was drawn twice"));
    }
    Ok(Created {
        kid: pair.key_id().to_owned(),
        algorithm,
        public: pair.public_key().to_base64url(),
        secret,
    })
}

/// Puts a command to the ring. If the ring did not take the fresh key that
/// came with it, its private half is destroyed.
pub(super) async fn put(
    log: &Log,
    keyrings: &Repository<Keyring>,
    meta: &Meta,
    command: &KeyCommand,
    fresh: Option<&Created>,
) -> Result<Executed<Keyring>, Denied> {
    let outcome = keyrings.execute(KeyringId::ONLY, meta, command).await;
    let is_lost = |fresh: &&Created| match &outcome {
        Ok(executed) => executed.state.state.get(&fresh.kid).is_none(),
        // It may be in the log all the same, and then it is needed.
        Err(ExecuteError::Failed(LogError::Unknown)) => false,
        Err(_) => true,
    };
    if let Some(lost) = fresh.filter(is_lost)
        && let Err(error) = log.vault().destroy(VaultKey::Secret(lost.secret)).await
    {
        // It never signed anything, and it is sealed.
        tracing::warn!(%error, "a key that is not needed could not be destroyed");
    }
    Ok(outcome?)
}

/// The circumstances of what nobody asked for.
pub(super) fn alone(now: Timestamp) -> Result<Meta, Denied> {
    Ok(Meta {
        message: MessageId::generate(now, random()?),
        now,
        actor: Actor::System,
        account: None,
        correlation: Uuid::nil(),
        causation: None,
        trace_parent: None,
    })
}

pub(super) fn algorithm(algorithm: KeyAlgorithm) -> Algorithm {
    match algorithm {
        KeyAlgorithm::ES256 => Algorithm::Es256,
        KeyAlgorithm::EdDSA => Algorithm::EdDsa,
    }
}
