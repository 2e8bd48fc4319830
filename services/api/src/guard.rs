//! Who is asking.

use std::sync::Arc;

use countersign_events::{AccountId, Actor, SessionId};
use countersign_verifier::{Claims, bearer};
use poem::http::header::AUTHORIZATION;
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;

use crate::app::App;
use crate::circumstances;
use crate::denied::Denied;
use crate::permission::{Permission, permitted};

/// A caller whose access token was checked: signature, claims, and that
/// nothing it depends on was revoked.
#[derive(SecurityScheme)]
#[oai(
    ty = "bearer",
    rename = "access_token",
    bearer_format = "JWT",
    checker = "check"
)]
pub(crate) struct SignedIn(pub Caller);

async fn check(request: &Request, bearer: Bearer) -> poem::Result<Caller> {
    Ok(Caller::check(request, &bearer.token)?)
}

/// A caller who may come without an access token, or with one that is no good,
/// if something else in the request says who it is.
pub(crate) struct MaybeSignedIn(pub Result<Caller, Denied>);

impl<'a> FromRequest<'a> for MaybeSignedIn {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let header = request.headers().get(AUTHORIZATION);
        let token = bearer(header.and_then(|value| value.to_str().ok()));
        let caller = token.map_err(Denied::Token);
        Ok(Self(caller.and_then(|token| Caller::check(request, token))))
    }
}

/// What the access token says of its bearer.
#[derive(Debug)]
pub(crate) struct Caller {
    claims: Claims,
}

impl Caller {
    fn check(request: &Request, token: &str) -> Result<Self, Denied> {
        let app = request
            .data::<Arc<App>>()
            .ok_or_else(|| Denied::Broken("a request came without the service".into()))?;
        if app.feed.is_blind(&app.log, app.config.max_staleness) {
            return Err(Denied::Blind);
        }
        let now = circumstances::of(request)?.received_at / 1_000;
        let claims = app.verifier.check(token, now)?;
        Ok(Self { claims })
    }

    /// The account.
    pub(crate) fn account(&self) -> AccountId {
        AccountId::from_uuid(self.claims.sub)
    }

    /// The session.
    pub(crate) fn session(&self) -> SessionId {
        SessionId::from_uuid(self.claims.sid)
    }

    /// All of it.
    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// As the actor of what comes of the request.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Account(self.account())
    }

    /// Refuses a caller none of whose roles permits it.
    pub(crate) fn require(&self, permission: Permission) -> Result<(), Denied> {
        if permitted(&self.claims.roles, permission) {
            Ok(())
        } else {
            Err(Denied::Forbidden)
        }
    }
}
