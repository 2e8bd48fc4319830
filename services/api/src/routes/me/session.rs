//! `/v1/me/sessions`

use std::sync::Arc;

use crate::http::Json;
use countersign_events::{EndReason, SessionId};
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
use crate::routes::answer::{Done, done};
use crate::routes::auth::end_own;
use crate::routes::page::{Cursor, limit};
use crate::routes::show;
use crate::routes::tags::Tags;

pub(crate) struct MySessions;

#[OpenApi]
impl MySessions {
    /// List one's sessions
    ///
    /// Newest first, those that have ended among them.
    #[oai(
        path = "/v1/me/sessions",
        method = "get",
        operation_id = "list_my_sessions",
        tag = "Tags::Me"
    )]
    async fn list_my_sessions(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
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
            account: Some(caller.0.account()),
            after: Cursor::parse(after.0.as_deref())?.map(SessionId::from_uuid),
            limit: self::limit(limit.0)?,
            ..SessionFilter::default()
        };
        app.0.wait_for(min_position.0.as_deref()).await?;
        let page = session::list(&app.0.views, &filter, request.now)
            .await
            .map_err(Denied::from)?;
        let own = caller.0.session();
        let items = page.items.into_iter().map(|row| {
            let current = row.id == own;
            wire::Session {
                current: Some(current),
                email: None,
                ..show::own_session(row, request.now)
            }
        });
        Ok(Json(wire::Page {
            items: items.collect(),
            next: page.next.map(|id| Cursor::show(id.uuid())),
        }))
    }

    /// End one of one's sessions
    ///
    /// It may be the caller's own.
    #[oai(
        path = "/v1/me/sessions/:id",
        method = "delete",
        operation_id = "end_my_session",
        tag = "Tags::Me"
    )]
    async fn end_my_session(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The session.
        id: Path<Uuid>,
    ) -> poem::Result<Done> {
        let id = SessionId::from_uuid(id.0);
        let session = app.0.sessions.current(id).await.map_err(Denied::from)?;
        let owner = session.state.get().map(|live| live.account);
        if owner != Some(caller.0.account()) {
            return Err(Denied::NotFound.into());
        }
        let position = end_own(app.0, &request, id, EndReason::EndedByOwner).await?;
        Ok(done(position))
    }
}
