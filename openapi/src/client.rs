//! Services that sign in as themselves.

use poem_openapi::types::{Any, Example};
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::{Uuid, uuid};

use crate::Secret;

/// What a client is and may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct ClientProfile {
    /// What people call it, 1 to 60 characters.
    pub name: String,
    /// The audiences of the tokens it accepts: those it may introspect, and
    /// exchange for others.
    #[oai(default)]
    #[serde(default)]
    pub serves: Vec<String>,
    /// The audiences it may ask tokens for.
    #[oai(default)]
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The scopes it may ask for.
    #[oai(default)]
    #[serde(default)]
    pub scopes: Vec<String>,
}

impl Example for ClientProfile {
    fn example() -> Self {
        Self {
            name: "Orders".to_owned(),
            serves: vec!["https://orders.example.com".to_owned()],
            audiences: vec!["https://stock.example.com".to_owned()],
            scopes: vec!["stock:read".to_owned()],
        }
    }
}

/// Whether a client gets tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum ClientState {
    /// It gets tokens, if it proves itself.
    Active,
    /// It gets none, and those it has are refused.
    Disabled,
}

/// A secret of a client, without what is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct ClientSecret {
    /// Its id.
    pub id: Uuid,
    /// When it was added.
    #[serde(with = "time::serde::rfc3339")]
    pub added_at: OffsetDateTime,
    /// From when on it counts no more; null if it does not expire.
    #[oai(nullable)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
}

impl Example for ClientSecret {
    fn example() -> Self {
        Self {
            id: uuid!("019a2b3c-6d01-7a10-8b00-4c5d6e7f8007"),
            added_at: datetime!(2026-11-22 14:03:07 UTC),
            expires_at: None,
        }
    }
}

/// A service that signs in as itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Client {
    /// Its id: its `client_id`, and the `sub` of its tokens.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// The audiences of the tokens it accepts.
    pub serves: Vec<String>,
    /// The audiences it may ask tokens for.
    pub audiences: Vec<String>,
    /// The scopes it may ask for.
    pub scopes: Vec<String>,
    /// Whether it gets tokens.
    pub state: ClientState,
    /// Its secrets, oldest first: two at most that have not expired.
    pub secrets: Vec<ClientSecret>,
    /// The ids of its public keys.
    pub key_ids: Vec<String>,
    /// When it was registered.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Where its last change stands in the log.
    pub position: String,
}

impl Example for Client {
    fn example() -> Self {
        let ClientProfile {
            name,
            serves,
            audiences,
            scopes,
        } = ClientProfile::example();
        Self {
            id: uuid!("019a2b3c-6d00-7a00-8b00-4c5d6e7f8007"),
            name,
            serves,
            audiences,
            scopes,
            state: ClientState::Active,
            secrets: vec![ClientSecret::example()],
            key_ids: Vec::new(),
            created_at: datetime!(2026-11-22 14:03:07 UTC),
            position: "7.12".to_owned(),
        }
    }
}

/// A client that has come to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct ClientRegistered {
    /// Its id. It has no way to prove itself yet: add a secret, or set keys.
    pub id: Uuid,
}

impl Example for ClientRegistered {
    fn example() -> Self {
        Self {
            id: Client::example().id,
        }
    }
}

/// How a new secret shall be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct AddClientSecret {
    /// After how many days it counts no more; left out if it does not expire.
    #[oai(
        skip_serializing_if_is_none,
        validator(minimum(value = "1"), maximum(value = "3650"))
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<u16>,
}

impl Example for AddClientSecret {
    fn example() -> Self {
        Self {
            expires_in_days: Some(365),
        }
    }
}

/// A new secret. It is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct NewClientSecret {
    /// The secret's id, to remove it by.
    pub id: Uuid,
    /// Whose it is: the `client_id` that goes with it.
    pub client_id: Uuid,
    /// The `client_secret`.
    pub secret: Secret,
    /// From when on it counts no more; null if it does not expire.
    #[oai(nullable)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
}

impl Example for NewClientSecret {
    fn example() -> Self {
        Self {
            id: ClientSecret::example().id,
            client_id: Client::example().id,
            secret: Secret::new("csc_6v3pXo0y0uUQm6H0bYgq7bq0m8m4mVxCkzqJcX1nZ2A"),
            expires_at: None,
        }
    }
}

/// The public keys of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct ClientKeys {
    /// A JSON Web Key Set (RFC 7517) of at most eight public keys, P-256 or
    /// Ed25519, each with its RFC 7638 thumbprint as `kid`. Without keys, the
    /// client has none from now on.
    #[serde(with = "any")]
    pub jwks: Any<Value>,
}

impl Example for ClientKeys {
    fn example() -> Self {
        Self {
            jwks: Any(json!({ "keys": [{
                "kty": "OKP",
                "crv": "Ed25519",
                "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            }] })),
        }
    }
}

/// `Any` is a wrapper for poem-openapi; on the wire it is the value alone.
mod any {
    use poem_openapi::types::Any;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    pub(super) fn serialize<S: Serializer>(
        value: &Any<Value>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.0.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Any<Value>, D::Error> {
        Value::deserialize(deserializer).map(Any)
    }
}
