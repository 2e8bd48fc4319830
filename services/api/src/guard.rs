//! Who is asking, and whether that is enough.

use std::sync::Arc;

use countersign_domain::AccountCommand;
use countersign_events::{AccountId, Actor, SessionId};
use countersign_openapi as wire;
use countersign_verifier::{Claims, bearer};
use poem::http::header::AUTHORIZATION;
use poem::{FromRequest, PathPattern, Request, RequestBody};
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;

use crate::access::{Access, only_people};
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
    let access = asked(request, app)?;
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

/// What the operation of a request asks of its caller.
fn asked(request: &Request, app: &App) -> Result<Access, Denied> {
    let pattern = request.data::<PathPattern>();
    let pattern = pattern.map_or("", |pattern| &*pattern.0);
    app.access.of(request.method(), pattern)
}

/// A caller whose answer goes on, and who is asked again meanwhile by the same
/// rule.
pub(crate) struct Standing {
    token: wire::Secret,
    access: Access,
}

impl Standing {
    /// Of who is [`SignedIn`].
    pub(crate) fn of(request: &Request) -> Result<Self, Denied> {
        let header = request.headers().get(AUTHORIZATION);
        let token = bearer(header.and_then(|value| value.to_str().ok()));
        let access = asked(request, app(request)?)?;
        Ok(Self {
            token: wire::Secret::new(token.map_err(Denied::Token)?),
            access,
        })
    }

    /// Whether the caller would still be let in, now.
    pub(crate) fn check(&self, app: &App) -> Result<(), Denied> {
        let now = u64::try_from(app.clock.now().as_seconds()).unwrap_or_default();
        let caller = Caller::at(app, self.token.expose(), now)?;
        self.access.check(&caller.claims, false, &app.config, now)
    }
}

/// A caller who may come without an access token, or with one that is no good,
/// if something else in the request says who it is.
pub(crate) struct MaybeSignedIn(pub Result<Caller, Denied>);

impl<'a> FromRequest<'a> for MaybeSignedIn {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let header = request.headers().get(AUTHORIZATION);
        let token = bearer(header.and_then(|value| value.to_str().ok()));
        let caller = token.map_err(Denied::Token);
        let caller = caller.and_then(|token| Caller::check(request, token));
        Ok(Self(caller.and_then(|caller| {
            only_people(&caller.claims)?;
            Ok(caller)
        })))
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
        let now = circumstances::of(request)?.received_at / 1_000;
        Self::at(app(request)?, token, now)
    }

    fn at(app: &App, token: &str, now_unix_seconds: u64) -> Result<Self, Denied> {
        if app.feed.is_blind() {
            return Err(Denied::Blind);
        }
        let claims = app.verifier.check(token, now_unix_seconds)?;
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
