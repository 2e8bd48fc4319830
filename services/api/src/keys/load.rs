//! Reading the ring: at the start, and whenever it has changed.

use std::sync::{Arc, Mutex, RwLock};

use countersign_domain::{Key, KeyCommand, KeyState, Keyring};
use countersign_events::{KeyringId, Timestamp};
use countersign_log::{GateState, Loaded, Log, Repository, Transient as _, VaultKey};
use countersign_verifier::{Algorithm, KeyRing, KeySet, PublicKey, RevocationSet, SigningKey};
use tokio::sync::Notify;

use super::{Heard, Held, Jwks, Keys, broken, fresh, remembered, retirement_window};
use crate::config::ApiConfig;
use crate::denied::Denied;

/// How many keys that were revoked lately are still told from unknown ones.
const REVOKED_KNOWN: usize = 32;

impl Keys {
    /// Reads the ring, giving it its first key if it has none.
    ///
    /// Any number of services may do this at once: one key wins, and the
    /// private halves that lost are destroyed. On a log that has lost its ring
    /// the keys are those that are remembered.
    pub(crate) async fn load_or_found(
        log: &Log,
        heard: &Heard,
        revocations: Arc<RevocationSet>,
        config: &ApiConfig,
        now: Timestamp,
    ) -> Result<Self, Denied> {
        let (ring, signing) = match first(log, &heard.keyrings, config, now).await {
            Ok(read) => read,
            Err(error) if error.passes() => return Err(error),
            Err(error) => {
                log.gate().decided().await;
                recalled(log, now).await?.ok_or(error)?
            }
        };
        let jwks = Jwks::new(&published(&ring.state)?);
        let keys = Self {
            checking: Arc::new(KeyRing::default()),
            held: RwLock::new(Arc::new(Held {
                ring: Arc::clone(&ring),
                signing: Arc::new(signing),
                jwks: Arc::new(jwks),
                is_complete: false,
            })),
            revocations,
            keyrings: heard.keyrings.clone(),
            reading: tokio::sync::Mutex::new(()),
            behind_since: Mutex::new(None),
            destroyed: tokio::sync::Mutex::default(),
            wake: Notify::new(),
        };
        keys.check_by(&ring.state, config, now)?;
        Ok(keys)
    }

    /// Whether the ring was read up to this sequence, and wholly.
    pub(super) fn has_read(&self, sequence: u64) -> bool {
        let held = self.held();
        held.is_complete && held.ring.sequence >= sequence
    }

    /// Reads the ring anew. What can be replaced is replaced even if the rest
    /// fails; the instance is never without keys.
    pub(crate) async fn read(
        &self,
        log: &Log,
        config: &ApiConfig,
        now: Timestamp,
    ) -> Result<(), Denied> {
        let _turn = self.reading.lock().await;
        let outcome = self.read_alone(log, config, now).await;
        self.is_behind(outcome.is_err());
        outcome
    }

    async fn read_alone(
        &self,
        log: &Log,
        config: &ApiConfig,
        now: Timestamp,
    ) -> Result<(), Denied> {
        let before = self.held();
        if let GateState::Damaged { .. } = log.gate().state() {
            // What the log says of its keys is not to be gone by.
            if before.is_complete {
                return Ok(());
            }
            if let Some((ring, signing)) = recalled(log, now).await? {
                self.check_by(&ring.state, config, now)?;
                self.hold(Held {
                    jwks: Arc::new(Jwks::new(&published(&ring.state)?)),
                    ring,
                    signing: Arc::new(signing),
                    is_complete: true,
                });
            }
            return Ok(());
        }
        let ring = self.keyrings.current(KeyringId::ONLY).await?;
        let active = active(&ring.state)?;
        if before.is_complete && before.ring.sequence >= ring.sequence {
            return Ok(());
        }
        self.check_by(&ring.state, config, now)?;
        let jwks = Arc::new(Jwks::new(&published(&ring.state)?));
        let hold = |signing, is_complete| {
            self.hold(Held {
                ring: Arc::clone(&ring),
                signing,
                jwks: Arc::clone(&jwks),
                is_complete,
            });
        };
        // Verifiers are told first; who signs comes after.
        hold(Arc::clone(&before.signing), false);
        let signing = if before.signing.key_id() == active.kid {
            Arc::clone(&before.signing)
        } else {
            Arc::new(signing_key(log, &ring.state).await?)
        };
        hold(Arc::clone(&signing), false);
        if log.gate().check().is_ok() {
            remembered::remember(log, &ring).await?;
            hold(signing, true);
        }
        Ok(())
    }

