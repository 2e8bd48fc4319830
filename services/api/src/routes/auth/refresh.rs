//! `POST /v1/auth/refresh` and `GET /v1/auth/csrf`

use std::sync::Arc;

use countersign_domain::{Refresh as Command, SessionCommand};
use countersign_events::{Actor, SessionEvent, SignalKind};
use countersign_log::random;
use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::OpenApi;

use crate::app::App;
use crate::carrier::Carrier;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::grant::Granted;
use crate::http::Json;
use crate::routes::answer::{Carried, carried};
use crate::routes::tags::Tags;
use crate::token::RefreshToken;

pub(crate) struct Refresh;

#[OpenApi]
impl Refresh {
    /// Refresh
    ///
    /// Rotates the refresh token. If the answer was lost, the same token may
    /// be sent again for ten seconds and gets the same successor. A token that
    /// was rotated away earlier ends the session. Without a token in the body
    /// it is taken from the cookie, which needs `X-CSRF-Token`.
    #[oai(
        path = "/v1/auth/refresh",
        method = "post",
        operation_id = "refresh",
        tag = "Tags::Auth"
    )]
    async fn refresh(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        carrier: Carrier,
        body: Json<Option<wire::Refresh>>,
    ) -> poem::Result<Carried<wire::Tokens>> {
        let body = body.0.and_then(|body| body.refresh_token);
        let by_cookie = body.is_none() || carrier.by_cookie();
        let token = match carrier.refresh_token(app.0, body.as_ref()) {
            Ok(Some(token)) => token,
            Ok(None) => {
                return Err(Denied::Invalid {
                    field: "/refresh_token",
                    message: "is required where there is no cookie",
                }
                .into());
            }
            Err(denied) => {
                if matches!(denied, Denied::RefreshInvalid) {
                    let kind = SignalKind::ForgedRefreshToken;
                    app.0.observe(&request, kind, None).await;
                }
                return Err(denied.into());
            }
        };
        let mut granted = rotate(app.0, &request, token).await?;
        app.0.metrics.refreshed();
        let cookie = Carrier::carry(&mut granted, by_cookie)?;
        Ok(carried(granted.tokens, granted.position, cookie))
    }

    /// Get a CSRF token
    ///
    /// For pages that keep the refresh token in a cookie: the answer goes back
    /// in `X-CSRF-Token` with every call that the cookie authenticates.
    #[oai(
        path = "/v1/auth/csrf",
        method = "get",
        operation_id = "get_csrf_token",
        tag = "Tags::Auth"
    )]
    async fn get_csrf_token(
        &self,
        app: Data<&Arc<App>>,
        carrier: Carrier,
    ) -> poem::Result<Json<wire::CsrfToken>> {
        let token = carrier.cookie_token(app.0)?;
        let session = token.ok_or(Denied::RefreshInvalid)?.session;
        let random = random().map_err(Denied::from)?;
        Ok(Json(wire::CsrfToken {
            csrf_token: wire::Secret::new(app.0.csrf_tokens.make(session, random)),
        }))
    }
}

async fn rotate(
    app: &App,
    request: &Circumstances,
    token: RefreshToken,
) -> Result<Granted, Denied> {
    let session = app.sessions.recent(token.session).await?;
    let live = session.state.get().ok_or(Denied::RefreshInvalid)?;
    let id = live.account;
    let account = app.accounts.recent(id).await?;
    let meta = request.meta(Actor::Account(id), Some(id))?;
    // Without one the person was forgotten, and with that every session ended.
    let Some(key) = app.log.vault().data_key(id).await? else {
        return Err(Denied::SessionRevoked);
    };
    let command = Command {
        presented: token.generation,
        standing: account.state.standing(),
        ip: key.seal(&request.ip.to_string(), id, meta.message, "ip")?,
        place: app.place(request, &key, live, meta.message)?,
        now: request.now,
        idle: app.config.session_idle,
        grace: app.config.refresh_grace,
    };
    let command = SessionCommand::Refresh(command);
    let rotated = app.sessions.execute(token.session, &meta, &command).await?;
    let reused = |event: &SessionEvent| matches!(event, SessionEvent::RefreshReused(_));
    if rotated.events.iter().any(reused) {
        app.metrics.reused();
        app.revoke_locally(token.session, request.now)?;
        return Err(Denied::RefreshReused);
    }
    app.granted(request, token.session, &rotated, &account.state.roles)
}
