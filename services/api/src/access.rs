//! What every operation asks of its caller: the one place where routes declare
//! it.

use std::collections::HashMap;
use std::time::Duration;

use countersign_openapi::ProblemCode;
use countersign_verifier::{Acr, Claims, require};
use poem::http::Method;

use crate::config::ApiConfig;
use crate::denied::Denied;
use crate::permission::{Permission, permitted};

/// What an operation asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: what it needs is in the request's body, or it needs nothing.
    Open,
    /// An access token.
    SignedIn,
    /// An access token of an authentication that is new, and as strong as any
    /// the account is capable of (NIST SP 800-63B-4 section 4.1.2).
    Fresh,
    /// As [`Access::Fresh`], or an access token of the account's strength and
    /// the current password in the body, which the operation itself checks.
    FreshOrPassword,
    /// An access token whose roles permit this.
    Reader(Permission),
    /// An access token whose roles permit this, of a new authentication with
    /// two factors.
    Operator(Permission),
}

/// The page of access: operation id and what it asks. A test holds it equal
/// to the operations of the document.
#[rustfmt::skip]
pub(crate) const ACCESS: &[(&str, Access)] = {
    use Access::{Fresh, FreshOrPassword, Open, Operator, Reader, SignedIn};
    use Permission::{AccountsErase, AccountsRead, AccountsWrite, EventsRead, ProjectionsRead, SessionsRead, SessionsRevoke};
    &[
        ("register", Open),
        ("login", Open),
        ("mfa", Open),
        ("passkey_options", Open),
        ("passkey_login", Open),
        ("refresh", Open),
        ("logout", Open),
        ("get_csrf_token", Open),
        ("forgot_password", Open),
        ("reset_password", Open),
        ("confirm_email", Open),
        ("logout_all", SignedIn),
        ("verify", SignedIn),
        ("step_up", SignedIn),
        ("change_password", FreshOrPassword),
        ("request_verification", SignedIn),
        ("request_email_change", Fresh),
        ("get_me", SignedIn),
        ("update_me", SignedIn),
        ("erase_me", Fresh),
        ("export_me", Fresh),
        ("list_my_events", SignedIn),
        ("list_my_sessions", SignedIn),
        ("end_my_session", SignedIn),
        ("list_my_factors", SignedIn),
        ("offer_totp", Fresh),
        ("confirm_totp", Fresh),
        ("offer_passkey", Fresh),
        ("confirm_passkey", Fresh),
        ("replace_recovery_codes", Fresh),
        ("rename_factor", SignedIn),
        ("remove_factor", Fresh),
        ("get_overview", Reader(SessionsRead)),
        ("list_sessions", Reader(SessionsRead)),
        ("get_session", Reader(SessionsRead)),
        ("list_session_events", Reader(SessionsRead)),
        ("revoke_session", Operator(SessionsRevoke)),
        ("list_accounts", Reader(AccountsRead)),
        ("get_account", Reader(AccountsRead)),
        ("list_account_events", Reader(AccountsRead)),
        ("suspend_account", Operator(AccountsWrite)),
        ("reinstate_account", Operator(AccountsWrite)),
        ("set_roles", Operator(AccountsWrite)),
        ("reset_factors", Operator(AccountsWrite)),
        ("revoke_account_sessions", Operator(SessionsRevoke)),
        ("erase_account", Operator(AccountsErase)),
        ("list_events", Reader(EventsRead)),
        ("list_projections", Reader(ProjectionsRead)),
        ("healthz", Open),
        ("readyz", Open),
        ("jwks", Open),
        ("metrics", Open),
    ]
};

/// What is asked where, by method and pattern of the path.
pub(crate) struct AccessTable(HashMap<(Method, String), Access>);

impl AccessTable {
    /// The table of the operations in a document, as `(method, path,
    /// operation id)`. What the page of access does not name, nobody may call.
    pub(crate) fn new<'a>(
        operations: impl Iterator<Item = (Method, String, &'a str)>,
    ) -> Result<Self, Denied> {
        let mut table = HashMap::new();
        for (method, path, id) in operations {
            let found = ACCESS.iter().find(|(name, _)| *name == id);
            let (_, access) = found
                .ok_or_else(|| Denied::Broken(format!("{id} is missing on the page of access")))?;
            table.insert((method, path), *access);
        }
        Ok(Self(table))
    }

    /// What the operation asks. An operation that is not in the table is a
    /// fault of ours and refused.
    pub(crate) fn of(&self, method: &Method, pattern: &str) -> Result<Access, Denied> {
        let method = if *method == Method::HEAD {
            Method::GET
        } else {
            method.clone()
        };
        self.0
            .get(&(method, pattern.to_owned()))
            .copied()
            .ok_or_else(|| Denied::Broken("an operation without a rule of access".into()))
    }
}