    /// Checks tokens by this ring from now on.
    fn check_by(&self, ring: &Keyring, config: &ApiConfig, now: Timestamp) -> Result<(), Denied> {
        let revoked = |key: &&Key| key.state == KeyState::Revoked;
        for key in ring.keys.iter().filter(revoked) {
            self.revocations.revoke_key(&key.kid).map_err(broken)?;
        }
        // Who holds a token of a key that was revoked lately is told so, and
        // refreshes it; later, the key is any unknown one.
        let window = retirement_window(config);
        let lately = |key: &&Key| key.revoked_at.is_some_and(|at| now < at.plus(window));
        let lately = ring.keys.iter().rev().filter(revoked).filter(lately);
        let keys = ring.published().chain(lately.take(REVOKED_KNOWN));
        self.checking.replace(key_set(keys)?);
        Ok(())
    }
}

async fn first(
    log: &Log,
    keyrings: &Repository<Keyring>,
    config: &ApiConfig,
    now: Timestamp,
) -> Result<(Arc<Loaded<Keyring>>, SigningKey), Denied> {
    let ring = found(log, keyrings, config, now).await?;
    let signing = signing_key(log, &ring.state).await?;
    Ok((ring, signing))
}

/// The ring as it is, with a first key.
async fn found(
    log: &Log,
    keyrings: &Repository<Keyring>,
    config: &ApiConfig,
    now: Timestamp,
) -> Result<Arc<Loaded<Keyring>>, Denied> {
    let ring = keyrings.current(KeyringId::ONLY).await?;
    if ring.state.active().is_some() {
        return Ok(ring);
    }
    log.gate().decided().await;
    log.gate().check()?;
    let created = fresh::make(log, config.signing_algorithm, now).await?;
    let command = KeyCommand::Found(created.clone());
    let meta = fresh::alone(now)?;
    let founded = fresh::put(log, keyrings, &meta, &command, Some(&created)).await?;
    Ok(founded.state)
}

/// What is remembered, if the log must not be appended to.
async fn recalled(
    log: &Log,
    now: Timestamp,
) -> Result<Option<(Arc<Loaded<Keyring>>, SigningKey)>, Denied> {
    if log.gate().check().is_ok() {
        return Ok(None);
    }
    let Some(state) = remembered::recall(log, now).await? else {
        return Ok(None);
    };
    let signing = match signing_key(log, &state).await {
        Ok(signing) => signing,
        Err(error) if error.passes() => return Err(error),
        // Nothing is signed on such a log, and tokens are checked all the
        // same; a key that is in no ring stands in.
        Err(_) => {
            let private = SigningKey::generate_pkcs8(Algorithm::Es256).map_err(broken)?;
            SigningKey::from_pkcs8(Algorithm::Es256, &private).map_err(broken)?
        }
    };
    let ring = Loaded {
        state,
        sequence: 0,
        last_message: None,
    };
    Ok(Some((Arc::new(ring), signing)))
}

fn active(ring: &Keyring) -> Result<&Key, Denied> {
    ring.active()
        .ok_or_else(|| broken("the keyring has no active key"))
}

/// The private half of the active key.
async fn signing_key(log: &Log, ring: &Keyring) -> Result<SigningKey, Denied> {
    let active = active(ring)?;
    let private = log.vault().get(VaultKey::Secret(active.secret)).await?;
    let private = private.ok_or_else(|| broken("the active signing key is not in the vault"))?;
    let algorithm = fresh::algorithm(active.algorithm);
    let signing = SigningKey::from_pkcs8(algorithm, &private).map_err(broken)?;
    if signing.key_id() != active.kid {
        return Err(broken("the vault holds another key than the log says"));
    }
    Ok(signing)
}

fn published(ring: &Keyring) -> Result<KeySet, Denied> {
    key_set(ring.published())
}

fn key_set<'a>(keys: impl Iterator<Item = &'a Key>) -> Result<KeySet, Denied> {
    let public =
        |key: &Key| PublicKey::from_base64url(fresh::algorithm(key.algorithm), &key.public);
    let keys: Vec<_> = keys.map(public).collect::<Result<_, _>>().map_err(broken)?;
    KeySet::from_keys(keys).map_err(broken)
}
