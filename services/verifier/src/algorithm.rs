//! The signature algorithms a key may have.

/// A signature algorithm (RFC 7518 section 3.1, RFC 8037 section 3.1).
///
/// A key has exactly one, and a token must name that one: the token never
/// chooses (RFC 8725 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256; the default.
    Es256,
    /// Ed25519, under its JOSE name `EdDSA`.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256 and a key of 2048 to 8192 bits, for
    /// clients that know nothing newer.
    Rs256,
}

impl Algorithm {
    /// The exact, case-sensitive JOSE name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm with this exact name; `None` for every other name,
    /// `none` and the HMAC family among them.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Es256, Self::EdDsa, Self::Rs256]
            .into_iter()
            .find(|known| known.name() == name)
    }
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => Self::ES256,
            Algorithm::EdDsa => Self::EdDSA,
            Algorithm::Rs256 => Self::RS256,
        }
    }
}

impl From<Algorithm> for jsonwebtoken::jwk::KeyAlgorithm {
    fn from(algorithm: Algorithm) -> Self {
        jsonwebtoken::Algorithm::from(algorithm).into()
    }
}
