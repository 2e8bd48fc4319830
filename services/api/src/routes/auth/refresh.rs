//! `POST /v1/auth/refresh`

use std::sync::Arc;

use crate::http::Json;
use countersign_domain::{Refresh as Command, SessionCommand};
use countersign_events::{Actor, SessionEvent, SignalKind};
use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::OpenApi;

use crate::app::{App, Granted};
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::refresh_token::RefreshToken;
use crate::routes::answer::{Written, written};
use crate::routes::tags::Tags;

pub(crate) struct Refresh;

#[OpenApi]
impl Refresh {
    /// Refresh
    ///
    /// Rotates the refresh token. If the answer was lost, the same token may
    /// be sent again for ten seconds and gets the same successor. A token that
    /// was rotated away earlier ends the session.
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
        body: Json<wire::Refresh>,
    ) -> poem::Result<Written<wire::Tokens>> {
        let Ok(token) = app.0.refresh_tokens.open(body.0.refresh_token.expose()) else {
            app.0
                .observe(&request, SignalKind::ForgedRefreshToken, None)
                .await;
            return Err(Denied::RefreshInvalid.into());
        };
        let granted = rotate(app.0, &request, token).await?;
        app.0.metrics.refreshed();
        Ok(written(granted.tokens, granted.position))
    }
}

async fn rotate(
    app: &App,
    request: &Circumstances,
    token: RefreshToken,
) -> Result<Granted, Denied> {
    let session = app.sessions.recent(token.session).await?;
    let id = session.state.get().ok_or(Denied::RefreshInvalid)?.account;
    let account = app.accounts.recent(id).await?;
    let meta = request.meta(Actor::Account(id), Some(id))?;
    let key = app.data_key(id).await?;
    let command = Command {
        presented: token.generation,
        standing: account.state.standing(),
        ip: key.seal(&request.ip.to_string(), id, meta.message, "ip")?,
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
    let live = rotated.state.state.get().ok_or(Denied::RefreshInvalid)?;
    Ok(Granted {
        tokens: app.mint(request, token.session, live, &account.state.roles)?,
        position: rotated.position,
    })
}
