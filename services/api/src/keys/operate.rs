//! What operators do with keys.

use countersign_domain::{Key, KeyCommand, KeyState, Keyring, Publication, RevokeKey, Rotate};
use countersign_events::{AccountId, Actor, Created, KeyEvent, KeyringId, Position, Sealed};
use countersign_log::{Executed, Meta};

use super::{broken, fresh, publication_time};
use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;

/// What became of an operator's wish.
pub(crate) struct Rotated {
    /// The key that signs or will, or that was revoked.
    pub(crate) key: Key,
    /// Where the ring stands in the log.
    pub(crate) position: Position,
    /// Whether something happened.
    pub(crate) is_news: bool,
}

impl App {
    /// Lets another key sign: as soon as every verifier can know it, or at
    /// once if forced.
    pub(crate) async fn rotate_keys(
        &self,
        request: &Circumstances,
        operator: AccountId,
        reason: &str,
        is_forced: bool,
    ) -> Result<Rotated, Denied> {
        let ring = self.keys.keyrings.current(KeyringId::ONLY).await?;
        let active = ring
            .state
            .active()
            .ok_or_else(|| broken("no key is active"))?;
        let (meta, note) = self.noted(request, operator, reason).await?;
        // A new one is not known to anybody: the ring lets it wait.
        let (created, lacking) = match ring.state.next() {
            Some(next) => (None, self.holders(&next.kid).lacking.len()),
            None => (Some(self.fresh_key(request).await?), 0),
        };
        let command = KeyCommand::Rotate(Rotate {
            replaces: active.kid.clone(),
            fresh: created.clone(),
            is_forced,
            publication: Publication {
                now: request.now,
                cache: publication_time(&self.config),
                lacking,
            },
            note: Some(note),
        });
        let done = self.turn_for(&meta, &command, created.as_ref()).await?;
        let ring = &done.state.state;
        let active_now = ring.active().ok_or_else(|| broken("no key is active"))?;
        let key = match ring.next() {
            Some(next) if active_now.kid == active.kid => next,
            _ => active_now,
        };
        Ok(Rotated {
            key: key.clone(),
            position: done.position,
            is_news: !done.events.is_empty(),
        })
    }

    /// Refuses everything a key has signed and will ever sign, everywhere
    /// within the stated bound and here at once.
    pub(crate) async fn revoke_key(
        &self,
        request: &Circumstances,
        operator: AccountId,
        kid: &str,
        reason: &str,
    ) -> Result<Rotated, Denied> {
        let ring = self.keys.keyrings.current(KeyringId::ONLY).await?;
        let key = ring.state.get(kid).ok_or(Denied::NotFound)?;
        let (meta, note) = self.noted(request, operator, reason).await?;
        let created = match (key.state, ring.state.next()) {
            (KeyState::Active, None) => Some(self.fresh_key(request).await?),
            _ => None,
        };
        let command = KeyCommand::Revoke(RevokeKey {
            kid: kid.to_owned(),
            note: Some(note),
            fresh: created.clone(),
        });
        let done = self.turn_for(&meta, &command, created.as_ref()).await?;
        if let Err(error) = self.destroy_private_halves().await {
            tracing::warn!(%error, "the private half of a revoked key is destroyed later");
        }
        let key = done.state.state.get(kid).ok_or(Denied::NotFound)?;
        Ok(Rotated {
            key: key.clone(),
            position: done.position,
            is_news: !done.events.is_empty(),
        })
    }

    /// Every key there ever was, the newest first, with who revoked it.
    pub(crate) async fn list_keys(&self) -> Result<Vec<(Key, Option<Actor>)>, Denied> {
        let ring = self.keys.keyrings.current(KeyringId::ONLY).await?;
        let mut revokers = Vec::new();
        let subject = self.log.subject_of(KeyringId::ONLY);
        for message in self.log.history(subject, 1).await? {
            let envelope = message.envelope()?;
            for event in envelope.events::<KeyEvent>().map_err(broken)? {
                if let KeyEvent::Revoked(revoked) = event {
                    revokers.push((revoked.kid, envelope.header().actor));
                }
            }
        }
        let revoker = |key: &Key| {
            let found = revokers.iter().find(|(kid, _)| *kid == key.kid);
            found.map(|(_, actor)| *actor)
        };
        let keys = ring.state.keys.iter().rev();
        Ok(keys.map(|key| (key.clone(), revoker(key))).collect())
    }

    async fn fresh_key(&self, request: &Circumstances) -> Result<Created, Denied> {
        fresh::make(&self.log, self.config.signing_algorithm, request.now).await
    }

    /// The circumstances of an operator's command, and why, sealed.
    async fn noted(
        &self,
        request: &Circumstances,
        operator: AccountId,
        reason: &str,
    ) -> Result<(Meta, Sealed), Denied> {
        let meta = request.meta(Actor::Account(operator), Some(operator))?;
        let key = self.data_key(operator).await?;
        let note = key.seal(reason, operator, meta.message, "note")?;
        Ok((meta, note))
    }

    async fn turn_for(
        &self,
        meta: &Meta,
        command: &KeyCommand,
        created: Option<&Created>,
    ) -> Result<Executed<Keyring>, Denied> {
        let keyrings = &self.keys.keyrings;
        let done = fresh::put(&self.log, keyrings, meta, command, created).await?;
        // It is done; if it cannot be read back here now, it will be.
        if let Err(error) = self.keys.read(&self.log, &self.config, meta.now).await {
            tracing::warn!(%error, "the signing keys are not read yet");
        }
        self.keys.wake();
        Ok(done)
    }
}
