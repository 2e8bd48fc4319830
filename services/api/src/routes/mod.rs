//! Every endpoint, one small file each.

mod admin;
mod answer;
pub(crate) mod auth;
mod feed;
mod history;
mod me;
mod note;
mod oauth2;
mod operations;
pub(crate) mod page;
pub(crate) mod show;
mod sse;
mod tags;

use countersign_openapi::ProblemCode;

use crate::access::ACCESS;
use poem_openapi::OpenApiService;

/// The page of routes.
pub(crate) type Routes = (
    (
        auth::Register,
        auth::Login,
        auth::Passkey,
        auth::Refresh,
        auth::Logout,
        auth::StepUp,
        auth::Password,
        auth::Email,
        auth::Verify,
    ),
    (me::Me, me::MyLife, me::MySessions, me::MyFactors),
    (
        admin::Overview,
        admin::Sessions,
        admin::Revocations,
        admin::Accounts,
        admin::AccountLife,
        admin::Attempts,
        admin::Events,
        admin::EventStream,
        admin::Projections,
        admin::Keys,
        admin::Verifiers,
        admin::Clients,
    ),
    (
        oauth2::Token,
        oauth2::Introspect,
        oauth2::Revoke,
        oauth2::Metadata,
    ),
    (
        feed::ListRevocations,
        feed::StreamRevocations,
        feed::ReportVerifier,
    ),
    operations::Operations,
);

/// All endpoints. Each finds the [`App`](crate::App) in its request.
pub(crate) fn service() -> OpenApiService<Routes, ()> {
    let routes = (
        (
            auth::Register,
            auth::Login,
            auth::Passkey,
            auth::Refresh,
            auth::Logout,
            auth::StepUp,
            auth::Password,
            auth::Email,
            auth::Verify,
        ),
        (me::Me, me::MyLife, me::MySessions, me::MyFactors),
        (
            admin::Overview,
            admin::Sessions,
            admin::Revocations,
            admin::Accounts,
            admin::AccountLife,
            admin::Attempts,
            admin::Events,
            admin::EventStream,
            admin::Projections,
            admin::Keys,
            admin::Verifiers,
            admin::Clients,
        ),
        (
            oauth2::Token,
            oauth2::Introspect,
            oauth2::Revoke,
            oauth2::Metadata,
        ),
        (
            feed::ListRevocations,
            feed::StreamRevocations,
            feed::ReportVerifier,
        ),
        operations::Operations,
    );
    OpenApiService::new(routes, "Countersign", env!("CARGO_PKG_VERSION"))
        .description("An event-sourced identity platform: sign-in, tokens, sessions and their end.")
}

