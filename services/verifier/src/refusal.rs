//! Why a token is not believed, and what its bearer is told.

/// Why a token was refused.
///
/// The variant is for the service's own log and metrics. The bearer is told
/// less: one of four codes and a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request carries no token.
    #[error("An access token is needed")]
    Missing,
    /// The token has more bytes than the verifier looks at.
    #[error("The access token is too large")]
    TooLarge,
    /// Not three base64url parts, or no JSON object in them.
    #[error("The access token is malformed")]
    Malformed,
    /// `typ` is not `at+jwt`: an ID token, a logout token, or anything else.
    #[error("The token is not an access token")]
    WrongType,
    /// The header brings its own key, or an extension.
    #[error("The access token's header is not allowed")]
    HeaderNotAllowed,
    /// No published key has this `kid`.
    #[error("The access token's key is not known")]
    UnknownKey,
    /// `alg` is not the key's own algorithm.
    #[error("The access token's algorithm is not its key's")]
    WrongAlgorithm,
    /// The signature is not the key's over these bytes.
    #[error("The access token's signature is wrong")]
    BadSignature,
    /// A claim is missing, doubled or of the wrong type. The issuer signed
    /// this, so it is the issuer's mistake.
    #[error("The access token's claims are malformed")]
    MalformedClaims,
    /// `iss` is somebody else.
    #[error("The access token has another issuer")]
    WrongIssuer,
    /// `aud` does not name this service.
    #[error("The access token is for another service")]
    WrongAudience,
    /// `exp` has passed.
    #[error("The access token expired")]
    Expired,
    /// `nbf` has not come.
    #[error("The access token is not valid yet")]
    NotYetValid,
    /// `iat` is further ahead than clocks differ.
    #[error("The access token was issued in the future")]
    IssuedInFuture,
    /// `exp` is further from `iat` than an access token may live, so its
    /// revocation could be forgotten before it dies.
    #[error("The access token lives too long")]
    LifetimeTooLong,
    /// The token is bound to a key (`cnf`), and nothing proved possession of
    /// it. Whoever stole the token is refused here.
    #[error("The access token needs a proof of possession")]
    ProofRequired,
    /// The session, the account's epoch, that of an actor, or the signing key
    /// is revoked.
    #[error("The access token was revoked")]
    Revoked,
}

impl Refusal {
    /// The problem code: `token_missing`, `token_expired`, `token_revoked`,
    /// or `token_invalid` for everything else.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Expired => "token_expired",
            Self::Revoked => "token_revoked",
            _ => "token_invalid",
        }
    }

    /// The value of `WWW-Authenticate` for a 401 answer (RFC 6750
    /// section 3). A request without a token is told only the scheme
    /// (section 3.1).
    pub fn www_authenticate(self) -> String {
        match self {
            Self::Missing => "Bearer".to_owned(),
            _ => format!(r#"Bearer error="invalid_token", error_description="{self}""#),
        }
    }
}

/// The token in an `Authorization` header's value (RFC 6750 section 2.1).
///
/// No header, another scheme and an empty token are all
/// [`Refusal::Missing`]. The scheme's name may have any case (RFC 9110
/// section 11.1).
pub fn bearer(authorization: Option<&str>) -> Result<&str, Refusal> {
    let (scheme, token) = authorization
        .and_then(|value| value.split_once(' '))
        .ok_or(Refusal::Missing)?;
    let token = token.trim_start_matches(' ');
    if !scheme.eq_ignore_ascii_case("Bearer") || token.is_empty() {
        return Err(Refusal::Missing);
    }
    Ok(token)
}
