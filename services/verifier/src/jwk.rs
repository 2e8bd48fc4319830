//! Reading one published key (RFC 7517 section 4, RFC 7518 section 6).

use crate::object::{Members, object_from_str};
use crate::{Algorithm, PublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

const P256_COORDINATE_BYTES: usize = 32;

/// The members of a JWK that decide whether and how it is used.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    public_key_use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    /// A secret member: the key pair, or the HMAC key, is no secret now.
    #[serde(alias = "k")]
    d: Option<IgnoredAny>,
}

impl<'de> Members<'de> for Jwk {
    const MAX_MEMBERS: usize = 32;

    fn read<D: Deserializer<'de>>(members: D) -> Result<Self, D::Error> {
        Self::deserialize(members)
    }
}

/// The key in `json`, if it is one that may sign access tokens: of a known
/// kind and algorithm, meant for signatures, without its private part, and
/// named by its own thumbprint.
pub(crate) fn read(json: &str) -> Option<PublicKey> {
    let jwk: Jwk = object_from_str(json).ok()?;
    if jwk.d.is_some()
        || jwk
            .public_key_use
            .as_deref()
            .is_some_and(|purpose| purpose != "sig")
        || jwk
            .key_ops
            .as_deref()
            .is_some_and(|ops| !ops.iter().any(|op| op == "verify"))
    {
        return None;
    }
    let key = public_key(&jwk)?;
    let has_other_algorithm = jwk
        .alg
        .as_deref()
        .is_some_and(|alg| Algorithm::from_name(alg) != Some(key.algorithm()));
    (!has_other_algorithm && jwk.kid == key.key_id()).then_some(key)
}

fn public_key(jwk: &Jwk) -> Option<PublicKey> {
    match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes(jwk.x.as_ref())?, bytes(jwk.y.as_ref())?);
            if x.len() != P256_COORDINATE_BYTES {
                return None;
            }
            PublicKey::es256(&[&[4], x.as_slice(), y.as_slice()].concat()).ok()
        }
        ("OKP", Some("Ed25519")) => PublicKey::ed25519(&bytes(jwk.x.as_ref())?).ok(),
        ("RSA", _) => PublicKey::rs256(&bytes(jwk.n.as_ref())?, &bytes(jwk.e.as_ref())?).ok(),
        _ => None,
    }
}

fn bytes(member: Option<&String>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(member?).ok()
}
