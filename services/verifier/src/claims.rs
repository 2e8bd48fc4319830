//! What an access token says.

use crate::Actor;
use crate::object::{Members, object};
use serde::de::{Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The claims of an access token (RFC 9068 section 2.2, and Countersign's
/// `sid` and `epoch`).
///
/// Reading is strict: a missing claim, a claim of the wrong type, `null`, a
/// claim named twice (known or not) and more than 64 claims are errors,
/// never "absent". Unknown claims are passed over (RFC 7519 section 4).
/// Times are whole Unix seconds.
///
/// A service's own token (client credentials) has a session too, its grant,
/// so that it can be revoked; only what describes a person's authentication
/// (`acr`, `amr`, `auth_time`) may be absent, and then satisfies nothing.
// `remote` makes the derived code two inherent functions, so that the trait
// can go through `object`, which refuses what derived code accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Claims {
    /// The issuer, compared byte for byte (RFC 7519 section 4.1.1).
    pub iss: String,
    /// The account (RFC 7519 section 4.1.2).
    #[serde(with = "uuid_text")]
    pub sub: Uuid,
    /// The services the token is for (RFC 7519 section 4.1.3).
    pub aud: Audience,
    /// From this second on the token is dead (RFC 7519 section 4.1.4).
    pub exp: u64,
    /// When the token was minted (RFC 7519 section 4.1.6).
    pub iat: u64,
    /// Before this second the token is not valid (RFC 7519 section 4.1.5).
    pub nbf: u64,
    /// The token's own id (RFC 7519 section 4.1.7).
    #[serde(deserialize_with = "not_empty")]
    pub jti: String,
    /// The client the token was issued to (RFC 8693 section 4.3).
    #[serde(deserialize_with = "not_empty")]
    pub client_id: String,
    /// The session, or the grant of a service.
    #[serde(with = "uuid_text")]
    pub sid: Uuid,
    /// The last account event the token's decision had seen; below the
    /// account's `min_epoch` the token is refused.
    pub epoch: u64,
    /// Scopes, separated by single spaces (RFC 8693 section 4.2); may be
    /// empty.
    pub scope: String,
    /// The account's roles at `epoch` (RFC 9068 section 2.2.3.1); may be
    /// empty.
    pub roles: Vec<String>,
    /// How strongly the person was authenticated (RFC 9068 section 2.2.1).
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub acr: Option<String>,
    /// By which methods (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// When the person was authenticated; a refresh does not change it
    /// (RFC 9470 section 6).
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub auth_time: Option<u64>,
    /// The key whose possession must be proven with the token (RFC 7800).
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub cnf: Option<Confirmation>,
    /// Who acts for the subject; absent if the subject acts itself
    /// (RFC 8693 section 4.1).
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub act: Option<Actor>,
}

impl Claims {
    /// Whether this is a service's own token (client credentials): its
    /// client is its subject, and nothing in it speaks of a person.
    pub fn is_service(&self) -> bool {
        let mut text = Uuid::encode_buffer();
        self.client_id == *self.sub.hyphenated().encode_lower(&mut text)
            && self.acr.is_none()
            && self.amr.is_empty()
            && self.auth_time.is_none()
            && self.roles.is_empty()
    }

    /// Whether `scope` is one of the token's scopes, exactly.
    pub fn has_scope(&self, scope: &str) -> bool {
        !scope.is_empty() && self.scope.split(' ').any(|own| own == scope)
    }

    /// Whether `role` is one of the token's roles, exactly.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }
}

impl Serialize for Claims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer)
    }
}

impl<'de> Members<'de> for Claims {
    const MAX_MEMBERS: usize = 64;

    fn read<D: Deserializer<'de>>(members: D) -> Result<Self, D::Error> {
        Self::deserialize(members)
    }
}

/// The audience of a token: one service or several, never none.
///
/// One is written as a string, several as an array; both are read
/// (RFC 7519 section 4.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience(Vec<String>);

impl Audience {
    /// An audience of several services; `None` if there is none, or if one
    /// has no name.
    pub fn several(services: Vec<String>) -> Option<Self> {
        let good = !services.is_empty() && services.iter().all(|one| !one.is_empty());
        good.then_some(Self(services))
    }

    /// Whether the token is for `service`, compared byte for byte.
    pub fn contains(&self, service: &str) -> bool {
        self.0.iter().any(|one| one == service)
    }

    /// The services, in the token's order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl From<&str> for Audience {
    fn from(service: &str) -> Self {
        Self(vec![service.to_owned()])
    }
}

impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => serializer.serialize_str(one),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AudienceVisitor)
    }
}

struct AudienceVisitor;

impl<'de> Visitor<'de> for AudienceVisitor {
    type Value = Audience;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a service, or an array of services that is not empty")
    }

    fn visit_str<E: Error>(self, service: &str) -> Result<Audience, E> {
        if service.is_empty() {
            return Err(E::invalid_value(Unexpected::Str(service), &self));
        }
        Ok(Audience::from(service))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Audience, A::Error> {
        let mut services = Vec::new();
        while let Some(service) = seq.next_element::<String>()? {
            services.push(service);
        }
        Audience::several(services).ok_or_else(|| A::Error::invalid_value(Unexpected::Seq, &self))
    }
}

/// The key a token is bound to (RFC 7800 section 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The thumbprint of a DPoP key (RFC 9449 section 6.1); absent if the
    /// token is bound in a way this version does not know.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    pub jkt: Option<String>,
}

/// A claim that may be absent but, unlike serde's `Option`, not `null`.
pub(crate) fn given<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Err(D::Error::invalid_value(
            Unexpected::Str(""),
            &"text that is not empty",
        ));
    }
    Ok(text)
}

/// A UUID in its hyphenated form only; the crate's own reader takes braces,
/// URNs and bare digits as well.
pub(crate) mod uuid_text {
    use super::{Deserializer, Error, Serializer, Unexpected, Uuid};
    use crate::object::Text;
    use serde::{Deserialize, Serialize};
    use uuid::fmt::Hyphenated;

    pub(crate) fn serialize<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
        id.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D>(deserializer: D) -> Result<Uuid, D::Error>
    where
        D: Deserializer<'de>,
    {
        let Text(text) = Text::deserialize(deserializer)?;
        match text.parse::<Hyphenated>() {
            Ok(id) => Ok(id.into_uuid()),
            Err(_) => Err(D::Error::invalid_value(
                Unexpected::Str(&text),
                &"a hyphenated UUID",
            )),
        }
    }
}
