//! Sessions.

use std::collections::BTreeMap;

use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::{Uuid, uuid};

use crate::Cause;

/// How strongly the person is known: the authentication context class
/// (RFC 9470, NIST SP 800-63B).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Enum,
)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Acr {
    /// One factor.
    Aal1,
    /// Two factors.
    Aal2,
    /// Two factors, phishing-resistant.
    Aal3,
}

/// Whether a session can still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum SessionState {
    /// It can be refreshed.
    Active,
    /// Its time ran out.
    Expired,
    /// Somebody, or a rule, ended it.
    Revoked,
}

/// How a session came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Ended {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who: an account's id, or `system`.
    pub by: String,
    /// Why, in one word: `logout`, `refresh_reused`, `revoked_by_operator`.
    pub reason: String,
    /// What the operator wrote who ended this session; only operators are
    /// told. Left out if nobody wrote anything about this session alone. Show
    /// it through `display_safe` only.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Example for Ended {
    fn example() -> Self {
        Self {
            at: datetime!(2026-11-22 14:23:11 UTC),
            by: "system".to_owned(),
            reason: "refresh_reused".to_owned(),
            note: None,
        }
    }
}

/// One signed-in device or program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Session {
    /// Its id; the `sid` of its tokens.
    pub id: Uuid,
    /// Whose it is.
    pub account_id: Uuid,
    /// The account's address, in lists over many accounts; left out elsewhere.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether it can still be used.
    pub state: SessionState,
    /// The program it was opened with: a client id.
    pub client: String,
    /// The address it was opened from; null once it is forgotten.
    #[oai(nullable)]
    pub ip: Option<String>,
    /// The `User-Agent` it was opened with, cut to 512 bytes; null if there
    /// was none, or once it is forgotten. Show it through `display_safe` only.
    #[oai(nullable)]
    pub user_agent: Option<String>,
    /// How strongly the person is known in it.
    pub acr: Acr,
    /// The factors that were used (RFC 8176).
    pub amr: Vec<String>,
    /// When it was opened.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// When it was last refreshed.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
    /// When it ends if nothing happens before.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// How often it was refreshed.
    pub generation: u64,
    /// How it came to its end; null while it has not.
    #[oai(nullable)]
    pub ended: Option<Ended>,
    /// When it was last used from elsewhere than where it is tied to; left out
    /// if that was not seen.
    #[oai(skip_serializing_if_is_none)]
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    pub elsewhere_at: Option<OffsetDateTime>,
    /// Whether it is the caller's own; left out where nobody's is.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<bool>,
    /// The position in the log that this row shows.
    pub position: String,
    /// By field, the event that gave it the value it has; only in the answer
    /// about one session as of a moment.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causes: Option<BTreeMap<String, Cause>>,
}

impl Example for Session {
    fn example() -> Self {
        Self {
            id: uuid!("019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07"),
            account_id: uuid!("019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007"),
            email: None,
            elsewhere_at: None,
            state: SessionState::Active,
            client: "first-party".to_owned(),
            ip: Some("203.0.113.17".to_owned()),
            user_agent: Some("curl/8.14.1".to_owned()),
            acr: Acr::Aal1,
            amr: vec!["pwd".to_owned()],
            started_at: datetime!(2026-11-22 14:03:07 UTC),
            last_seen_at: datetime!(2026-11-22 14:18:40 UTC),
            expires_at: datetime!(2026-11-29 14:18:40 UTC),
            generation: 1,
            ended: None,
            current: Some(true),
            position: "3.8412".to_owned(),
            causes: None,
        }
    }
}

/// Why a session is ended. The words are kept in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct RevokeSession {
    /// One to 200 characters, for whoever reads the history later.
    #[oai(validator(min_length = 1, max_length = 200))]
    pub reason: String,
    /// Whether to wait, two seconds at most, until every verifier has applied
    /// it, and to say which have not.
    #[oai(default)]
    #[serde(default)]
    pub wait: bool,
}

impl Example for RevokeSession {
    fn example() -> Self {
        Self {
            reason: "credential stuffing, incident 311".to_owned(),
            wait: false,
        }
    }
}
