//! `GET /v1/revocations/stream`

use std::sync::Arc;

use countersign_openapi as wire;
use countersign_verifier::feed::EventId;
use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Header;

use super::events::Reader;
use crate::app::App;
use crate::denied::Denied;
use crate::guard::{SignedIn, Standing};
use crate::routes::sse::Endless;
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
    /// more is named by a `gap`: then read the feed again. Who comes from
    /// another stream than the one there is now, or with what was no `id`, is
    /// told of a gap from 1. `end` says that the
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
    ) -> poem::Result<Endless<wire::FeedMessage>> {
        let since = app.0.feed.told_since().await.ok_or(Denied::Blind)?;
        let place = Arc::clone(&app.0.streams).try_acquire_owned();
        let place = place.map_err(|_| Denied::Overloaded)?;
        let start = EventId {
            seq: since.seq.saturating_sub(1),
            ..since
        };
        // Who names no message of ours has read something else.
        let after = last.0.map_or(Some(start), |last| last.parse().ok());
        let standing = Standing::of(request)?;
        Ok(Reader::new(app.0, standing, after, place).events())
    }
}
