//! Second factors.

use poem_openapi::types::{Any, Example, MaybeUndefined};
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::{Uuid, uuid};

use crate::{AccessToken, MfaMethod, Secret};

const ID: Uuid = uuid!("019a2b3c-6b02-7d33-8e00-1b2c3d4e5f07");

/// Whether a factor is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum FactorState {
    /// It is.
    Active,
    /// It is not, after too many failures. Remove it and add it anew.
    Disabled,
}

/// A second factor of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Factor {
    /// Its id; of recovery codes, the set's.
    pub id: Uuid,
    /// What it is.
    pub kind: MfaMethod,
    /// What its owner calls it; null if never said.
    #[oai(nullable)]
    pub name: Option<String>,
    /// Whether it is believed.
    pub state: FactorState,
    /// When it was added; null for recovery codes.
    #[oai(nullable)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub added_at: Option<OffsetDateTime>,
    /// How many codes are left; left out for what is not a set of codes.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u8>,
}

impl Example for Factor {
    fn example() -> Self {
        Self {
            id: ID,
            kind: MfaMethod::Totp,
            name: Some("phone".to_owned()),
            state: FactorState::Active,
            added_at: Some(datetime!(2026-11-22 14:03:07 UTC)),
            left: None,
        }
    }
}

/// What an authenticator app needs. Shown once.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct TotpOffer {
    /// What to confirm.
    pub id: Uuid,
    /// The seed, in base32, to be typed in.
    pub secret: Secret,
    /// The seed and all else, as authenticator apps read it.
    pub otpauth_uri: Secret,
    /// The URI as a QR code: an SVG image.
    pub qr_svg: Secret,
    /// The URI as a QR code in half blocks, for a terminal.
    pub qr_text: Secret,
    /// Seconds until it can no longer be confirmed.
    pub expires_in: u64,
}

impl Example for TotpOffer {
    fn example() -> Self {
        Self {
            id: ID,
            secret: Secret::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            otpauth_uri: Secret::new(
                "otpauth://totp/Countersign:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Countersign",
            ),
            qr_svg: Secret::new("<svg></svg>"),
            qr_text: Secret::new("\u{2588}\u{2580}\n"),
            expires_in: 600,
        }
    }
}

/// Proof that the app was set up.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct ConfirmTotp {
    /// What was offered.
    pub id: Uuid,
    /// The code that the app shows.
    #[oai(validator(min_length = 1, max_length = 64))]
    pub code: Secret,
    /// What to call it.
    #[oai(
        skip_serializing_if_is_none,
        validator(min_length = 1, max_length = 100)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Example for ConfirmTotp {
    fn example() -> Self {
        Self {
            id: ID,
            code: Secret::new("492039"),
            name: Some("phone".to_owned()),
        }
    }
}

/// What to hand to the authenticator.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct PasskeyOffer {
    /// What to confirm.
    pub id: Uuid,
    /// What to give to `navigator.credentials.create()`.
    pub options: Any<Value>,
    /// Seconds until it can no longer be confirmed.
    pub expires_in: u64,
}

impl Example for PasskeyOffer {
    fn example() -> Self {
        Self {
            id: ID,
            options: Any(json!({ "publicKey": { "challenge": "AbCd" } })),
            expires_in: 300,
        }
    }
}

/// The new passkey.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct ConfirmPasskey {
    /// What was offered.
    pub id: Uuid,
    /// What `navigator.credentials.create()` returned, as JSON
    /// (`PublicKeyCredential.toJSON()`).
    pub credential: Any<Value>,
    /// What to call it.
    #[oai(
        skip_serializing_if_is_none,
        validator(min_length = 1, max_length = 100)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Example for ConfirmPasskey {
    fn example() -> Self {
        Self {
            id: ID,
            credential: Any(json!({ "id": "AbCd", "type": "public-key" })),
            name: Some("laptop".to_owned()),
        }
    }
}

/// A factor was added. It is asked for from now on, and the account's other
/// sessions have ended.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct FactorConfirmed {
    /// The factor.
    pub factor: Factor,
    /// Ten codes for whoever loses the factor, shown once; left out if the
    /// account has codes already.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_codes: Option<Vec<Secret>>,
    /// How this session goes on.
    #[oai(flatten)]
    #[serde(flatten)]
    pub token: AccessToken,
}

impl Example for FactorConfirmed {
    fn example() -> Self {
        Self {
            factor: Factor::example(),
            recovery_codes: Some(vec![Secret::new("abcde-fghjk-mnpqr-stuvw")]),
            token: AccessToken::example(),
        }
    }
}

/// Another name for a factor.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct RenameFactor {
    /// The name; null takes it away.
    #[oai(nullable, validator(min_length = 1, max_length = 100))]
    pub name: MaybeUndefined<String>,
}

impl Example for RenameFactor {
    fn example() -> Self {
        Self {
            name: MaybeUndefined::Value("laptop".to_owned()),
        }
    }
}

/// A new set of recovery codes, shown once. Those of before are worth nothing.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct RecoveryCodes {
    /// Ten codes, each good once.
    pub recovery_codes: Vec<Secret>,
}

impl Example for RecoveryCodes {
    fn example() -> Self {
        Self {
            recovery_codes: vec![Secret::new("abcde-fghjk-mnpqr-stuvw")],
        }
    }
}