impl Access {
    /// How it refuses, for the documentation.
    pub(crate) fn problems(self) -> &'static [ProblemCode] {
        use ProblemCode::{
            InsufficientPermissions, InsufficientUserAuthentication, TokenExpired, TokenInvalid,
            TokenMissing, TokenRevoked,
        };
        match self {
            Self::Open => &[],
            Self::SignedIn => &[TokenMissing, TokenInvalid, TokenExpired, TokenRevoked],
            Self::Fresh | Self::FreshOrPassword => &[
                TokenMissing,
                TokenInvalid,
                TokenExpired,
                TokenRevoked,
                InsufficientUserAuthentication,
            ],
            Self::Reader(_) => &[
                TokenMissing,
                TokenInvalid,
                TokenExpired,
                TokenRevoked,
                InsufficientPermissions,
            ],
            Self::Operator(_) => &[
                TokenMissing,
                TokenInvalid,
                TokenExpired,
                TokenRevoked,
                InsufficientPermissions,
                InsufficientUserAuthentication,
            ],
        }
    }

    /// Whether the decision needs the account as it is now.
    pub(crate) fn asks_for_account(self) -> bool {
        matches!(self, Self::Fresh | Self::FreshOrPassword)
    }

    /// Refuses a caller who does not bring what is asked. `needs_factor` says
    /// whether the account has a second factor; it counts only where
    /// [`Access::asks_for_account`].
    pub(crate) fn check(
        self,
        claims: &Claims,
        needs_factor: bool,
        config: &ApiConfig,
        now_unix_seconds: u64,
    ) -> Result<(), Denied> {
        let own = if needs_factor { Acr::Aal2 } else { Acr::Aal1 };
        let permission = match self {
            Self::Reader(permission) | Self::Operator(permission) => Some(permission),
            _ => None,
        };
        if permission.is_some_and(|permission| !permitted(&claims.roles, permission)) {
            return Err(Denied::Forbidden);
        }
        let (acr, max_age): (Acr, Option<Duration>) = match self {
            Self::Open | Self::SignedIn | Self::Reader(_) => return Ok(()),
            Self::Fresh => (own, Some(config.own_max_age)),
            Self::FreshOrPassword => (own, None),
            Self::Operator(_) => (Acr::Aal2, Some(config.operator_max_age)),
        };
        let max_age = max_age.map(|age| age.as_secs());
        require(claims, Some(acr), max_age, now_unix_seconds).map_err(Denied::StepUp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str) -> Access {
        let found = ACCESS.iter().find(|(name, _)| *name == id);
        found.map_or_else(|| panic!("{id} is missing"), |(_, access)| *access)
    }

    /// Every operation of the document, as method, path and id.
    fn operations() -> Vec<(String, String, String)> {
        let document = crate::service::document().expect("no gaps");
        let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
        let listed = crate::http::operations(&document);
        listed
            .map(|(method, path, id)| (method.to_owned(), path, id.to_owned()))
            .collect()
    }

    #[test]
    fn the_page_names_every_operation_once_and_no_other() {
        let mut named: Vec<&str> = ACCESS.iter().map(|(id, _)| *id).collect();
        named.sort_unstable();
        let operations = operations();
        let mut known: Vec<&str> = operations.iter().map(|(_, _, id)| id.as_str()).collect();
        known.sort_unstable();
        assert_eq!(named, known);
    }

    /// What an operator changes needs two fresh factors, what one changes
    /// about getting in needs a fresh authentication, and nothing under
    /// `/v1/admin` is open.
    #[test]
    fn what_changes_something_asks_for_what_its_place_asks() {
        for (method, path, id) in operations() {
            let reads = method == "get";
            let access = of(&id);
            let fits = if path.starts_with("/v1/admin/") {
                match access {
                    Access::Reader(_) => reads,
                    Access::Operator(_) => !reads,
                    _ => false,
                }
            } else if path.starts_with("/v1/me/factors") && !reads {
                access == Access::Fresh || id == "rename_factor"
            } else if path == "/v1/me" && method == "delete"
                || ["/v1/me/export", "/v1/me/email"].contains(&path.as_str())
            {
                access == Access::Fresh
            } else if path.starts_with("/v1/me") {
                access == Access::SignedIn || access == Access::Fresh
            } else {
                !matches!(access, Access::Reader(_) | Access::Operator(_))
            };
            assert!(fits, "{method} {path} ({id}): {access:?}");
        }
    }

    #[test]
    fn strength_age_and_permission_are_all_asked() {
        let claims = |acr: &str, auth_time: u64, roles: &[&str]| Claims {
            iss: String::new(),
            sub: uuid::Uuid::nil(),
            aud: countersign_verifier::Audience::from("a"),
            exp: 0,
            iat: 0,
            nbf: 0,
            jti: String::new(),
            client_id: String::new(),
            sid: uuid::Uuid::nil(),
            epoch: 0,
            scope: String::new(),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            acr: Some(acr.to_owned()),
            amr: Vec::new(),
            auth_time: Some(auth_time),
            cnf: None,
            act: None,
        };
        let config = ApiConfig::default();
        let now = 100_000;
        let check =
            |access: Access, claims: &Claims, factor| access.check(claims, factor, &config, now);
        let operator = Access::Operator(Permission::SessionsRevoke);
        let good = claims("aal2", now - 900, &["operator"]);
        assert!(check(operator, &good, false).is_ok());
        let old = claims("aal2", now - 901, &["operator"]);
        assert!(matches!(
            check(operator, &old, false),
            Err(Denied::StepUp(_))
        ));
        let weak = claims("aal1", now, &["operator"]);
        assert!(matches!(
            check(operator, &weak, false),
            Err(Denied::StepUp(_))
        ));
        let stranger = claims("aal3", now, &["user"]);
        assert!(matches!(
            check(operator, &stranger, false),
            Err(Denied::Forbidden)
        ));
        let password = claims("aal1", now - 300, &["user"]);
        assert!(check(Access::Fresh, &password, false).is_ok());
        assert!(matches!(
            check(Access::Fresh, &password, true),
            Err(Denied::StepUp(_))
        ));
        let stale = claims("aal1", now - 301, &["user"]);
        assert!(matches!(
            check(Access::Fresh, &stale, false),
            Err(Denied::StepUp(_))
        ));
        assert!(check(Access::FreshOrPassword, &stale, false).is_ok());
        assert!(matches!(
            check(Access::FreshOrPassword, &stale, true),
            Err(Denied::StepUp(_))
        ));
    }
}
