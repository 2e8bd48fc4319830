//! The issuer's side: a key that mints access tokens.

use crate::{Algorithm, Claims, KeyError, PublicKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::JwtSigner;
use jsonwebtoken::signature::{Error as SignatureError, Signer};
use std::fmt;
use zeroize::Zeroizing;

/// A private key, prepared once, that mints access tokens.
///
/// `jsonwebtoken::encode` parses and checks its key for every token, which
/// more than doubles the cost of an ES256 signature. This is the same thing
/// with the key kept: `jsonwebtoken`'s header, its signer trait, and claims
/// in compact serialization.
pub struct SigningKey {
    pair: KeyPair,
    public: PublicKey,
    /// The encoded header and its dot: the same for every token.
    prefix: String,
}

enum KeyPair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

/// Why no token was minted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be signed")]
pub struct MintError;

impl SigningKey {
    /// A new private key as PKCS#8 DER, to be sealed and kept; RSA keys have
    /// 2048 bits. The bytes are wiped when they are dropped.
    pub fn generate_pkcs8(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der = match algorithm {
            Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .and_then(|pair| Ok(pair.to_pkcs8v1()?.as_ref().to_vec())),
            Algorithm::EdDsa => {
                Ed25519KeyPair::generate().and_then(|pair| Ok(pair.to_pkcs8v1()?.as_ref().to_vec()))
            }
            Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048).and_then(|pair| {
                let der: Pkcs8V1Der<'_> = pair.as_der()?;
                Ok(der.as_ref().to_vec())
            }),
        };
        der.map(Zeroizing::new).map_err(|_| KeyError::Generation)
    }

    /// A key from PKCS#8 DER (RFC 5958); for Ed25519 with or without the
    /// public part.
    pub fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let pair = match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(KeyPair::Es256)
            }
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(der).map(KeyPair::EdDsa),
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(der).map(KeyPair::Rs256),
        }
        .map_err(|_| KeyError::Malformed)?;
        let public = PublicKey::from_raw(algorithm, pair.public_bytes())?;
        let prefix = encoded_header(&public)?;
        Ok(Self {
            pair,
            public,
            prefix,
        })
    }

    /// The key that checks what this one signs.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The RFC 7638 thumbprint: the `kid` of the tokens.
    pub fn key_id(&self) -> &str {
        self.public.key_id()
    }

    /// The `alg` of the tokens.
    pub const fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// Mints an access token (RFC 9068): `typ` is `at+jwt`, `kid` this key.
    ///
    /// It signs whatever it is given; the rules for claims are the
    /// issuer's.
    pub fn mint(&self, claims: &Claims) -> Result<String, MintError> {
        let payload = serde_json::to_vec(claims).map_err(|_| MintError)?;
        // Base64 and a signature of 64 bytes: one allocation for the rest.
        let mut token = String::with_capacity(self.prefix.len() + payload.len() * 4 / 3 + 96);
        token.push_str(&self.prefix);
        URL_SAFE_NO_PAD.encode_string(&payload, &mut token);
        let signature = self.try_sign(token.as_bytes()).map_err(|_| MintError)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
        Ok(token)
    }
}

impl Signer<Vec<u8>> for SigningKey {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        match &self.pair {
            KeyPair::Es256(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SignatureError::new()),
            KeyPair::EdDsa(pair) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SignatureError::new()),
            KeyPair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    message,
                    &mut signature,
                )
                .map_err(|_| SignatureError::new())?;
                Ok(signature)
            }
        }
    }
}

impl JwtSigner for SigningKey {
    fn algorithm(&self) -> jsonwebtoken::Algorithm {
        self.public.algorithm().into()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl KeyPair {
    fn public_bytes(&self) -> &[u8] {
        match self {
            Self::Es256(pair) => pair.public_key().as_ref(),
            Self::EdDsa(pair) => pair.public_key().as_ref(),
            Self::Rs256(pair) => pair.public_key().as_ref(),
        }
    }
}

fn encoded_header(public: &PublicKey) -> Result<String, KeyError> {
    let header = jsonwebtoken::Header {
        typ: Some("at+jwt".to_owned()),
        kid: Some(public.key_id().to_owned()),
        ..jsonwebtoken::Header::new(public.algorithm().into())
    };
    let json = serde_json::to_vec(&header).map_err(|_| KeyError::Malformed)?;
    Ok(URL_SAFE_NO_PAD.encode(json) + ".")
}
