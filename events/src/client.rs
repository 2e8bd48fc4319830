//! What happens to a client: a service that signs in as itself.

use serde::{Deserialize, Serialize};

use crate::set::event_set;
use crate::{Noun, Sealed, SecretId, Timestamp};

event_set! {
    /// Events on `client` subjects. Nothing that happens at every token goes
    /// here: a client lives for ever.
    pub enum ClientEvent for ClientId (Noun::Client) {
        /// The client may ask for tokens, once it has a way to prove itself.
        Registered = "registered" 1,
        /// What the client is and may ask for is this from now on.
        Changed = "changed" 1,
        /// The client has one more secret.
        SecretAdded = "secret_added" 1,
        /// A secret counts no more.
        SecretRemoved = "secret_removed" 1,
        /// The client proves itself with these keys, and with no others.
        KeysSet = "keys_set" 1,
        /// Every token the client was given before is refused.
        TokensEnded = "tokens_ended" 1,
        /// The client gets no tokens until it is enabled.
        Disabled = "disabled" 1,
        /// The client gets tokens again.
        Enabled = "enabled" 1,
    }
}

/// What a client is and may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientProfile {
    /// What people call it.
    pub name: String,
    /// The audiences of the tokens it accepts: those it may introspect and
    /// exchange.
    pub serves: Vec<String>,
    /// The audiences it may ask tokens for.
    pub audiences: Vec<String>,
    /// The scopes it may ask for.
    pub scopes: Vec<String>,
}

/// The client may ask for tokens, once it has a way to prove itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registered {
    /// What it is.
    pub profile: ClientProfile,
}

/// What the client is and may ask for is this from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changed {
    /// What it is.
    pub profile: ClientProfile,
}

/// The client has one more secret. The vault holds a digest of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretAdded {
    /// Where the digest is in the vault.
    pub secret: SecretId,
    /// From when on it counts no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A secret counts no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretRemoved {
    /// Which.
    pub secret: SecretId,
}

/// The client proves itself with these keys (RFC 7523), and with no others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysSet {
    /// A JSON Web Key Set of public keys (RFC 7517); one without keys takes
    /// them away.
    pub jwks: String,
}

/// Every token the client was given before is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokensEnded {
    /// What the operator wrote, sealed under the operator's data key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Sealed>,
}

/// The client gets no tokens until it is enabled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disabled {}

/// The client gets tokens again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enabled {}
