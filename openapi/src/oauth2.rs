//! The OAuth 2.0 endpoints for services (RFC 6749, 7009, 7662, 8414, 8693).
//!
//! Requests are forms. What OAuth does not define is passed over (RFC 6749
//! section 3.2), and so nothing here denies unknown fields.

use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use crate::{Client, Secret, TokenType};

/// What is asked of the token endpoint. How the client proves itself may
/// stand here or, of a secret, in `Authorization` (RFC 6749 section 2.3).
#[derive(Debug, Clone, Default, Deserialize, Serialize, Object)]
#[serde(default)]
#[oai(skip_serializing_if_is_none, example)]
pub struct TokenRequest {
    /// `client_credentials` or
    /// `urn:ietf:params:oauth:grant-type:token-exchange`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// The client's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The client's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Secret>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_assertion_type: Option<String>,
    /// A JWT signed with the client's key (RFC 7523).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_assertion: Option<Secret>,
    /// Whom the token is for: a registered audience. May be left out by a
    /// client that has only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The same (RFC 8707).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Registered scopes, separated by spaces; all of them if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The access token to exchange (RFC 8693).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_token: Option<Secret>,
    /// `urn:ietf:params:oauth:token-type:access_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_token_type: Option<String>,
    /// The same, or left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_token_type: Option<String>,
    /// Refused: the client itself is the actor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_token: Option<Secret>,
}

impl Example for TokenRequest {
    fn example() -> Self {
        Self {
            grant_type: Some("client_credentials".to_owned()),
            client_id: Some(Client::example().id.to_string()),
            client_secret: Some(Secret::new(
                "csc_6v3pXo0y0uUQm6H0bYgq7bq0m8m4mVxCkzqJcX1nZ2A",
            )),
            scope: Some("stock:read".to_owned()),
            ..Self::default()
        }
    }
}

/// A token for a service (RFC 6749 section 5.1, RFC 8693 section 2.2.1).
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct ServiceToken {
    /// The access token, a JWT (RFC 9068).
    pub access_token: Secret,
    /// `urn:ietf:params:oauth:token-type:access_token`; left out unless a
    /// token was exchanged.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<String>,
    /// `Bearer`.
    pub token_type: TokenType,
    /// For how many seconds it is good.
    pub expires_in: u64,
    /// The scopes it has, separated by spaces.
    pub scope: String,
}

impl Example for ServiceToken {
    fn example() -> Self {
        Self {
            access_token: Secret::new("eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.AA"),
            issued_token_type: None,
            token_type: TokenType::Bearer,
            expires_in: 300,
            scope: "stock:read".to_owned(),
        }
    }
}

/// A token to be looked at (RFC 7662) or revoked (RFC 7009).
#[derive(Debug, Clone, Default, Deserialize, Serialize, Object)]
#[serde(default)]
#[oai(skip_serializing_if_is_none, example)]
pub struct TokenQuestion {
    /// The token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// Passed over: a token says itself what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type_hint: Option<String>,
    /// The client's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The client's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Secret>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_assertion_type: Option<String>,
    /// A JWT signed with the client's key (RFC 7523).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_assertion: Option<Secret>,
}

impl Example for TokenQuestion {
    fn example() -> Self {
        let TokenRequest {
            client_id,
            client_secret,
            ..
        } = TokenRequest::example();
        Self {
            token: Some(ServiceToken::example().access_token),
            client_id,
            client_secret,
            ..Self::default()
        }
    }
}

/// Who acts for the subject of a token (RFC 8693 section 4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct TokenActor {
    /// The client.
    pub sub: Uuid,
    /// The client's last event that the token's decision had seen.
    pub epoch: u64,
    /// Who had called that client; left out if nobody acted for the subject
    /// before.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<TokenActor>>,
}

impl Example for TokenActor {
    fn example() -> Self {
        Self {
            sub: Client::example().id,
            epoch: 12,
            act: None,
        }
    }
}

/// What a token is (RFC 7662 section 2.2). Of one that is not active nothing
/// else is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct Introspection {
    /// Whether it is good now, and the asking service may know.
    pub active: bool,
    /// Who issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// The account, or the client if it acts for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<Uuid>,
    /// Whom it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<Vec<String>>,
    /// When it expires, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<u64>,
    /// When it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<u64>,
    /// Before this second it is not good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// The token's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The client it was issued to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Its scopes, separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The account's roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// How strongly the person is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// How (RFC 8176).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amr: Option<Vec<String>>,
    /// When the person authenticated, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<u64>,
    /// The session, or the grant of a service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    /// Who acts for the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<TokenActor>,
    /// `Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<TokenType>,
}

