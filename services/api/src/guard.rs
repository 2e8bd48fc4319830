//! Who is asking, and whether that is enough.

use std::sync::Arc;

use countersign_domain::AccountCommand;
use countersign_events::{AccountId, Actor, SessionId};
use countersign_verifier::{Claims, bearer};
use poem::http::header::AUTHORIZATION;
use poem::{FromRequest, PathPattern, Request, RequestBody};
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;

use crate::access::Access;
use crate::app::App;
use crate::circumstances;
use crate::denied::Denied;

/// A caller whose access token was checked: signature, claims, that nothing it
/// depends on was revoked, and that it brings what the operation asks for on
/// the page of access.
#[derive(SecurityScheme)]
#[oai(
    ty = "bearer",
    rename = "access_token",
    bearer_format = "JWT",
    checker = "check"
)]
pub(crate) struct SignedIn(pub Caller);

async fn check(request: &Request, bearer: Bearer) -> poem::Result<Caller> {
    let app = app(request)?;
    let caller = Caller::check(request, &bearer.token)?;
    let pattern = request.data::<PathPattern>();
    let pattern = pattern.map_or("", |pattern| &*pattern.0);
    let access = app.access.of(request.method(), pattern)?;
    if access == Access::Open {
        return Err(Denied::Broken("an open operation asks who is there".into()).into());
    }
    let needs_factor = if access.asks_for_account() {
        let account = app.accounts.current(caller.account()).await;
        account.map_err(Denied::from)?.state.needs_factor()
    } else {
        false
    };
    let now = circumstances::of(request)?.received_at / 1_000;
    access.check(&caller.claims, needs_factor, &app.config, now)?;
    Ok(caller)
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

fn app(request: &Request) -> Result<&Arc<App>, Denied> {
    request
        .data::<Arc<App>>()
        .ok_or_else(|| Denied::Broken("a request came without the service".into()))
}

impl Caller {
    fn check(request: &Request, token: &str) -> Result<Self, Denied> {
        let app = app(request)?;
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

    /// A command to the caller's own account, which is refused if the token's
    /// time has ended before it is carried out.
    pub(crate) fn asks(&self, command: AccountCommand) -> AccountCommand {
        AccountCommand::AsOwner {
            epoch: self.claims.epoch,
            command: Box::new(command),
        }
    }

    /// As the actor of what comes of the request.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Account(self.account())
    }
}
