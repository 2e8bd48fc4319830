//! Revocations: orders to end every session of a kind.

use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::{Uuid, uuid};

use crate::{Acr, Applied, Session, SessionState};

/// Which sessions. All that is said must be true of a session; at least one
/// thing must be said.
///
/// What is compared is the sign-in, which never changes: the address, the user
/// agent and the strength that it had, not those of the last refresh.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct RevocationPredicate {
    /// True to mean everybody's. Left out or false otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
    /// Of this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Uuid>,
    /// Of exactly this client.
    #[oai(validator(min_length = 1, max_length = 200))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Signed in from this address or network: `192.0.2.7`, `2001:db8::/32`.
    #[oai(validator(min_length = 2, max_length = 64))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Signed in with a user agent that holds this text, in any case.
    #[oai(validator(min_length = 1, max_length = 200))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Signed in exactly so strongly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
    /// Signed in less strongly than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr_below: Option<Acr>,
    /// That may hold tokens of this signing key (its `kid`): started before
    /// the key ceased to sign, or a minute after, as services do not change
    /// keys in the same instant.
    #[oai(validator(min_length = 1, max_length = 100))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Started before.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    pub started_before: Option<OffsetDateTime>,
    /// Started then or later.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    pub started_after: Option<OffsetDateTime>,
    /// In this state; `active` if left out. Only a preview may say another, as
    /// only what is active can be ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SessionState>,
}

impl Example for RevocationPredicate {
    fn example() -> Self {
        Self {
            client: Some("first-party".to_owned()),
            network: Some("203.0.113.0/24".to_owned()),
            started_after: Some(datetime!(2026-11-22 12:00:00 UTC)),
            ..Self::default()
        }
    }
}

/// An order to end every session of a kind, or to say which those are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub struct StartRevocation {
    /// Which sessions.
    pub predicate: RevocationPredicate,
    /// True to be told what would be ended, and end nothing.
    #[oai(default)]
    #[serde(default)]
    pub dry_run: bool,
    /// The `as_of` of a preview, at most a day old: exactly what it counted is
    /// ended, and nothing that was started since. Left out, it is now.
    #[oai(
        skip_serializing_if_is_none,
        validator(min_length = 1, max_length = 1400)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// How many sessions the caller expects it to be about, as of `as_of`: if
    /// it is another number, nothing is done. Left out, any number will do.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// Why; kept in the log. Needed unless `dry_run`.
    #[oai(
        skip_serializing_if_is_none,
        validator(min_length = 1, max_length = 500)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// True to be answered when it is carried out and every live verifier
    /// knows, at most some seconds later.
    #[oai(default)]
    #[serde(default)]
    pub wait: bool,
    /// False to end the caller's own session too, if it is one of them.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spare_own_session: Option<bool>,
}

impl Example for StartRevocation {
    fn example() -> Self {
        Self {
            predicate: RevocationPredicate::example(),
            dry_run: false,
            as_of: None,
            expected: None,
            reason: Some("credential stuffing, incident 311".to_owned()),
            wait: false,
            spare_own_session: None,
        }
    }
}

/// What an order would end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct RevocationPreview {
    /// Sessions that match, without the caller's own if that is spared.
    pub matched: u64,
    /// Accounts of these.
    pub accounts: u64,
    /// Clients of these.
    pub clients: u64,
    /// Whether the caller's own session is what the predicate says, spared or
    /// not.
    pub includes_own: bool,
    /// As of when this is true: to be sent with the order.
    pub as_of: String,
    /// The newest of them, at most 20.
    pub sample: Vec<Session>,
}

impl Example for RevocationPreview {
    fn example() -> Self {
        Self {
            matched: 212,
            accounts: 198,
            clients: 1,
            includes_own: false,
            as_of: "8391-8412@1795356187000".to_owned(),
            sample: vec![Session {
                email: Some("ada@example.com".to_owned()),
                current: None,
                ..Session::example()
            }],
        }
    }
}

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum RevocationState {
    /// It is written down, and its sessions are being counted.
    Requested,
    /// Its sessions are being ended.
    Running,
    /// It was carried out.
    Completed,
    /// It was given up before it was carried out.
    Cancelled,
    /// It was carried out but for some sessions, which its items name.
    Failed,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct Revocation {
    /// Its id.
    pub id: Uuid,
    /// How far it is.
    pub state: RevocationState,
    /// Who gave it: an account's id.
    pub by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub requested_at: OffsetDateTime,
    /// As of when it counts; left out in lists.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Which sessions; left out in lists, and once the operator was erased.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<RevocationPredicate>,
    /// Why; left out in lists, and once the operator was erased.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many sessions it is about; null until they are counted.
    #[oai(nullable)]
    pub matched: Option<u64>,
    /// How many it has ended.
    pub ended: u64,
    /// How many had ended otherwise; null until it was carried out.
    #[oai(nullable)]
    pub already_over: Option<u64>,
    /// How many could not be ended; null until it was carried out.
    #[oai(nullable)]
    pub failed: Option<u64>,
    /// Open sessions that match but were started later, as far as the read
    /// models knew when it was given; left out everywhere else.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_since: Option<u64>,
    /// When its sessions were counted; null until then.
    #[oai(nullable)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it was carried out or given up; null until then.
    #[oai(nullable)]
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// The position in the log that this shows.
    pub position: String,
    /// Who has applied the ends that `ended` counts, as the answering instance
    /// has heard; left out in lists, and until there is such an end or the
    /// order was carried out.
    #[oai(skip_serializing_if_is_none)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Applied>,
}

impl Example for Revocation {
    fn example() -> Self {
        Self {
            id: uuid!("019a2b3c-6b12-7d33-8f11-2c3d4e5f6007"),
            state: RevocationState::Running,
            by: "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007".to_owned(),
            requested_at: datetime!(2026-11-22 14:23:11 UTC),
            as_of: Some("8391-8412@1795356187000".to_owned()),
            predicate: Some(RevocationPredicate::example()),
            reason: Some("credential stuffing, incident 311".to_owned()),
            matched: Some(212),
            ended: 120,
            already_over: None,
            failed: None,
            started_since: None,
            started_at: Some(datetime!(2026-11-22 14:23:11 UTC)),
            finished_at: None,
            position: "1.8414".to_owned(),
            applied: None,
        }
    }
}

/// What has become of one session of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum RevocationItemState {
    /// The order ended it.
    Ended,
    /// It had ended otherwise.
    AlreadyOver,
    /// It is to be ended.
    Pending,
    /// It could not be ended.
    Failed,
    /// The order was given up before its turn.
    Left,
}

/// One session of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Object)]
#[oai(example)]
pub struct RevocationItem {
    /// The session.
    pub session_id: Uuid,
    /// Whose it is.
    pub account_id: Uuid,
    /// What has become of it.
    pub state: RevocationItemState,
}

impl Example for RevocationItem {
    fn example() -> Self {
        Self {
            session_id: uuid!("019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07"),
            account_id: uuid!("019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007"),
            state: RevocationItemState::Ended,
        }
    }
}
