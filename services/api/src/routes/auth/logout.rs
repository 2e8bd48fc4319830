//! `POST /v1/auth/logout` and `POST /v1/auth/logout-all`

use std::sync::Arc;

use crate::http::Json;
use countersign_domain::{AccountCommand, SessionCommand, SessionRefusal};
use countersign_events::{Actor, EndReason, Position, SessionId};
use countersign_log::ExecuteError;
use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::OpenApi;

use crate::app::App;
use crate::carrier::Carrier;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::guard::{MaybeSignedIn, SignedIn};
use crate::routes::answer::{Done, Left, done};
use crate::routes::tags::Tags;

pub(crate) struct Logout;

#[OpenApi]
impl Logout {
    /// Log out
    ///
    /// Ends the session of the refresh token, which need not be the live one;
    /// whoever wants to leave, may, also after the access token expired.
    /// Without a refresh token in the body it ends the bearer's session or,
    /// without a bearer, the cookie's, which needs `X-CSRF-Token`.
    #[oai(
        path = "/v1/auth/logout",
        method = "post",
        operation_id = "logout",
        tag = "Tags::Auth"
    )]
    async fn logout(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        carrier: Carrier,
        caller: MaybeSignedIn,
        body: Json<Option<wire::Logout>>,
    ) -> poem::Result<Left> {
        let body = body.0.and_then(|body| body.refresh_token);
        let session = match (body, caller.0) {
            (Some(token), _) => {
                let opened = app.0.refresh_tokens.open(token.expose());
                opened.map_err(|_| Denied::RefreshInvalid)?.session
            }
            (None, Ok(caller)) => caller.session(),
            (None, Err(denied)) => match carrier.refresh_token(app.0, None)? {
                Some(token) => token.session,
                None => return Err(denied.into()),
            },
        };
        let position = end_own(app.0, &request, session, EndReason::Logout).await?;
        Ok(Left::NoContent(position.to_string(), carrier.clear()))
    }

    /// Log out everywhere
    ///
    /// Ends every session of the account, the caller's among them. Access
    /// tokens of all of them are refused at once.
    #[oai(
        path = "/v1/auth/logout-all",
        method = "post",
        operation_id = "logout_all",
        tag = "Tags::Auth"
    )]
    async fn logout_all(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
    ) -> poem::Result<Done> {
        let caller = caller.0;
        let id = caller.account();
        let meta = request.meta(caller.actor(), None).map_err(Denied::from)?;
        let command = AccountCommand::EndSessions {
            reason: EndReason::LogoutAll,
            note: None,
        };
        let ended = app
            .0
            .accounts
            .execute(id, &meta, &caller.asks(command))
            .await
            .map_err(Denied::from)?;
        app.0
            .raise_epoch_locally(id, ended.state.state.min_epoch, request.now)?;
        Ok(done(ended.position))
    }
}

/// Ends a session on behalf of its owner. One that is over already stays so.
pub(crate) async fn end_own(
    app: &App,
    request: &Circumstances,
    session: SessionId,
    reason: EndReason,
) -> Result<Position, Denied> {
    let held = app.sessions.recent(session).await?;
    let owner = held.state.get().ok_or(Denied::RefreshInvalid)?.account;
    let meta = request.meta(Actor::Account(owner), None)?;
    let command = SessionCommand::End { reason, note: None };
    let ended = match app.sessions.execute(session, &meta, &command).await {
        Err(ExecuteError::Refused(SessionRefusal::Unknown)) => return Err(Denied::NotFound),
        other => other?,
    };
    app.revoke_locally(session, request.now)?;
    Ok(ended.position)
}
