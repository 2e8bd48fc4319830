//! `/v1/admin/accounts`

use std::sync::Arc;

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
use crate::routes::answer::{Found, found};
use crate::routes::page::{Cursor, limit};
use crate::routes::show;
use crate::routes::tags::Tags;

pub(crate) struct Accounts;

#[OpenApi(prefix_path = "/v1/admin/accounts", tag = "Tags::Admin")]
impl Accounts {
    /// List accounts
    ///
    /// Newest first. With `as_of`, accounts as they were then, but for those
    /// that were erased since or of which too much is told; a page may then be
    /// shorter than its limit and still have a `next`. Few such questions are
    /// answered at the same time. Needs `accounts:read`.
    #[oai(path = "/", method = "get", operation_id = "list_accounts")]
    #[expect(clippy::too_many_arguments, reason = "each is a documented parameter")]
    async fn list_accounts(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        _caller: SignedIn,
        /// Only those whose address or name contains this.
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
    ) -> poem::Result<Found<wire::Page<wire::Account>>> {
        let filter = AccountFilter {
            q: q.0,
            state: None,
            after: Cursor::parse(after.0.as_deref())?.map(AccountId::from_uuid),
            limit: self::limit(limit.0)?,
        };
        app.0.wait_for(min_position.0.as_deref()).await?;
        if let Some(text) = &as_of.0 {
            let moment = app.0.moment(text, request.now).await?;
            let page = app.0.accounts_as_of(filter, &moment).await?;
            return Ok(found(page, Some(&moment.as_of)));
        }
        let page = account::list(&app.0.views, &filter)
            .await
            .map_err(Denied::from)?;
        let page = wire::Page {
            items: page.items.into_iter().map(show::account).collect(),
            next: page.next.map(|id| Cursor::show(id.uuid())),
        };
        Ok(found(page, None))
    }

    /// Read an account
    ///
    /// With what an operator wrote who last did something to it as a whole. With
    /// `as_of`, as it was then, from the log, with the event that gave each
    /// field its value and no such words; whoever was erased since is not
    /// found. Needs `accounts:read`.
    #[oai(path = "/:id", method = "get", operation_id = "get_account")]
    async fn get_account(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        _caller: SignedIn,
        /// The account.
        id: Path<Uuid>,
        /// As of when: a time in the past (RFC 3339), or the
        /// `Countersign-As-Of` of an earlier answer.
        as_of: Query<Option<String>>,
        /// Answer only from a state that holds this position; nothing is waited
        /// for as of a moment.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Found<wire::Account>> {
        let id = AccountId::from_uuid(id.0);
        if let Some(text) = &as_of.0 {
            let moment = app.0.moment(text, request.now).await?;
            let account = app.0.account_as_of(id, &moment).await?;
            return Ok(found(account, Some(&moment.as_of)));
        }
        app.0.wait_for(min_position.0.as_deref()).await?;
        let row = account::get(&app.0.views, id).await.map_err(Denied::from)?;
        let mut shown = show::account(row.ok_or(Denied::NotFound)?);
        let active = session::active_of(&app.0.views, id, request.now).await;
        shown.sessions_active = Some(active.map_err(Denied::from)?);
        shown.noted = app.0.account_note(id).await?;
        Ok(found(shown, None))
    }

    /// Read what happened to an account
    ///
    /// Oldest first, from the log, with what operators wrote; its sessions have
    /// histories of their own.
    /// Needs `accounts:read`.
    #[oai(
        path = "/:id/events",
        method = "get",
        operation_id = "list_account_events"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is a documented parameter")]
    async fn list_account_events(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        _caller: SignedIn,
        /// The account.
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
        let id = AccountId::from_uuid(id.0);
        let (limit, after) = (self::limit(limit.0)?, after.0.as_deref());
        let moment = app.0.moment_if(as_of.0.as_deref(), request.now).await?;
        let as_of = moment.as_ref().map(|moment| &moment.as_of);
        let page = app.0.history_as_of(id, limit, after, as_of).await?;
        Ok(found(page, as_of))
    }
}
