//! Typed ids. All are UUIDs (RFC 9562); those that name a place in the log end
//! in a placement byte.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::{Noun, Timestamp};

/// An id that owns a subject in the log.
pub trait EntityId: Copy + Eq + core::hash::Hash + fmt::Display + Send + Sync + 'static {
    /// The noun whose subjects these ids name.
    const NOUN: Noun;

    /// From the UUID in a subject.
    fn from_uuid(uuid: Uuid) -> Self;

    /// The UUID as it stands in a subject.
    fn uuid(self) -> Uuid;

    /// The byte that places this entity: its shard is this byte modulo the
    /// number of shards.
    fn placement(self) -> u8 {
        self.uuid().as_bytes()[15]
    }
}

/// A UUIDv7 of the given moment whose last byte is `placement`.
///
/// `random` fills the other random bits; 66 of them survive, which together
/// with the millisecond makes a collision a matter of decades even at
/// thousands of ids a second.
fn placed(at: Timestamp, random: [u8; 10], placement: u8) -> Uuid {
    let millis = u64::try_from(at.as_millis()).unwrap_or_default();
    let mut bytes = *Builder::from_unix_timestamp_millis(millis, &random)
        .into_uuid()
        .as_bytes();
    bytes[15] = placement;
    Uuid::from_bytes(bytes)
}

macro_rules! uuid_newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID read from storage or a request.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

macro_rules! entity_id {
    ($name:ident, $noun:expr) => {
        impl EntityId for $name {
            const NOUN: Noun = $noun;

            fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            fn uuid(self) -> Uuid {
                self.0
            }
        }
    };
}

uuid_newtype! {
    /// An account. Its placement byte is drawn at random.
    AccountId
}
entity_id!(AccountId, Noun::Account);

impl AccountId {
    /// A new account id; the last of the `random` bytes places it.
    pub fn generate(at: Timestamp, random: [u8; 10]) -> Self {
        Self(placed(at, random, random[9]))
    }
}

uuid_newtype! {
    /// A session. It inherits the placement of its account, so that everything
    /// about one person is in one shard, in one order.
    SessionId
}
entity_id!(SessionId, Noun::Session);

impl SessionId {
    /// A new session id beside its account.
    pub fn generate(account: AccountId, at: Timestamp, random: [u8; 10]) -> Self {
        Self(placed(at, random, account.placement()))
    }
}

uuid_newtype! {
    /// The blind index of an email address: a truncated HMAC of the normalised
    /// address under a vault secret. Not a UUID of RFC 9562, only its width.
    EmailId
}
entity_id!(EmailId, Noun::Email);

uuid_newtype! {
    /// The ring of signing keys. A deployment has exactly one.
    KeyringId
}
entity_id!(KeyringId, Noun::Key);

impl KeyringId {
    /// The one keyring of a deployment.
    pub const ONLY: Self = Self(Uuid::nil());
}

uuid_newtype! {
    /// One message in the log, and with it the decision and command that made
    /// it: the id is drawn before the command is decided, is the `Nats-Msg-Id`
    /// of the append, and repeating it has no second effect.
    MessageId
}

impl MessageId {
    /// A new message id.
    pub fn generate(at: Timestamp, random: [u8; 10]) -> Self {
        Self(placed(at, random, random[9]))
    }
}

uuid_newtype! {
    /// A credential in the vault, for example a password hash.
    CredentialId
}

impl CredentialId {
    /// A new credential id beside its account.
    pub fn generate(account: AccountId, at: Timestamp, random: [u8; 10]) -> Self {
        Self(placed(at, random, account.placement()))
    }
}

uuid_newtype! {
    /// A second factor. Its bytes are those of its credential in the vault, and
    /// it is placed beside its account.
    FactorId
}
entity_id!(FactorId, Noun::Factor);

impl From<CredentialId> for FactorId {
    fn from(credential: CredentialId) -> Self {
        Self(credential.uuid())
    }
}

uuid_newtype! {
    /// A client. Its placement byte is drawn at random.
    ClientId
}
entity_id!(ClientId, Noun::Client);

impl ClientId {
    /// A new client id; the last of the `random` bytes places it.
    pub fn generate(at: Timestamp, random: [u8; 10]) -> Self {
        Self(placed(at, random, random[9]))
    }
}

uuid_newtype! {
    /// A grant: the `sid` of a token that a client was given for itself. It is
    /// placed beside its client.
    GrantId
}
entity_id!(GrantId, Noun::Grant);

impl GrantId {
    /// A new grant id beside its client.
    pub fn generate(client: ClientId, at: Timestamp, random: [u8; 10]) -> Self {
        Self(placed(at, random, client.placement()))
    }
}

uuid_newtype! {
    /// A revocation: an order to end every session of a kind. Its placement
    /// byte is drawn at random.
    RevocationId
}
entity_id!(RevocationId, Noun::Revocation);

impl RevocationId {
    /// A new revocation id; the last of the `random` bytes places it.
    pub fn generate(at: Timestamp, random: [u8; 10]) -> Self {
        Self(placed(at, random, random[9]))
    }
}

uuid_newtype! {
    /// A secret in the vault that belongs to the deployment, for example the
    /// private part of a signing key.
    SecretId
}

impl SecretId {
    /// A new secret id.
    pub fn generate(at: Timestamp, random: [u8; 10]) -> Self {
        Self(placed(at, random, random[9]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuid_v7_and_sort_by_time() {
        let early = AccountId::generate(Timestamp::from_millis(1_000), [255; 10]);
        let late = AccountId::generate(Timestamp::from_millis(1_001), [0; 10]);
        assert_eq!(early.uuid().get_version_num(), 7);
        assert!(early < late);
    }

    #[test]
    fn a_session_lives_beside_its_account() {
        for byte in 0..=255 {
            let mut random = [9; 10];
            random[9] = byte;
            let account = AccountId::generate(Timestamp::from_millis(5), random);
            let session = SessionId::generate(account, Timestamp::from_millis(6), [1; 10]);
            assert_eq!(EntityId::placement(account), byte);
            assert_eq!(EntityId::placement(session), byte);
        }
    }
}