impl Example for Introspection {
    fn example() -> Self {
        Self {
            active: true,
            iss: Some("https://id.example.com".to_owned()),
            sub: Some(uuid!("019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007")),
            aud: Some(vec!["https://orders.example.com".to_owned()]),
            exp: Some(1_795_356_487),
            iat: Some(1_795_355_587),
            nbf: Some(1_795_355_587),
            jti: Some("8c2eZb1i7pC0m1vJmYt3pA".to_owned()),
            client_id: Some("first-party".to_owned()),
            scope: Some(String::new()),
            roles: Some(vec!["user".to_owned()]),
            acr: Some("aal1".to_owned()),
            amr: Some(vec!["pwd".to_owned()]),
            auth_time: Some(1_795_355_587),
            sid: Some(uuid!("019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07")),
            act: None,
            token_type: Some(TokenType::Bearer),
        }
    }
}

/// Why a service was refused, for programs (RFC 6749 section 5.2, RFC 7009
/// section 2.2.1, RFC 8707 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum OAuthErrorCode {
    /// The request is malformed, or a token in it is no good.
    InvalidRequest,
    /// The client did not prove itself.
    InvalidClient,
    /// There is no such grant here.
    UnsupportedGrantType,
    /// The client may not have this scope.
    InvalidScope,
    /// The client may not have tokens for this audience.
    InvalidTarget,
    /// Tokens of this type cannot be revoked.
    UnsupportedTokenType,
    /// Something that is needed does not answer, or too much was tried: again
    /// later.
    TemporarilyUnavailable,
    /// A fault of the service.
    ServerError,
}

/// Why a service was refused (RFC 6749 section 5.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct OAuthError {
    /// What it is, for programs.
    pub error: OAuthErrorCode,
    /// What it is, for people.
    pub error_description: String,
}

impl Example for OAuthError {
    fn example() -> Self {
        Self {
            error: OAuthErrorCode::InvalidClient,
            error_description: "the client did not prove itself".to_owned(),
        }
    }
}

/// What a program needs to know of this authorization server (RFC 8414
/// section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct AuthorizationServer {
    /// The `iss` of every token.
    pub issuer: String,
    /// Where tokens are asked for.
    pub token_endpoint: String,
    /// Where tokens are looked at.
    pub introspection_endpoint: String,
    /// Where tokens are revoked.
    pub revocation_endpoint: String,
    /// Where the keys are that tokens are verified with.
    pub jwks_uri: String,
    /// None: there is no authorization endpoint.
    pub response_types_supported: Vec<String>,
    /// Which grants the token endpoint knows.
    pub grant_types_supported: Vec<String>,
    /// How clients prove themselves there.
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// What their assertions may be signed with.
    pub token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// How clients prove themselves to look at tokens.
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// What their assertions may be signed with.
    pub introspection_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// How clients prove themselves to revoke tokens.
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// What their assertions may be signed with.
    pub revocation_endpoint_auth_signing_alg_values_supported: Vec<String>,
}

impl Example for AuthorizationServer {
    fn example() -> Self {
        Self::of("https://id.example.com")
    }
}

impl AuthorizationServer {
    /// The server of this issuer.
    pub fn of(issuer: &str) -> Self {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let methods = [
            "client_secret_basic",
            "client_secret_post",
            "private_key_jwt",
        ];
        let algorithms = ["ES256", "EdDSA"];
        Self {
            issuer: issuer.to_owned(),
            token_endpoint: format!("{issuer}/oauth2/token"),
            introspection_endpoint: format!("{issuer}/oauth2/introspect"),
            revocation_endpoint: format!("{issuer}/oauth2/revoke"),
            jwks_uri: format!("{issuer}/.well-known/jwks.json"),
            response_types_supported: Vec::new(),
            grant_types_supported: words(&[
                "client_credentials",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ]),
            token_endpoint_auth_methods_supported: words(&methods),
            token_endpoint_auth_signing_alg_values_supported: words(&algorithms),
            introspection_endpoint_auth_methods_supported: words(&methods),
            introspection_endpoint_auth_signing_alg_values_supported: words(&algorithms),
            revocation_endpoint_auth_methods_supported: words(
                &[methods.as_slice(), &["none"]].concat(),
            ),
            revocation_endpoint_auth_signing_alg_values_supported: words(&algorithms),
        }
    }
}
