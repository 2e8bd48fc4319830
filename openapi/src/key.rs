//! Signing keys, as operators see and change them.

use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::Applied;

/// Where a signing key is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum SigningKeyState {
    /// Published, so that verifiers know it before its first token.
    Next,
    /// It signs new tokens.
    Active,
    /// Another key signs; tokens of this one may still be valid.
    Retiring,
    /// None of its tokens is valid any more. It is not published.
    Retired,
    /// Its tokens are refused, whatever they say. It is not published.
    Revoked,
}

/// A key that signs access tokens, or did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct SigningKey {
    /// Its id: the RFC 7638 thumbprint, the `kid` of its tokens.
    pub kid: String,
    /// What it signs with: `ES256` or `EdDSA`.
    pub algorithm: String,
    /// Where it is in its life.
    pub state: SigningKeyState,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was first published.
    #[serde(with = "time::serde::rfc3339")]
    pub published_at: OffsetDateTime,
    /// Since when it signs; of a key that is next, from when on it may, if no
    /// verifier lacks it. Left out if it was revoked before.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    pub signs_from: Option<OffsetDateTime>,
    /// When another key took its place; left out if none has.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    pub superseded_at: Option<OffsetDateTime>,
    /// When it is, or was, published no more; left out before it is
    /// superseded.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    pub retires_at: Option<OffsetDateTime>,
    /// When it was revoked; left out unless it was.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    pub revoked_at: Option<OffsetDateTime>,
    /// By whom: the id of an account; left out unless it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<String>,
    /// Of a key that is next or active: the live verifiers that report what
    /// they hold and do not hold it.
    pub lacking: Vec<String>,
}

impl Example for SigningKey {
    fn example() -> Self {
        Self {
            kid: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".to_owned(),
            algorithm: "ES256".to_owned(),
            state: SigningKeyState::Next,
            created_at: datetime!(2026-11-22 14:03:07 UTC),
            published_at: datetime!(2026-11-22 14:03:07 UTC),
            signs_from: Some(datetime!(2026-11-22 14:08:17 UTC)),
            superseded_at: None,
            retires_at: None,
            revoked_at: None,
            revoked_by: None,
            lacking: vec!["orders".to_owned()],
        }
    }
}

/// A wish for another key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct RotateKeys {
    /// True to sign with it at once, although verifiers may have to fetch the
    /// keys again before they know it.
    #[oai(default)]
    #[serde(default)]
    pub force: bool,
    /// It is kept with the event, for whoever asks later.
    #[oai(validator(min_length = 1, max_length = 500))]
    pub reason: String,
}

impl Example for RotateKeys {
    fn example() -> Self {
        Self {
            force: false,
            reason: "before the audit, ticket 8412".to_owned(),
        }
    }
}

/// The end of a key that somebody else may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct RevokeKey {
    /// It is kept with the event, for whoever asks later.
    #[oai(validator(min_length = 1, max_length = 500))]
    pub reason: String,
    /// True to be answered when every live verifier has applied it, or when it
    /// is known which have not.
    #[oai(default)]
    #[serde(default)]
    pub wait: bool,
}

impl Example for RevokeKey {
    fn example() -> Self {
        Self {
            reason: "copied from a stolen backup, incident 313".to_owned(),
            wait: true,
        }
    }
}

/// A key that was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct KeyRevoked {
    /// The key as it is now.
    pub key: SigningKey,
    /// Who has applied it; left out unless that was waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Applied>,
}

impl Example for KeyRevoked {
    fn example() -> Self {
        Self {
            key: SigningKey {
                state: SigningKeyState::Revoked,
                revoked_at: Some(datetime!(2026-11-22 14:23:11 UTC)),
                lacking: Vec::new(),
                ..SigningKey::example()
            },
            applied: Some(Applied::example()),
        }
    }
}
