//! Every endpoint, one small file each.

mod admin;
mod answer;
pub(crate) mod auth;
mod history;
mod me;
mod operations;
mod page;
mod show;
mod tags;

use countersign_openapi::ProblemCode;
use poem_openapi::OpenApiService;

/// The page of routes.
pub(crate) type Routes = (
    (
        auth::Register,
        auth::Login,
        auth::Refresh,
        auth::Logout,
        auth::Verify,
    ),
    (me::Me, me::MySessions),
    (
        admin::Overview,
        admin::Sessions,
        admin::Accounts,
        admin::Events,
        admin::Projections,
    ),
    operations::Operations,
);

/// All endpoints. Each finds the [`App`](crate::App) in its request.
pub(crate) fn service() -> OpenApiService<Routes, ()> {
    let routes = (
        (
            auth::Register,
            auth::Login,
            auth::Refresh,
            auth::Logout,
            auth::Verify,
        ),
        (me::Me, me::MySessions),
        (
            admin::Overview,
            admin::Sessions,
            admin::Accounts,
            admin::Events,
            admin::Projections,
        ),
        operations::Operations,
    );
    OpenApiService::new(routes, "Countersign", env!("CARGO_PKG_VERSION"))
        .description("An event-sourced identity platform: sign-in, tokens, sessions and their end.")
}

/// What can go wrong where, for the documentation. Faults of the request's
/// form and ours are added to every operation.
#[rustfmt::skip]
pub(crate) fn problems() -> Vec<(&'static str, Vec<ProblemCode>)> {
    use ProblemCode::{
        EmailTaken, InsufficientPermissions, InvalidCredentials, NotFound, Overloaded,
        PasswordWeak, PositionNotReached, RefreshExpired, RefreshInvalid, RefreshReused,
        SessionRevoked, TokenExpired, TokenInvalid, TokenMissing, TokenRevoked, Conflict,
    };
    let bearer = [TokenMissing, TokenInvalid, TokenExpired, TokenRevoked];
    let with = |more: &[ProblemCode]| [&bearer, more].concat();
    vec![
        ("register", vec![EmailTaken, PasswordWeak, Overloaded, Conflict]),
        ("login", vec![InvalidCredentials, Overloaded]),
        ("refresh", vec![RefreshInvalid, RefreshExpired, RefreshReused, SessionRevoked]),
        ("logout", with(&[RefreshInvalid])),
        ("logout_all", with(&[])),
        ("verify", with(&[])),
        ("get_me", with(&[])),
        ("update_me", with(&[])),
        ("list_my_sessions", with(&[PositionNotReached])),
        ("end_my_session", with(&[NotFound])),
        ("get_overview", with(&[InsufficientPermissions])),
        ("list_sessions", with(&[InsufficientPermissions, PositionNotReached])),
        ("get_session", with(&[InsufficientPermissions, NotFound, PositionNotReached])),
        ("list_session_events", with(&[InsufficientPermissions, NotFound])),
        ("revoke_session", with(&[InsufficientPermissions, NotFound])),
        ("list_accounts", with(&[InsufficientPermissions, PositionNotReached])),
        ("get_account", with(&[InsufficientPermissions, NotFound, PositionNotReached])),
        ("list_account_events", with(&[InsufficientPermissions, NotFound])),
        ("list_events", with(&[InsufficientPermissions])),
        ("list_projections", with(&[InsufficientPermissions])),
        ("healthz", vec![]),
        ("readyz", vec![]),
        ("jwks", vec![]),
        ("metrics", vec![]),
    ]
}