/// What can go wrong where, for the documentation. Faults of the request's
/// form and ours are added to every operation, and so is what the page of
/// access makes of its caller.
#[rustfmt::skip]
pub(crate) fn problems() -> Vec<(&'static str, Vec<ProblemCode>)> {
    use ProblemCode::{
        Conflict, EmailTaken, InsufficientPermissions, InsufficientUserAuthentication,
        InvalidCredentials, LinkInvalid, MfaInvalid, MfaTokenInvalid, NotFound, Overloaded,
        PasswordWeak, PositionNotReached, RateLimited, RefreshExpired, RefreshInvalid,
        RefreshReused, SessionRevoked, TokenExpired, TokenInvalid, TokenMissing, TokenRevoked,
    };
    let own: &[(&str, &[ProblemCode])] = &[
        ("register", &[EmailTaken, PasswordWeak, Overloaded, Conflict, RateLimited]),
        ("login", &[InvalidCredentials, Overloaded, RateLimited]),
        ("mfa", &[MfaInvalid, MfaTokenInvalid, SessionRevoked, Overloaded, RateLimited]),
        ("passkey_options", &[MfaTokenInvalid, TokenInvalid, TokenExpired, TokenRevoked, NotFound, InsufficientPermissions]),
        ("passkey_login", &[InvalidCredentials, NotFound]),
        ("refresh", &[RefreshInvalid, RefreshExpired, RefreshReused, SessionRevoked, InsufficientUserAuthentication]),
        ("logout", &[TokenMissing, TokenInvalid, TokenExpired, TokenRevoked, RefreshInvalid, InsufficientPermissions]),
        ("get_csrf_token", &[RefreshInvalid]),
        ("forgot_password", &[RateLimited, Overloaded]),
        ("reset_password", &[LinkInvalid, PasswordWeak, Overloaded]),
        ("confirm_email", &[LinkInvalid, EmailTaken, SessionRevoked, NotFound, Conflict]),
        ("step_up", &[InvalidCredentials, MfaInvalid, InsufficientUserAuthentication, SessionRevoked, Overloaded, RateLimited]),
        ("verify", &[InsufficientPermissions, InsufficientUserAuthentication]),
        ("change_password", &[InvalidCredentials, PasswordWeak, Conflict, SessionRevoked, Overloaded, RateLimited]),
        ("request_verification", &[RateLimited, SessionRevoked]),
        ("request_email_change", &[RateLimited, SessionRevoked]),
        ("get_me", &[NotFound]),
        ("erase_me", &[NotFound]),
        ("export_me", &[NotFound, PositionNotReached]),
        ("list_my_events", &[NotFound, PositionNotReached]),
        ("list_my_sessions", &[PositionNotReached]),
        ("end_my_session", &[NotFound]),
        ("list_my_factors", &[NotFound]),
        ("offer_totp", &[Conflict, SessionRevoked]),
        ("confirm_totp", &[MfaInvalid, NotFound, Conflict, SessionRevoked, Overloaded]),
        ("offer_passkey", &[Conflict, NotFound, SessionRevoked]),
        ("confirm_passkey", &[MfaInvalid, NotFound, Conflict, SessionRevoked, Overloaded]),
        ("replace_recovery_codes", &[Conflict, SessionRevoked, Overloaded]),
        ("rename_factor", &[NotFound, SessionRevoked]),
        ("remove_factor", &[NotFound, SessionRevoked]),
        ("list_sessions", &[PositionNotReached, Overloaded]),
        ("get_session", &[NotFound, PositionNotReached, Overloaded]),
        ("list_session_events", &[NotFound]),
        ("revoke_session", &[NotFound]),
        ("start_revocation", &[Conflict, PositionNotReached]),
        ("list_revocation_orders", &[PositionNotReached]),
        ("get_revocation", &[NotFound, PositionNotReached]),
        ("list_revocation_items", &[NotFound, PositionNotReached]),
        ("cancel_revocation", &[NotFound, Conflict]),
        ("list_accounts", &[PositionNotReached, Overloaded]),
        ("get_account", &[NotFound, PositionNotReached, Overloaded]),
        ("list_account_events", &[NotFound]),
        ("list_account_attempts", &[NotFound, PositionNotReached]),
        ("rebuild_projections", &[Conflict]),
        ("suspend_account", &[NotFound]),
        ("reinstate_account", &[NotFound]),
        ("set_roles", &[NotFound]),
        ("reset_factors", &[NotFound]),
        ("revoke_account_sessions", &[NotFound]),
        ("erase_account", &[NotFound]),
        ("list_clients", &[PositionNotReached]),
        ("get_client", &[NotFound, PositionNotReached]),
        ("change_client", &[NotFound]),
        ("add_client_secret", &[NotFound, Conflict]),
        ("remove_client_secret", &[NotFound]),
        ("set_client_keys", &[NotFound]),
        ("disable_client", &[NotFound]),
        ("enable_client", &[NotFound]),
        ("rotate_keys", &[Conflict, NotFound]),
        ("revoke_key", &[NotFound, Conflict]),
    ];
    let own_of = |id: &str| own.iter().find(|(name, _)| *name == id).map_or(&[][..], |(_, codes)| codes);
    ACCESS.iter().map(|(id, access)| {
        let mut codes = access.problems().to_vec();
        for code in own_of(id) {
            if !codes.contains(code) {
                codes.push(*code);
            }
        }
        (*id, codes)
    }).collect()
}
