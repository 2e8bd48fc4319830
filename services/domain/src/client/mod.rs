//! A client: a service that signs in as itself.

mod decide;
#[cfg(test)]
mod tests;

use countersign_events::{ClientEvent, ClientId, ClientProfile, Sealed, SecretId, Timestamp};

use crate::{Aggregate, Fact};

/// How many secrets a client has at most: one, and its successor while it is
/// rotated.
pub const MOST_SECRETS: usize = 2;

/// The state of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// What it is and may ask for; none if it was never registered.
    pub profile: Option<ClientProfile>,
    /// Its secrets, oldest first. One that has expired stays here until it is
    /// removed or makes room for another.
    pub secrets: Vec<ClientSecret>,
    /// Its public keys, a JSON Web Key Set; none if it has none.
    pub jwks: Option<String>,
    /// Whether it gets no tokens.
    pub is_disabled: bool,
    /// The sequence of its last event: the epoch of a token that is made from
    /// this state.
    pub epoch: u64,
    /// Its tokens with an older epoch are over.
    pub min_epoch: u64,
}

/// A secret of a client, whose digest is in the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSecret {
    /// Where in the vault.
    pub id: SecretId,
    /// When it was added.
    pub added_at: Timestamp,
    /// From when on it counts no more.
    pub expires_at: Option<Timestamp>,
}

impl ClientSecret {
    /// Whether it counts at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

impl Client {
    /// What the client is, if it may sign in.
    pub fn active(&self) -> Option<&ClientProfile> {
        self.profile.as_ref().filter(|_| !self.is_disabled)
    }

    /// The secrets that count at `now`.
    pub fn live_secrets(&self, now: Timestamp) -> impl Iterator<Item = &ClientSecret> {
        self.secrets
            .iter()
            .filter(move |secret| secret.is_live(now))
    }
}

/// What can be asked of a client.
#[derive(Debug, Clone)]
pub enum ClientCommand {
    /// Let it come to be.
    Register {
        /// What it is.
        profile: ClientProfile,
    },
    /// Let it be this from now on. Taking a right away ends its tokens.
    Change {
        /// What it is.
        profile: ClientProfile,
    },
    /// Give it one more secret.
    AddSecret {
        /// Where the digest is in the vault.
        secret: SecretId,
        /// From when on it counts no more.
        expires_at: Option<Timestamp>,
        /// The time.
        now: Timestamp,
    },
    /// Take a secret away, and end the tokens it may have been used for.
    RemoveSecret {
        /// Which.
        secret: SecretId,
    },
    /// Let these keys, and no others, prove it. Replacing keys ends its
    /// tokens.
    SetKeys {
        /// A key set in canonical form; none takes the keys away.
        jwks: Option<String>,
    },
    /// End every token it was given.
    EndTokens {
        /// What the operator wrote.
        note: Option<Sealed>,
    },
    /// Let it get no tokens, and end those it has.
    Disable {
        /// What the operator wrote.
        note: Option<Sealed>,
    },
    /// Let it get tokens again.
    Enable,
}

/// Why a client says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientRefusal {
    /// There is no such client.
    #[error("there is no such client")]
    Unknown,
    /// The id is taken.
    #[error("the client exists")]
    Exists,
    /// It has [`MOST_SECRETS`] that count.
    #[error("the client has as many secrets as it may have")]
    TooManySecrets,
    /// There is no such secret.
    #[error("the client has no such secret")]
    NoSuchSecret,
}

impl Aggregate for Client {
    type Id = ClientId;
    type Event = ClientEvent;
    type Command = ClientCommand;
    type Refusal = ClientRefusal;

    fn decide(&self, command: &ClientCommand) -> Result<Vec<ClientEvent>, ClientRefusal> {
        decide::decide(self, command)
    }

    fn evolve(&mut self, event: &ClientEvent, fact: Fact) {
        self.epoch = fact.sequence;
        match event {
            ClientEvent::Registered(registered) => {
                self.profile = Some(registered.profile.clone());
            }
            ClientEvent::Changed(changed) => self.profile = Some(changed.profile.clone()),
            ClientEvent::SecretAdded(added) => self.secrets.push(ClientSecret {
                id: added.secret,
                added_at: fact.occurred_at,
                expires_at: added.expires_at,
            }),
            ClientEvent::SecretRemoved(removed) => {
                self.secrets.retain(|secret| secret.id != removed.secret);
            }
            ClientEvent::KeysSet(set) => {
                self.jwks = (set.jwks != NO_KEYS).then(|| set.jwks.clone());
            }
            ClientEvent::TokensEnded(_) => self.min_epoch = fact.sequence,
            ClientEvent::Disabled(_) => self.is_disabled = true,
            ClientEvent::Enabled(_) => self.is_disabled = false,
        }
    }
}

/// A key set without keys.
const NO_KEYS: &str = r#"{"keys":[]}"#;
