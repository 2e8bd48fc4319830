//! A key that tokens are checked with.

use crate::Algorithm;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, VerificationAlgorithm,
};
use aws_lc_rs::{digest, rsa};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters,
    EllipticCurveKeyType, Jwk, OctetKeyPairParameters, OctetKeyPairType, PublicKeyUse,
    RSAKeyParameters, RSAKeyType,
};
use std::fmt;

const P256_POINT_BYTES: usize = 65;
const ED25519_BYTES: usize = 32;

/// A public key with its one algorithm, parsed once and ready to check
/// signatures.
///
/// Its id is its RFC 7638 thumbprint with SHA-256, so an id cannot be given
/// to another key.
#[derive(Clone)]
pub struct PublicKey {
    algorithm: Algorithm,
    key_id: Box<str>,
    parameters: AlgorithmParameters,
    parsed: ParsedPublicKey,
}

/// Key material that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are not a key of this algorithm.
    #[error("the bytes are not a key of this algorithm")]
    Malformed,
    /// An RSA key outside 2048 to 8192 bits, or with an exponent below 65537
    /// or above 32 bits.
    #[error("the RSA key is too weak, or too large")]
    Unsuitable,
    /// The library could not make a key.
    #[error("no key could be generated")]
    Generation,
}

/// A signature that is not this key's over these bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not match")]
pub struct SignatureMismatch;

impl PublicKey {
    /// A key from its raw bytes: the uncompressed P-256 point (65 bytes,
    /// SEC 1 section 2.3.3), the 32 bytes of Ed25519 (RFC 8032 section
    /// 5.1.5), or for RSA a DER `SubjectPublicKeyInfo` (RFC 5280 section
    /// 4.1.2.7) or PKCS#1 `RSAPublicKey` (RFC 8017 appendix A.1.1).
    pub fn from_raw(algorithm: Algorithm, raw: &[u8]) -> Result<Self, KeyError> {
        match algorithm {
            Algorithm::Es256 => Self::es256(raw),
            Algorithm::EdDsa => Self::ed25519(raw),
            Algorithm::Rs256 => {
                // `From<&rsa::PublicKey>` needs aws-lc-rs's `ring-io`, which
                // jsonwebtoken's `aws_lc_rs` always turns on.
                let key = rsa::PublicKey::from_der(raw).map_err(|_| KeyError::Malformed)?;
                let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::from(&key);
                Self::rs256(&n, &e)
            }
        }
    }

    /// [`Self::from_raw`] of base64url without padding.
    pub fn from_base64url(algorithm: Algorithm, raw: &str) -> Result<Self, KeyError> {
        let raw = URL_SAFE_NO_PAD
            .decode(raw)
            .map_err(|_| KeyError::Malformed)?;
        Self::from_raw(algorithm, &raw)
    }

    /// The key's raw bytes (for RSA a `SubjectPublicKeyInfo`), as
    /// [`Self::from_base64url`] takes them.
    pub fn to_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.parsed)
    }

    /// The RFC 7638 thumbprint: what a token calls `kid`.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The only algorithm this key is used with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Checks that `signature` (for ES256 the 64 bytes `r || s`, RFC 7518
    /// section 3.4) is this key's over `message`.
    ///
    /// An ECDSA signature has a twin, `r || n - s`, which is as valid, so
    /// one token has two spellings: never use a token's bytes as its
    /// identity, use `jti`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureMismatch> {
        self.parsed
            .verify_sig(message, signature)
            .map_err(|_| SignatureMismatch)
    }

    /// The key as it is published (RFC 7517).
    pub fn to_jwk(&self) -> Jwk {
        Jwk {
            common: CommonParameters {
                public_key_use: Some(PublicKeyUse::Signature),
                key_algorithm: Some(self.algorithm.into()),
                key_id: Some(self.key_id().to_owned()),
                ..CommonParameters::default()
            },
            algorithm: self.parameters.clone(),
        }
    }

    pub(crate) fn es256(point: &[u8]) -> Result<Self, KeyError> {
        // The library also takes compressed points and whole certificates.
        if point.len() != P256_POINT_BYTES || point[0] != 4 {
            return Err(KeyError::Malformed);
        }
        let (x, y) = point[1..].split_at(P256_POINT_BYTES / 2);
        let parameters = EllipticCurveKeyParameters {
            key_type: EllipticCurveKeyType::EC,
            curve: EllipticCurve::P256,
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
        };
        let canonical = format!(
            r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
            parameters.x, parameters.y
        );
        Ok(Self {
            algorithm: Algorithm::Es256,
            key_id: thumbprint(&canonical),
            parameters: AlgorithmParameters::EllipticCurve(parameters),
            parsed: parse(&ECDSA_P256_SHA256_FIXED, point)?,
        })
    }

    pub(crate) fn ed25519(raw: &[u8]) -> Result<Self, KeyError> {
        if raw.len() != ED25519_BYTES {
            return Err(KeyError::Malformed);
        }
        let parameters = OctetKeyPairParameters {
            key_type: OctetKeyPairType::OctetKeyPair,
            curve: EllipticCurve::Ed25519,
            x: URL_SAFE_NO_PAD.encode(raw),
        };
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, parameters.x);
        Ok(Self {
            algorithm: Algorithm::EdDsa,
            key_id: thumbprint(&canonical),
            parameters: AlgorithmParameters::OctetKeyPair(parameters),
            parsed: parse(&ED25519, raw)?,
        })
    }

    /// From the big-endian modulus and exponent (RFC 7518 section 6.3.1),
    /// neither with leading zeros.
    pub(crate) fn rs256(n: &[u8], e: &[u8]) -> Result<Self, KeyError> {
        let n_top = *n.first().ok_or(KeyError::Malformed)?;
        let bits = n.len() * 8 - n_top.leading_zeros() as usize;
        // The exponent is at least 65537 (FIPS 186-5 appendix A.1.1). That
        // it is odd, and that neither number starts with zeros, is checked
        // where they are parsed.
        if !(2048..=8192).contains(&bits) || !(3..=4).contains(&e.len()) {
            return Err(KeyError::Unsuitable);
        }
        let parameters = RSAKeyParameters {
            key_type: RSAKeyType::RSA,
            n: URL_SAFE_NO_PAD.encode(n),
            e: URL_SAFE_NO_PAD.encode(e),
        };
        let canonical = format!(
            r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#,
            parameters.e, parameters.n
        );
        // Only parsing checks that such a key can exist, so the components
        // go through DER.
        let unchecked = RsaPublicKeyComponents { n, e }
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .map_err(|_| KeyError::Malformed)?;
        let parsed = parse(&RSA_PKCS1_2048_8192_SHA256, unchecked.as_ref())?;
        Ok(Self {
            algorithm: Algorithm::Rs256,
            key_id: thumbprint(&canonical),
            parameters: AlgorithmParameters::RSA(parameters),
            parsed,
        })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PublicKey")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

fn parse(
    algorithm: &'static dyn VerificationAlgorithm,
    bytes: &[u8],
) -> Result<ParsedPublicKey, KeyError> {
    ParsedPublicKey::new(algorithm, bytes).map_err(|_| KeyError::Malformed)
}

/// RFC 7638 section 3, over members already in canonical form.
fn thumbprint(canonical: &str) -> Box<str> {
    let hash = digest::digest(&digest::SHA256, canonical.as_bytes());
    URL_SAFE_NO_PAD.encode(hash).into()
}
