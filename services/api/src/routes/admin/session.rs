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
use crate::routes::answer::{Found, Waited, found};
use crate::routes::page::{Cursor, limit};
use crate::routes::show;
use crate::routes::tags::Tags;

pub(crate) struct Sessions;

#[OpenApi(prefix_path = "/v1/admin/sessions", tag = "Tags::Admin")]
impl Sessions {
    /// List sessions
    ///
    /// Newest first. With `as_of`, sessions and their state as they were then,
    /// but for those that are forgotten by now or of which too much is told; a
    /// page may then be shorter than its limit and still have a `next`. Few such
    /// questions are answered at the same time. Needs `sessions:read`.
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
        /// Only those whose account's address contains this.
        q: Query<Option<String>>,
        /// How many to return, 1 to 200.
        #[oai(default = "crate::routes::page::default_limit")]
        limit: Query<u16>,
        /// The `next` of the page before.
        after: Query<Option<String>>,
        /// As of when: a time in the past (RFC 3339), or the
        /// `Countersign-As-Of` of an earlier answer.
        as_of: Query<Option<String>>,
        /// Answer only from a state that holds this position.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Found<wire::Page<wire::Session>>> {
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
        if let Some(text) = &as_of.0 {
            let moment = app.0.moment(text, request.now).await?;
            let page = app.0.sessions_as_of(filter, &moment).await?;
            return Ok(found(page, Some(&moment.as_of)));
        }
        let page = session::list(&app.0.views, &filter, request.now)
            .await
            .map_err(Denied::from)?;
        let page = wire::Page {
            items: page
                .items
                .into_iter()
                .map(|row| show::session(row, request.now))
                .collect(),
            next: page.next.map(|id| Cursor::show(id.uuid())),
        };
        Ok(found(page, None))
    }

    /// Read a session
    ///
    /// With `as_of`, as it was then, from the log, with the event that gave
    /// each field its value; a session of somebody who was erased since is not
    /// found. Needs `sessions:read`.
    #[oai(path = "/:id", method = "get", operation_id = "get_session")]
    async fn get_session(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        _caller: SignedIn,
        /// The session.
        id: Path<Uuid>,
        /// As of when: a time in the past (RFC 3339), or the
        /// `Countersign-As-Of` of an earlier answer.
        as_of: Query<Option<String>>,
        /// Answer only from a state that holds this position; nothing is waited
        /// for as of a moment.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Found<wire::Session>> {
        let id = SessionId::from_uuid(id.0);
        if let Some(text) = &as_of.0 {
            let moment = app.0.moment(text, request.now).await?;
            let session = app.0.session_as_of(id, &moment).await?;
            return Ok(found(session, Some(&moment.as_of)));
        }
        app.0.wait_for(min_position.0.as_deref()).await?;
        let row = session::get(&app.0.views, id).await.map_err(Denied::from)?;
        let row = row.ok_or(Denied::NotFound)?;
        Ok(found(show::session(row, request.now), None))
    }

    /// Read what happened to a session
    ///
    /// Oldest first, from the log. Needs `sessions:read`.
    #[oai(
        path = "/:id/events",
        method = "get",
        operation_id = "list_session_events"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is a documented parameter")]
    async fn list_session_events(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        _caller: SignedIn,
        /// The session.
        id: Path<Uuid>,
        /// How many messages to return at most, 1 to 200. All events of a
        /// message are returned together.
        #[oai(default = "crate::routes::page::default_limit")]
        limit: Query<u16>,
        /// The `next` of the page before.
        after: Query<Option<String>>,
        /// Up to when: a time in the past (RFC 3339), or the
        /// `Countersign-As-Of` of an earlier answer.
        as_of: Query<Option<String>>,
    ) -> poem::Result<Found<wire::Page<wire::Event>>> {
        let id = SessionId::from_uuid(id.0);
        let (limit, after) = (self::limit(limit.0)?, after.0.as_deref());
        let moment = app.0.moment_if(as_of.0.as_deref(), request.now).await?;
        let as_of = moment.as_ref().map(|moment| &moment.as_of);
        let page = app.0.history_as_of(id, limit, after, as_of).await?;
        Ok(found(page, as_of))
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
