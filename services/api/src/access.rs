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
    /// A service's own token with this scope, or an access token whose roles
    /// permit this.
    Service(Scope, Permission),
    /// That a client proves itself, in the request (RFC 6749 section 2.3): see
    /// `client/`. No access token counts.
    Client,
}

/// What a service may do here with its own token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Follow the revocation feed, and report how far it has come.
    RevocationsRead,
}

impl Scope {
    /// As it stands in tokens (RFC 6749 section 3.3).
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::RevocationsRead => "revocations:read",
        }
    }
}

/// The page of access: operation id and what it asks. A test holds it equal
/// to the operations of the document.
#[rustfmt::skip]
pub(crate) const ACCESS: &[(&str, Access)] = {
    use Access::{Client, Fresh, FreshOrPassword, Open, Operator, Reader, Service, SignedIn};
    use Permission::{AccountsErase, AccountsRead, AccountsWrite, ClientsRead, ClientsWrite, EventsRead, KeysRead, KeysRotate, ProjectionsRead, ProjectionsWrite, SessionsRead, SessionsRevoke, VerifiersRead};
    use Scope::RevocationsRead;
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
        ("start_revocation", Operator(SessionsRevoke)),
        ("list_revocation_orders", Reader(SessionsRead)),
        ("get_revocation", Reader(SessionsRead)),
        ("list_revocation_items", Reader(SessionsRead)),
        ("cancel_revocation", Operator(SessionsRevoke)),
        ("list_accounts", Reader(AccountsRead)),
        ("get_account", Reader(AccountsRead)),
        ("list_account_events", Reader(AccountsRead)),
        ("list_account_attempts", Reader(AccountsRead)),
        ("suspend_account", Operator(AccountsWrite)),
        ("reinstate_account", Operator(AccountsWrite)),
        ("set_roles", Operator(AccountsWrite)),
        ("reset_factors", Operator(AccountsWrite)),
        ("revoke_account_sessions", Operator(SessionsRevoke)),
        ("erase_account", Operator(AccountsErase)),
        ("list_events", Reader(EventsRead)),
        ("stream_events", Reader(EventsRead)),
        ("list_projections", Reader(ProjectionsRead)),
        ("repair_projections", Operator(ProjectionsWrite)),
        ("rebuild_projections", Operator(ProjectionsWrite)),
        ("list_keys", Reader(KeysRead)),
        ("rotate_keys", Operator(KeysRotate)),
        ("revoke_key", Operator(KeysRotate)),
        ("list_clients", Reader(ClientsRead)),
        ("register_client", Operator(ClientsWrite)),
        ("get_client", Reader(ClientsRead)),
        ("change_client", Operator(ClientsWrite)),
        ("add_client_secret", Operator(ClientsWrite)),
        ("remove_client_secret", Operator(ClientsWrite)),
        ("set_client_keys", Operator(ClientsWrite)),
        ("disable_client", Operator(ClientsWrite)),
        ("enable_client", Operator(ClientsWrite)),
        ("token", Client),
        ("introspect", Client),
        ("revoke_token", Client),
        ("oauth_metadata", Open),
        ("list_verifiers", Reader(VerifiersRead)),
        ("list_revocations", Service(RevocationsRead, VerifiersRead)),
        ("stream_revocations", Service(RevocationsRead, VerifiersRead)),
        ("report_verifier", Service(RevocationsRead, VerifiersRead)),
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
            Self::Open | Self::Client => &[],
            Self::Fresh | Self::FreshOrPassword | Self::Operator(_) => &[
                TokenMissing,
                TokenInvalid,
                TokenExpired,
                TokenRevoked,
                InsufficientPermissions,
                InsufficientUserAuthentication,
            ],
            Self::SignedIn | Self::Reader(_) | Self::Service(..) => &[
                TokenMissing,
                TokenInvalid,
                TokenExpired,
                TokenRevoked,
                InsufficientPermissions,
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
        if let Self::Service(scope, _) = self
            && claims.is_service()
            && claims.act.is_none()
            && claims.has_scope(scope.as_str())
        {
            return Ok(());
        }
        // Nobody is let in by a token where a client is asked for.
        if self == Self::Client {
            return Err(Denied::Forbidden);
        }
        only_people(claims)?;
        let own = if needs_factor { Acr::Aal2 } else { Acr::Aal1 };
        let permission = match self {
            Self::Reader(permission)
            | Self::Operator(permission)
            | Self::Service(_, permission) => Some(permission),
            _ => None,
        };
        if permission.is_some_and(|permission| !permitted(&claims.roles, permission)) {
            return Err(Denied::Forbidden);
        }
        let (acr, max_age): (Acr, Option<Duration>) = match self {
            Self::Open | Self::Client | Self::SignedIn | Self::Reader(_) | Self::Service(..) => {
                return Ok(());
            }
            Self::Fresh => (own, Some(config.own_max_age)),
            Self::FreshOrPassword => (own, None),
            Self::Operator(_) => (Acr::Aal2, Some(config.operator_max_age)),
        };
        let max_age = max_age.map(|age| age.as_secs());
        require(claims, Some(acr), max_age, now_unix_seconds).map_err(Denied::StepUp)
    }
}

/// Refuses a service's own token, and one with which a service acts for
/// somebody: what people may do here, they do themselves.
pub(crate) fn only_people(claims: &Claims) -> Result<(), Denied> {
    let is_machine = claims.client_id.parse() == Ok(claims.sub);
    if is_machine || claims.act.is_some() {
        return Err(Denied::Forbidden);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
