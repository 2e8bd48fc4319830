//! `GET /v1/revocations/stream`

use std::sync::Arc;

use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Header;

use super::events::{Events, Reader};
use super::list::sequence;
use crate::app::App;
use crate::denied::Denied;
use crate::guard::{SignedIn, Standing};
use crate::routes::tags::Tags;

pub(crate) struct StreamRevocations;

#[OpenApi]
impl StreamRevocations {
    /// Follow the revocation feed
    ///
    /// Server-sent events without end, each with its place in the feed as
    /// `id`: `revocations` says what a stretch of the log revokes; `beat`, once
    /// a second, how far everything has been told. It begins where
    /// `Last-Event-ID` says, or at the feed's start. What cannot be sent any
    /// more is named by a `gap`: then read the feed again. `end` says that the
    /// token has expired or was revoked, or that this instance stops. Needs a
    /// service token with the scope `revocations:read`, or `verifiers:read`.
    #[oai(
        path = "/v1/revocations/stream",
        method = "get",
        operation_id = "stream_revocations",
        tag = "Tags::Feed"
    )]
    async fn stream_revocations(
        &self,
        app: Data<&Arc<App>>,
        request: &Request,
        _caller: SignedIn,
        /// The `id` of the last event that was received.
        #[oai(name = "Last-Event-ID")]
        last: Header<Option<String>>,
    ) -> poem::Result<Events> {
        let last = last.0.map(|last| sequence("Last-Event-ID", &last));
        let last = last.transpose()?;
        let since = app.0.feed.told_since().await.ok_or(Denied::Blind)?;
        let place = Arc::clone(&app.0.streams).try_acquire_owned();
        let place = place.map_err(|_| Denied::Overloaded)?;
        let after = last.unwrap_or(since.saturating_sub(1));
        let standing = Standing::of(request)?;
        Ok(Reader::new(app.0, standing, after, place).events())
    }
}
