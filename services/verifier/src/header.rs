//! The header of a token (RFC 7515 section 4).

use crate::Refusal;
use crate::object::{Members, Text, object_from_str};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// The three header parameters that are looked at, borrowed from the token.
pub(crate) struct Header<'a> {
    typ: Option<Cow<'a, str>>,
    alg: Option<Cow<'a, str>>,
    kid: Option<Cow<'a, str>>,
    has_refused_parameter: bool,
}

impl<'a> Header<'a> {
    /// Reads a header.
    pub(crate) fn read(json: &'a str) -> Result<Self, Refusal> {
        object_from_str(json).map_err(|_| Refusal::Malformed)
    }

    /// Whether this is an access token at all (RFC 9068 section 4), and
    /// one that brings no key of its own and asks for no extension.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if !self.typ.as_deref().is_some_and(is_access_token_type) {
            return Err(Refusal::WrongType);
        }
        if self.has_refused_parameter {
            return Err(Refusal::HeaderNotAllowed);
        }
        Ok(())
    }

    /// The algorithm the token claims.
    pub(crate) fn algorithm(&self) -> Option<&str> {
        self.alg.as_deref()
    }

    /// The key the token claims.
    pub(crate) fn key_id(&self) -> Option<&str> {
        self.kid.as_deref()
    }
}

/// `at+jwt`, as a media type: any case, and `application/` may be written
/// out (RFC 9068 section 4, RFC 7515 section 4.1.9).
fn is_access_token_type(typ: &str) -> bool {
    const PREFIX: &str = "application/";
    let subtype = match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, subtype)) if prefix.eq_ignore_ascii_case(PREFIX) => subtype,
        _ => typ,
    };
    subtype.eq_ignore_ascii_case("at+jwt")
}

/// Parameters that offer a key or a place to fetch one, change what is
/// signed, nest or compress (RFC 7515 section 4.1, RFC 7516, RFC 7797).
/// Believing the first five is how verifiers are made to trust an
/// attacker's key or to call his server.
fn is_refused(parameter: &str) -> bool {
    matches!(
        parameter,
        "jwk" | "jku" | "x5u" | "x5c" | "x5t" | "x5t#S256" | "crit" | "b64" | "zip" | "enc" | "cty"
    )
}

impl<'de> Members<'de> for Header<'de> {
    const MAX_MEMBERS: usize = 16;

    fn read<D: Deserializer<'de>>(members: D) -> Result<Self, D::Error> {
        members.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header<'de>, A::Error> {
        let mut header = Header {
            typ: None,
            alg: None,
            kid: None,
            has_refused_parameter: false,
        };
        while let Some(Text(name)) = map.next_key()? {
            let member = match &*name {
                "typ" => &mut header.typ,
                "alg" => &mut header.alg,
                "kid" => &mut header.kid,
                other => {
                    header.has_refused_parameter |= is_refused(other);
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let Text(value) = map.next_value()?;
            *member = Some(value);
        }
        Ok(header)
    }
}
