//! Second factors at login, and stepping up.

use poem_openapi::types::{Any, Example};
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Acr, MfaMethod, Secret, TokenType};

/// The second factor of a login.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
#[expect(clippy::struct_field_names, reason = "the name on the wire")]
pub struct Mfa {
    /// What the login answered.
    #[oai(validator(min_length = 1, max_length = 512))]
    pub mfa_token: Secret,
    /// Which factor.
    pub method: MfaMethod,
    /// The code of an authenticator app, or a recovery code; left out for a
    /// passkey.
    #[oai(skip_serializing_if_is_none, validator(max_length = 64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
    /// What a passkey has signed; left out for codes.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey: Option<PasskeyLogin>,
}

impl Example for Mfa {
    fn example() -> Self {
        Self {
            mfa_token: Secret::new("csm_AbCdEfGhIjKlMnOpQrStUv"),
            method: MfaMethod::Totp,
            code: Some(Secret::new("492039")),
            passkey: None,
        }
    }
}

/// What a passkey has signed.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct PasskeyLogin {
    /// The `challenge_token` that came with the options.
    #[oai(validator(min_length = 1, max_length = 16384))]
    pub challenge_token: Secret,
    /// What `navigator.credentials.get()` returned, as JSON
    /// (`PublicKeyCredential.toJSON()`).
    pub credential: Any<Value>,
}

impl Example for PasskeyLogin {
    fn example() -> Self {
        Self {
            challenge_token: Secret::new("csc_AbCdEfGhIjKlMnOpQrStUv"),
            credential: Any(json!({ "id": "AbCd", "type": "public-key" })),
        }
    }
}

/// What the passkey is wanted for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct PasskeyOptionsRequest {
    /// For the second step of a login: what the first one answered. Left out
    /// with an access token, to step up, and without one, to log in with
    /// nothing but the passkey.
    #[oai(
        skip_serializing_if_is_none,
        validator(min_length = 1, max_length = 512)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_token: Option<Secret>,
}

impl Example for PasskeyOptionsRequest {
    fn example() -> Self {
        Self {
            mfa_token: Some(Secret::new("csm_AbCdEfGhIjKlMnOpQrStUv")),
        }
    }
}

/// What to hand to the authenticator.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct PasskeyOptions {
    /// To be sent back with the answer. Good once, for five minutes.
    pub challenge_token: Secret,
    /// Seconds until it expires.
    pub expires_in: u64,
    /// What to give to `navigator.credentials.get()`.
    pub options: Any<Value>,
}

impl Example for PasskeyOptions {
    fn example() -> Self {
        Self {
            challenge_token: Secret::new("csc_AbCdEfGhIjKlMnOpQrStUv"),
            expires_in: 300,
            options: Any(json!({ "publicKey": { "challenge": "AbCd" } })),
        }
    }
}

/// What proves again who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum StepUpMethod {
    /// The password; enough only where the account has no second factor.
    Password,
    /// A six-digit code (RFC 6238).
    Totp,
    /// A single-use recovery code.
    RecoveryCode,
    /// A passkey (WebAuthn).
    Passkey,
}

/// Proving again, or better, who one is (RFC 9470).
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct StepUp {
    /// How.
    pub method: StepUpMethod,
    /// The code, or the password; left out for a passkey.
    #[oai(skip_serializing_if_is_none, validator(max_length = 1024))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
    /// What a passkey has signed; left out otherwise.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey: Option<PasskeyLogin>,
}

impl Example for StepUp {
    fn example() -> Self {
        Self {
            method: StepUpMethod::Totp,
            code: Some(Secret::new("492039")),
            passkey: None,
        }
    }
}

/// The same session, known more strongly.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct SteppedUp {
    /// The new access token.
    pub access_token: Secret,
    /// How to present it.
    pub token_type: TokenType,
    /// Seconds until it expires.
    pub expires_in: u64,
    /// How strongly the person is known now.
    pub acr: Acr,
}

impl Example for SteppedUp {
    fn example() -> Self {
        Self {
            access_token: Secret::new("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIwMTlhIn0.c2lnbmF0dXJl"),
            token_type: TokenType::Bearer,
            expires_in: 900,
            acr: Acr::Aal2,
        }
    }
}

/// The session goes on after a change that ended the others. Its access tokens
/// of before are refused; its refresh token stays good.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
#[expect(clippy::struct_field_names, reason = "the name on the wire")]
pub struct AccessToken {
    /// The new access token.
    pub access_token: Secret,
    /// How to present it.
    pub token_type: TokenType,
    /// Seconds until it expires.
    pub expires_in: u64,
}

impl Example for AccessToken {
    fn example() -> Self {
        Self {
            access_token: Secret::new("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIwMTlhIn0.c2lnbmF0dXJl"),
            token_type: TokenType::Bearer,
            expires_in: 900,
        }
    }
}

/// What a page sends back in `X-CSRF-Token` with every call that the cookie
/// authenticates.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct CsrfToken {
    /// Bound to the cookie's session.
    pub csrf_token: Secret,
}

impl Example for CsrfToken {
    fn example() -> Self {
        Self {
            csrf_token: Secret::new("csx_AbCdEfGhIjKlMnOpQrStUv"),
        }
    }
}
