//! The life of an account: its password, its address, its end.

use poem_openapi::Object;
use poem_openapi::types::Example;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::{Uuid, uuid};

use crate::{Account, Factor, Secret, Session};

/// Another password.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct ChangePassword {
    /// The password until now. Left out by who has just stepped up.
    #[oai(
        skip_serializing_if_is_none,
        validator(min_length = 1, max_length = 1024)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_password: Option<Secret>,
    /// The password from now on.
    #[oai(validator(min_length = 1, max_length = 1024))]
    pub new_password: Secret,
}

impl Example for ChangePassword {
    fn example() -> Self {
        Self {
            current_password: Some(Secret::new("correct horse battery staple")),
            new_password: Secret::new("four more words, quite unlikely"),
        }
    }
}

/// Somebody forgot the password.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct ForgotPassword {
    /// The account's address, in any spelling.
    #[oai(validator(min_length = 1, max_length = 254))]
    pub email: String,
}

impl Example for ForgotPassword {
    fn example() -> Self {
        Self {
            email: "ada@example.com".to_owned(),
        }
    }
}

/// Another password, by a token that came by mail.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct ResetPassword {
    /// The token in the mail. Good once, for thirty minutes.
    #[oai(validator(min_length = 1, max_length = 512))]
    pub token: Secret,
    /// The password from now on.
    #[oai(validator(min_length = 1, max_length = 1024))]
    pub password: Secret,
}

impl Example for ResetPassword {
    fn example() -> Self {
        Self {
            token: Secret::new("csa_AbCdEfGhIjKlMnOpQrStUv"),
            password: Secret::new("four more words, quite unlikely"),
        }
    }
}

/// What came by mail.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct ConfirmToken {
    /// The token in the mail. Good once.
    #[oai(validator(min_length = 1, max_length = 512))]
    pub token: Secret,
}

impl Example for ConfirmToken {
    fn example() -> Self {
        Self {
            token: Secret::new("csa_AbCdEfGhIjKlMnOpQrStUv"),
        }
    }
}

/// Another address.
#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct RequestEmailChange {
    /// The address to be. A mail to it asks for proof.
    #[oai(validator(min_length = 3, max_length = 254))]
    pub email: String,
}

impl Example for RequestEmailChange {
    fn example() -> Self {
        Self {
            email: "ada@example.org".to_owned(),
        }
    }
}

/// Why an operator acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct Reason {
    /// It is kept with the event, for whoever asks later.
    #[oai(validator(min_length = 1, max_length = 500))]
    pub reason: String,
}

impl Example for Reason {
    fn example() -> Self {
        Self {
            reason: "asked for by phone, case 8412".to_owned(),
        }
    }
}

/// The roles of an account, all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct SetRoles {
    /// Names of roles: `user`, `support`, `operator`, `admin`.
    #[oai(validator(max_items = 16, unique_items))]
    pub roles: Vec<String>,
    /// It is kept with the event, for whoever asks later.
    #[oai(validator(min_length = 1, max_length = 500))]
    pub reason: String,
    /// Whether to wait, two seconds at most, until every verifier has applied
    /// it, and to say which have not.
    #[oai(default)]
    #[serde(default)]
    pub wait: bool,
}

impl Example for SetRoles {
    fn example() -> Self {
        Self {
            roles: vec!["user".to_owned(), "support".to_owned()],
            reason: "joined the support team".to_owned(),
            wait: false,
        }
    }
}

/// Something that happened to one's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct SecurityEvent {
    /// Where it stands in the log.
    pub position: String,
    /// When it happened.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What happened: the noun and the name of the event.
    pub name: String,
    /// The session it concerns; null if it concerns none.
    #[oai(nullable)]
    pub session_id: Option<Uuid>,
    /// Whether somebody else did it: an operator, or Countersign itself.
    pub by_other: bool,
    /// The address it came from; null if that is not kept with it.
    #[oai(nullable)]
    pub ip: Option<String>,
    /// The user agent, as the client told it; null if that is not kept with
    /// it.
    #[oai(nullable)]
    pub user_agent: Option<String>,
}

impl Example for SecurityEvent {
    fn example() -> Self {
        Self {
            position: "3.8412".to_owned(),
            at: datetime!(2026-11-22 14:03:07 UTC),
            name: "session.started".to_owned(),
            session_id: Some(uuid!("019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07")),
            by_other: false,
            ip: Some("192.0.2.7".to_owned()),
            user_agent: Some("curl/8.14".to_owned()),
        }
    }
}

/// Everything that is kept of a person, in a form that other programs read
/// (GDPR article 20).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Export {
    /// When it was put together.
    #[serde(with = "time::serde::rfc3339")]
    pub exported_at: OffsetDateTime,
    /// The account.
    pub account: Account,
    /// Its second factors, without their secrets.
    pub factors: Vec<Factor>,
    /// Its sessions, the newest first.
    pub sessions: Vec<Session>,
    /// What happened to it, the newest first.
    pub events: Vec<SecurityEvent>,
    /// Whether there is more than an export holds: then the lists say the
    /// rest.
    pub truncated: bool,
}

impl Example for Export {
    fn example() -> Self {
        Self {
            exported_at: datetime!(2026-11-22 14:03:07 UTC),
            account: Account::example(),
            factors: vec![Factor::example()],
            sessions: vec![Session::example()],
            events: vec![SecurityEvent::example()],
            truncated: false,
        }
    }
}
