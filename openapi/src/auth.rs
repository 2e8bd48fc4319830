//! Registering, logging in, refreshing, logging out.

use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, Union};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::{Uuid, uuid};

use crate::{Account, Acr, Secret};

/// A new account.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct Register {
    /// The address to log in with, at most 254 characters (RFC 5321 4.5.3.1.3).
    #[oai(validator(min_length = 3, max_length = 254))]
    pub email: String,
    /// The password. What makes one good enough is the policy's matter; up to
    /// 1,024 code points are taken in, so that 256 of them after normalisation
    /// fit whatever way they were typed.
    #[oai(validator(min_length = 1, max_length = 1024))]
    pub password: Secret,
    /// How the person wants to be called.
    #[oai(
        skip_serializing_if_is_none,
        validator(min_length = 1, max_length = 100)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

impl Example for Register {
    fn example() -> Self {
        Self {
            email: "ada@example.com".to_owned(),
            password: Secret::new("correct horse battery staple"),
            display_name: Some("Ada".to_owned()),
        }
    }
}

/// A login with a password.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct Login {
    /// The account's address, in any spelling.
    #[oai(validator(min_length = 1, max_length = 254))]
    pub email: String,
    /// The password.
    #[oai(validator(min_length = 1, max_length = 1024))]
    pub password: Secret,
}

impl Example for Login {
    fn example() -> Self {
        Self {
            email: "ada@example.com".to_owned(),
            password: Secret::new("correct horse battery staple"),
        }
    }
}

/// A refresh token, to be rotated.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct Refresh {
    /// The newest refresh token of the session. Left out where it travels in a
    /// cookie.
    #[oai(
        skip_serializing_if_is_none,
        validator(min_length = 1, max_length = 512)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
}

impl Example for Refresh {
    fn example() -> Self {
        Self {
            refresh_token: Some(example_refresh_token()),
        }
    }
}

/// The end of a session, by whoever holds it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct Logout {
    /// The session's refresh token. Left out, the bearer's session ends.
    #[oai(
        skip_serializing_if_is_none,
        validator(min_length = 1, max_length = 512)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
}

impl Example for Logout {
    fn example() -> Self {
        Self {
            refresh_token: Some(example_refresh_token()),
        }
    }
}

/// How to present an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
pub enum TokenType {
    /// In `Authorization: Bearer` (RFC 6750).
    Bearer,
}

/// A second factor that can answer `mfa_required`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum MfaMethod {
    /// A six-digit code (RFC 6238).
    Totp,
    /// A single-use recovery code.
    RecoveryCode,
    /// A passkey (WebAuthn).
    Passkey,
}

/// A fresh pair of tokens: what a refresh answers.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Tokens {
    /// The access token: a JWT (RFC 9068).
    pub access_token: Secret,
    /// How to present it.
    pub token_type: TokenType,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// What to present for the next pair. The one before is used up. Left out
    /// where it travels in a cookie.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
    /// The session they belong to.
    pub session_id: Uuid,
}

impl Example for Tokens {
    fn example() -> Self {
        Self {
            access_token: example_access_token(),
            token_type: TokenType::Bearer,
            expires_in: 900,
            refresh_token: Some(example_refresh_token()),
            session_id: uuid!("019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07"),
        }
    }
}

/// The login is complete: tokens, and whose they are.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Authenticated {
    /// The access token: a JWT (RFC 9068).
    pub access_token: Secret,
    /// How to present it.
    pub token_type: TokenType,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// What to present for the next pair. Left out where it travels in a
    /// cookie.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
    /// The session that was opened.
    pub session_id: Uuid,
    /// Whose it is.
    pub account: Account,
    /// What this device sends with its next login, as `Countersign-Device`:
    /// it lets its owner in while strangers guess. Left out if the device sent
    /// a good one.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<Secret>,
}

impl Example for Authenticated {
    fn example() -> Self {
        Self {
            device_token: Some(Secret::new("csd_AQABmgOBsjxaAXwinwAbLD1OXwcAAAAAAAAAAQ")),
            ..Self::new(Tokens::example(), Account::example())
        }
    }
}

impl Authenticated {
    /// `tokens` with the account they are for.
    pub fn new(tokens: Tokens, account: Account) -> Self {
        Self {
            access_token: tokens.access_token,
            token_type: tokens.token_type,
            expires_in: tokens.expires_in,
            refresh_token: tokens.refresh_token,
            session_id: tokens.session_id,
            account,
            device_token: None,
        }
    }
}

/// The password was right, and that is not enough.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct MfaRequired {
    /// What to present together with the second factor. Good once.
    pub mfa_token: Secret,
    /// Seconds until it expires.
    pub expires_in: u64,
    /// The factors this account could use.
    pub methods: Vec<MfaMethod>,
}

impl Example for MfaRequired {
    fn example() -> Self {
        Self {
            mfa_token: Secret::new("csm_AbCdEfGhIjKlMnOpQrStUv"),
            expires_in: 300,
            methods: vec![MfaMethod::Totp, MfaMethod::RecoveryCode],
        }
    }
}

/// What a login or a registration answers: one flat object, told apart by
/// `status`.
#[derive(Debug, Clone, Serialize, Deserialize, Union)]
#[serde(tag = "status", rename_all = "snake_case")]
#[oai(one_of, discriminator_name = "status", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "one an answer, and never kept")]
pub enum LoginAnswer {
    /// Logged in.
    Authenticated(Authenticated),
    /// A second factor is needed.
    MfaRequired(MfaRequired),
}

/// What the bearer of an access token is: the answer to forward-auth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct VerifyAnswer {
    /// The account (`sub`).
    pub account_id: Uuid,
    /// The session (`sid`).
    pub session_id: Uuid,
    /// The client that the token was issued to.
    pub client_id: String,
    /// Names of the account's roles.
    pub roles: Vec<String>,
    /// What the token is good for, separated by spaces (RFC 6749 3.3).
    pub scope: String,
    /// How strongly the person is known.
    pub acr: Acr,
    /// The factors that were used (RFC 8176).
    pub amr: Vec<String>,
    /// When the person last proved who they are.
    #[serde(with = "time::serde::rfc3339")]
    pub auth_time: OffsetDateTime,
    /// When the token expires.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl Example for VerifyAnswer {
    fn example() -> Self {
        Self {
            account_id: uuid!("019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007"),
            session_id: uuid!("019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07"),
            client_id: "first-party".to_owned(),
            roles: vec!["user".to_owned()],
            scope: String::new(),
            acr: Acr::Aal1,
            amr: vec!["pwd".to_owned()],
            auth_time: datetime!(2026-11-22 14:03:07 UTC),
            expires_at: datetime!(2026-11-22 14:18:07 UTC),
        }
    }
}

fn example_access_token() -> Secret {
    Secret::new("eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMTlhIn0.c2lnbmF0dXJl")
}

fn example_refresh_token() -> Secret {
    Secret::new("csr_AQABmgOBsjxaAXwinwAbLD1OXwcAAAAAAAAAAQ")
}
