//! Public signing keys.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::{Deserialize, Serialize};

/// A public key (RFC 7517), to verify access tokens with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct Jwk {
    /// The family: `EC`, `OKP` or `RSA`.
    pub kty: String,
    /// What it is for: `sig`.
    #[serde(rename = "use")]
    #[oai(rename = "use")]
    pub usage: String,
    /// Its id: the RFC 7638 thumbprint.
    pub kid: String,
    /// The one algorithm it is good for: `ES256`, `EdDSA` or `RS256`.
    pub alg: String,
    /// The curve, of `EC` and `OKP` keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// The x coordinate, or the public key of `OKP`, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// The y coordinate, of `EC` keys, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// The modulus, of `RSA` keys, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// The exponent, of `RSA` keys, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
}

impl Example for Jwk {
    fn example() -> Self {
        Self {
            kty: "EC".to_owned(),
            usage: "sig".to_owned(),
            kid: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".to_owned(),
            alg: "ES256".to_owned(),
            crv: Some("P-256".to_owned()),
            x: Some("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU".to_owned()),
            y: Some("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0".to_owned()),
            n: None,
            e: None,
        }
    }
}

/// The keys that tokens are, were until a moment ago, or soon will be signed
/// with (RFC 7517 section 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Jwks {
    /// In no order that means anything: choose by `kid`.
    pub keys: Vec<Jwk>,
}

impl Example for Jwks {
    fn example() -> Self {
        Self {
            keys: vec![Jwk::example()],
        }
    }
}
