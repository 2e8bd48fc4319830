//! The ring of token-signing keys.
//!
//! A key is made and published (`next`), signs (`active`), waits until the
//! last token it signed has expired (`retiring`), and is published no more
//! (`retired`). At any moment before that it may be revoked, and then nothing
//! it ever signed counts.

mod command;
mod decide;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use core::time::Duration;

use countersign_events::{KeyAlgorithm, KeyEvent, KeyringId, SecretId, Timestamp};

use crate::{Aggregate, Fact};

pub use command::{KeyCommand, KeyRefusal, Publication, Retirement, RevokeKey, Rotate};
pub use decide::MOST_PUBLISHED;

/// Where a key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, so that verifiers know it before its first token.
    Next,
    /// It signs new tokens.
    Active,
    /// Another key signs; tokens of this one may still be valid.
    Retiring,
    /// None of its tokens is valid any more. It is not published.
    Retired,
    /// Its tokens are refused, whatever they say. It is not published.
    Revoked,
}

/// One signing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// What it signs with.
    pub algorithm: KeyAlgorithm,
    /// The public half, as in [`countersign_events::Created::public`].
    pub public: String,
    /// Where the private half is in the vault, unless it is over.
    pub secret: SecretId,
    /// Where it is in its life.
    pub state: KeyState,
    /// When it was made, and published.
    pub created_at: Timestamp,
    /// Whether an operator wants it to sign as soon as it may.
    pub is_wanted: bool,
    /// Since when it signs, or when it began to.
    pub active_at: Option<Timestamp>,
    /// When another key took its place.
    pub superseded_at: Option<Timestamp>,
    /// When it was published no more.
    pub retired_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Key {
    /// Whether verifiers are told of it.
    pub fn is_published(&self) -> bool {
        matches!(
            self.state,
            KeyState::Next | KeyState::Active | KeyState::Retiring
        )
    }

    /// Whether it never signs again, so that nobody needs its private half.
    pub fn is_over(&self) -> bool {
        matches!(self.state, KeyState::Retired | KeyState::Revoked)
    }

    /// From when on every verifier that keeps the published keys for `cache`
    /// knows it.
    pub fn known_from(&self, cache: Duration) -> Timestamp {
        self.created_at.plus(cache)
    }

    /// When it is published no more, if it was superseded, or was not any
    /// more, if it is over; `window` as in [`Retirement::window`].
    pub fn retires_at(&self, window: Duration) -> Option<Timestamp> {
        self.retired_at
            .or_else(|| self.superseded_at.map(|at| at.plus(window)))
    }
}

/// All signing keys of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keyring {
    /// Every key there ever was, oldest first.
    pub keys: Vec<Key>,
}

impl Keyring {
    /// The key that signs new tokens.
    pub fn active(&self) -> Option<&Key> {
        self.keys.iter().find(|key| key.state == KeyState::Active)
    }

    /// The key that is published and will sign.
    pub fn next(&self) -> Option<&Key> {
        self.keys.iter().find(|key| key.state == KeyState::Next)
    }

    /// The key of this id.
    pub fn get(&self, kid: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// The keys that verifiers are told of.
    pub fn published(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(|key| key.is_published())
    }

    fn change(&mut self, kid: &str, change: impl FnOnce(&mut Key)) {
        if let Some(key) = self.keys.iter_mut().find(|key| key.kid == kid) {
            change(key);
        }
    }
}

impl Aggregate for Keyring {
    type Id = KeyringId;
    type Event = KeyEvent;
    type Command = KeyCommand;
    type Refusal = KeyRefusal;

    fn decide(&self, command: &KeyCommand) -> Result<Vec<KeyEvent>, KeyRefusal> {
        decide::decide(self, command)
    }

    fn evolve(&mut self, event: &KeyEvent, fact: Fact) {
        let now = fact.occurred_at;
        match event {
            KeyEvent::Created(created) => self.keys.push(Key {
                kid: created.kid.clone(),
                algorithm: created.algorithm,
                public: created.public.clone(),
                secret: created.secret,
                state: KeyState::Next,
                created_at: now,
                is_wanted: false,
                active_at: None,
                superseded_at: None,
                retired_at: None,
                revoked_at: None,
            }),
            KeyEvent::RotationRequested(requested) => {
                self.change(&requested.kid, |key| key.is_wanted = true);
            }
            KeyEvent::Activated(activated) => {
                for key in &mut self.keys {
                    if key.kid == activated.kid {
                        key.state = KeyState::Active;
                        key.active_at = Some(now);
                    } else if key.state == KeyState::Active {
                        key.state = KeyState::Retiring;
                        key.superseded_at = Some(now);
                    }
                }
            }
            KeyEvent::Retired(retired) => self.change(&retired.kid, |key| {
                key.state = KeyState::Retired;
                key.retired_at = Some(now);
            }),
            KeyEvent::Revoked(revoked) => self.change(&revoked.kid, |key| {
                key.state = KeyState::Revoked;
                key.revoked_at = Some(now);
            }),
        }
    }
}
