//! `/v1/admin/accounts`

use std::sync::Arc;

use crate::http::Json;
use countersign_events::AccountId;
use countersign_openapi as wire;
use countersign_views::account::{self, AccountFilter};
use countersign_views::session;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use uuid::Uuid;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::routes::page::{Cursor, limit};
use crate::routes::show;
use crate::routes::tags::Tags;

pub(crate) struct Accounts;

#[OpenApi(prefix_path = "/v1/admin/accounts", tag = "Tags::Admin")]
impl Accounts {
    /// List accounts
    ///
    /// Newest first. Needs `accounts:read`.
    #[oai(path = "/", method = "get", operation_id = "list_accounts")]
    async fn list_accounts(
        &self,
        app: Data<&Arc<App>>,
        _caller: SignedIn,
        /// Only those whose address or name contains this.
        q: Query<Option<String>>,
        /// How many to return, 1 to 200.
        #[oai(default = "crate::routes::page::default_limit")]
        limit: Query<u16>,
        /// The `next` of the page before.
        after: Query<Option<String>>,
        /// Answer only from a state that holds this position.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Json<wire::Page<wire::Account>>> {
        let filter = AccountFilter {
            q: q.0,
            state: None,
            after: Cursor::parse(after.0.as_deref())?.map(AccountId::from_uuid),
            limit: self::limit(limit.0)?,
        };
        app.0.wait_for(min_position.0.as_deref()).await?;
        let page = account::list(&app.0.views, &filter)
            .await
            .map_err(Denied::from)?;
        Ok(Json(wire::Page {
            items: page.items.into_iter().map(show::account).collect(),
            next: page.next.map(|id| Cursor::show(id.uuid())),
        }))
    }

    /// Read an account
    ///
    /// Needs `accounts:read`.
    #[oai(path = "/:id", method = "get", operation_id = "get_account")]
    async fn get_account(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        _caller: SignedIn,
        /// The account.
        id: Path<Uuid>,
        /// Answer only from a state that holds this position.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Json<wire::Account>> {
        app.0.wait_for(min_position.0.as_deref()).await?;
        let id = AccountId::from_uuid(id.0);
        let row = account::get(&app.0.views, id).await.map_err(Denied::from)?;
        let mut shown = show::account(row.ok_or(Denied::NotFound)?);
        let active = session::active_of(&app.0.views, id, request.now).await;
        shown.sessions_active = Some(active.map_err(Denied::from)?);
        Ok(Json(shown))
    }

    /// Read what happened to an account
    ///
    /// Oldest first, from the log; its sessions have histories of their own.
    /// Needs `accounts:read`.
    #[oai(
        path = "/:id/events",
        method = "get",
        operation_id = "list_account_events"
    )]
    async fn list_account_events(
        &self,
        app: Data<&Arc<App>>,
        _caller: SignedIn,
        /// The account.
        id: Path<Uuid>,
        /// How many messages to return at most, 1 to 200. All events of a
        /// message are returned together.
        #[oai(default = "crate::routes::page::default_limit")]
        limit: Query<u16>,
        /// The `next` of the page before.
        after: Query<Option<String>>,
    ) -> poem::Result<Json<wire::Page<wire::Event>>> {
        let id = AccountId::from_uuid(id.0);
        let page = app
            .0
            .history(id, self::limit(limit.0)?, after.0.as_deref())
            .await?;
        Ok(Json(page))
    }
}
