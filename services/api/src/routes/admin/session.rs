//! `/v1/admin/sessions`

use std::sync::Arc;

use crate::http::Json;
use countersign_domain::{SessionCommand, SessionRefusal};
use countersign_events::{AccountId, EndReason, SessionId};
use countersign_log::ExecuteError;
use countersign_openapi as wire;
use countersign_views::session::{self, SessionFilter};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use uuid::Uuid;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::routes::answer::Waited;
use crate::routes::page::{Cursor, limit};
use crate::routes::show;
use crate::routes::tags::Tags;

pub(crate) struct Sessions;

#[OpenApi(prefix_path = "/v1/admin/sessions", tag = "Tags::Admin")]
impl Sessions {
    /// List sessions
    ///
    /// Newest first. Needs `sessions:read`.
    #[oai(path = "/", method = "get", operation_id = "list_sessions")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented parameter")]
    async fn list_sessions(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        _caller: SignedIn,
        /// Only those of this account.
        account_id: Query<Option<Uuid>>,
        /// `active`, `expired`, `revoked` or `any`.
        state: Query<Option<String>>,
        /// Only those of this client.
        client: Query<Option<String>>,
        /// Only those from this address or network, as `192.0.2.7` or
        /// `2001:db8::/32`.
        ip: Query<Option<String>>,
        /// Only those whose account's address or name contains this.
        q: Query<Option<String>>,
        /// How many to return, 1 to 200.
        #[oai(default = "crate::routes::page::default_limit")]
        limit: Query<u16>,
        /// The `next` of the page before.
        after: Query<Option<String>>,
        /// Answer only from a state that holds this position.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Json<wire::Page<wire::Session>>> {
        let filter = SessionFilter {
            account: account_id.0.map(AccountId::from_uuid),
            state: parameter("state", "expected active, expired, revoked or any", state.0)?
                .unwrap_or_default(),
            client: client.0,
            ip: parameter("ip", "expected an address or a network", ip.0)?,
            q: q.0,
            after: Cursor::parse(after.0.as_deref())?.map(SessionId::from_uuid),
            limit: self::limit(limit.0)?,
        };
        app.0.wait_for(min_position.0.as_deref()).await?;
        let page = session::list(&app.0.views, &filter, request.now)
            .await
            .map_err(Denied::from)?;
        Ok(Json(wire::Page {
            items: page
                .items
                .into_iter()
                .map(|row| show::session(row, request.now))
                .collect(),
            next: page.next.map(|id| Cursor::show(id.uuid())),
        }))
    }

    /// Read a session
    ///
    /// Needs `sessions:read`.
    #[oai(path = "/:id", method = "get", operation_id = "get_session")]
    async fn get_session(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        _caller: SignedIn,
        /// The session.
        id: Path<Uuid>,
        /// Answer only from a state that holds this position.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Json<wire::Session>> {
        app.0.wait_for(min_position.0.as_deref()).await?;
        let row = session::get(&app.0.views, SessionId::from_uuid(id.0))
            .await
            .map_err(Denied::from)?;
        let row = row.ok_or(Denied::NotFound)?;
        Ok(Json(show::session(row, request.now)))
    }

    /// Read what happened to a session
    ///
    /// Oldest first, from the log. Needs `sessions:read`.
    #[oai(
        path = "/:id/events",
        method = "get",
        operation_id = "list_session_events"
    )]
    async fn list_session_events(
        &self,
        app: Data<&Arc<App>>,
        _caller: SignedIn,
        /// The session.
        id: Path<Uuid>,
        /// How many messages to return at most, 1 to 200. All events of a
        /// message are returned together.
        #[oai(default = "crate::routes::page::default_limit")]
        limit: Query<u16>,
        /// The `next` of the page before.
        after: Query<Option<String>>,
    ) -> poem::Result<Json<wire::Page<wire::Event>>> {
        let id = SessionId::from_uuid(id.0);
        let page = app
            .0
            .history(id, self::limit(limit.0)?, after.0.as_deref())
            .await?;
        Ok(Json(page))
    }

    /// End a session
    ///
    /// Its access tokens are refused everywhere within the stated bound. Ending
    /// one that is over changes nothing. Needs `sessions:revoke`.
    #[oai(path = "/:id/revoke", method = "post", operation_id = "revoke_session")]
    async fn revoke_session(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The session.
        id: Path<Uuid>,
        body: Json<wire::RevokeSession>,
    ) -> poem::Result<Waited> {
        let app = &app.0;
        let id = SessionId::from_uuid(id.0);
        let session = app.sessions.current(id).await.map_err(Denied::from)?;
        let owner = session.state.get().ok_or(Denied::NotFound)?.account;
        let meta = request
            .meta(caller.0.actor(), Some(owner))
            .map_err(Denied::from)?;
        let key = app
            .log
            .vault()
            .data_key(owner)
            .await
            .map_err(Denied::from)?;
        let note = key.map(|key| key.seal(&body.0.reason, owner, meta.message, "note"));
        let command = SessionCommand::End {
            reason: EndReason::RevokedByOperator,
            note: note.transpose().map_err(Denied::from)?,
        };
        let ended = match app.sessions.execute(id, &meta, &command).await {
            Err(ExecuteError::Refused(SessionRefusal::Unknown)) => Err(Denied::NotFound),
            other => other.map_err(Denied::from),
        }?;
        app.revoke_locally(id, request.now)?;
        Ok(app.revoked(ended.position, body.0.wait).await)
    }
}

fn parameter<T: std::str::FromStr>(
    name: &'static str,
    message: &'static str,
    value: Option<String>,
) -> Result<Option<T>, Denied> {
    let parsed = value.map(|text| text.parse()).transpose();
    parsed.map_err(|_| Denied::InvalidParameter { name, message })
}
