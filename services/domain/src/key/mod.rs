//! The ring of token-signing keys.

use countersign_events::{
    Activated, Created, KeyAlgorithm, KeyEvent, KeyringId, SecretId, Timestamp,
};

use crate::{Aggregate, Fact};

/// One signing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// What it signs with.
    pub algorithm: KeyAlgorithm,
    /// The public half, as in [`Created::public`].
    pub public: String,
    /// Where the private half is in the vault.
    pub secret: SecretId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// All signing keys of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keyring {
    /// Every published key, oldest first.
    pub keys: Vec<Key>,
    active: Option<String>,
}

/// What can be asked of the ring.
#[derive(Debug, Clone)]
pub enum KeyCommand {
    /// Give an empty ring its first key, which signs at once: nobody can have
    /// cached a key set that lacks it. On a ring that has a key, nothing
    /// happens, so several services may start at the same time.
    Found(Created),
}

/// Why the ring says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {}

impl Keyring {
    /// The key that signs new tokens.
    pub fn active(&self) -> Option<&Key> {
        let kid = self.active.as_deref()?;
        self.keys.iter().find(|key| key.kid == kid)
    }
}

impl Aggregate for Keyring {
    type Id = KeyringId;
    type Event = KeyEvent;
    type Command = KeyCommand;
    type Refusal = KeyRefusal;

    fn decide(&self, command: &KeyCommand) -> Result<Vec<KeyEvent>, KeyRefusal> {
        let KeyCommand::Found(created) = command;
        if !self.keys.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![
            created.clone().into(),
            Activated {
                kid: created.kid.clone(),
            }
            .into(),
        ])
    }

    fn evolve(&mut self, event: &KeyEvent, fact: Fact) {
        match event {
            KeyEvent::Created(created) => self.keys.push(Key {
                kid: created.kid.clone(),
                algorithm: created.algorithm,
                public: created.public.clone(),
                secret: created.secret,
                created_at: fact.occurred_at,
            }),
            KeyEvent::Activated(activated) => self.active = Some(activated.kid.clone()),
            KeyEvent::Retired(_) | KeyEvent::Revoked(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::testing::Given;

    fn created(kid: &str) -> Created {
        Created {
            kid: kid.into(),
            algorithm: KeyAlgorithm::ES256,
            public: "BA".into(),
            secret: SecretId::from_uuid(Uuid::nil()),
        }
    }

    #[test]
    fn an_empty_ring_gets_its_first_key_and_signs_with_it() {
        let activated = Activated { kid: "a".into() };
        Given::<Keyring>::nothing()
            .when(KeyCommand::Found(created("a")))
            .then([created("a").into(), activated.clone().into()]);
        let ring = Given::<Keyring>::events([created("a").into(), activated.into()]).state();
        assert_eq!(ring.active().map(|key| key.kid.as_str()), Some("a"));
    }

    #[test]
    fn a_second_founder_changes_nothing() {
        Given::<Keyring>::events([created("a").into()])
            .when(KeyCommand::Found(created("b")))
            .then([]);
    }
}
