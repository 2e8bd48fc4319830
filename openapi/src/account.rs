//! Accounts.

use std::collections::BTreeMap;

use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::{Uuid, uuid};

use crate::Cause;

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum AccountState {
    /// It may.
    Active,
    /// An operator has suspended it.
    Suspended,
}

/// What an operator wrote when they did something to an account as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct AccountNote {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who: an account's id.
    pub by: String,
    /// What they did, in one word: `suspended`, `reinstated`, `roles_changed`,
    /// `factors_reset`, `sessions_ended`.
    pub what: String,
    /// Why, in their words. Show it through `display_safe` only.
    pub note: String,
    /// Where it stands in the log.
    pub position: String,
}

impl Example for AccountNote {
    fn example() -> Self {
        Self {
            at: datetime!(2026-11-22 14:23:11 UTC),
            by: "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6008".to_owned(),
            what: "suspended".to_owned(),
            note: "incident 311".to_owned(),
            position: "3.8412".to_owned(),
        }
    }
}

/// A person's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Account {
    /// Its id; never reused.
    pub id: Uuid,
    /// The address to log in with, as it was given.
    pub email: String,
    /// How the person wants to be called; null if never said.
    #[oai(nullable)]
    pub display_name: Option<String>,
    /// Whether the address was proved to be theirs.
    pub email_verified: bool,
    /// Names of the roles, which are sets of permissions.
    pub roles: Vec<String>,
    /// When it was registered.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Whether it may be used.
    pub state: AccountState,
    /// Whether a login asks for a second factor.
    pub mfa: bool,
    /// The kinds of second factors it has: `totp`, `passkey`.
    #[serde(default)]
    pub factors: Vec<String>,
    /// Its sessions that can be refreshed; only in an operator's answer about
    /// one account.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_active: Option<u64>,
    /// What an operator wrote when they last did something to it as a whole;
    /// only in an operator's answer about one account, and left out if there
    /// is nothing or if it cannot be read any more.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noted: Option<AccountNote>,
    /// By field, the event that gave it the value it has; only in the answer
    /// about one account as of a moment.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causes: Option<BTreeMap<String, Cause>>,
}

impl Example for Account {
    fn example() -> Self {
        Self {
            id: uuid!("019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007"),
            email: "ada@example.com".to_owned(),
            display_name: Some("Ada".to_owned()),
            email_verified: false,
            roles: vec!["user".to_owned()],
            created_at: datetime!(2026-11-22 14:03:07 UTC),
            state: AccountState::Active,
            mfa: false,
            factors: Vec::new(),
            sessions_active: None,
            noted: None,
            causes: None,
        }
    }
}

/// What to change about oneself. A field that is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct UpdateMe {
    /// The new name; null takes it away.
    #[oai(
        nullable,
        skip_serializing_if = "MaybeUndefined::is_undefined",
        validator(min_length = 1, max_length = 100)
    )]
    #[serde(default, skip_serializing_if = "MaybeUndefined::is_undefined")]
    pub display_name: MaybeUndefined<String>,
}

impl Example for UpdateMe {
    fn example() -> Self {
        Self {
            display_name: MaybeUndefined::Value("Ada L.".to_owned()),
        }
    }
}
