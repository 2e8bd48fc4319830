//! `GET /v1/revocations`

use std::sync::Arc;

use countersign_feed::Stretch;
use countersign_log::{RevocationSubject, StoredRevocation};
use countersign_openapi as wire;
use countersign_verifier::feed::{EventId, StreamId};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;

use crate::app::App;
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::http::Json;
use crate::routes::tags::Tags;

pub(crate) struct ListRevocations;

/// The most entries of a page.
const LIMIT_MAX: u16 = 1_000;

/// The most bytes of a page, as they are stored; one entry more or less.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most entries that are read from the stream at once, beyond what is in
/// memory.
const READ_MAX: usize = 128;

fn default_limit() -> u16 {
    200
}

#[OpenApi]
impl ListRevocations {
    /// Read the revocation feed
    ///
    /// Everything that can concern a token which is still valid, oldest first:
    /// for verifiers that begin, which then go on with the stream. Needs a
    /// service token with the scope `revocations:read`, or `verifiers:read`.
    #[oai(
        path = "/v1/revocations",
        method = "get",
        operation_id = "list_revocations",
        tag = "Tags::Feed"
    )]
    async fn list_revocations(
        &self,
        app: Data<&Arc<App>>,
        _caller: SignedIn,
        /// The `next` of the part before; the feed's start without it.
        after: Query<Option<String>>,
        /// How many entries to return at most, 1 to 1000.
        #[oai(default = "default_limit")]
        limit: Query<u16>,
    ) -> poem::Result<Json<wire::FeedPage>> {
        if !(1..=LIMIT_MAX).contains(&limit.0) {
            return Err(Denied::InvalidParameter {
                name: "limit",
                message: "expected 1 to 1000",
            }
            .into());
        }
        let after = after.0.map(|after| sequence("after", &after)).transpose()?;
        let since = app.0.feed.told_since().await.ok_or(Denied::Blind)?;
        let seq = after.unwrap_or(since.seq.saturating_sub(1));
        let after = EventId { seq, ..since };
        let Stretch { messages, end, .. } = stored(app.0, after, limit.0.into()).await?;
        let (mut items, mut bytes) = (Vec::new(), 0);
        for stored in messages {
            bytes += stored.payload.len();
            items.push(item(&stored)?);
            if bytes > BYTES_MAX {
                break;
            }
        }
        let next = items.last().map(|last| last.seq).filter(|last| *last < end);
        Ok(Json(wire::FeedPage {
            stream: since.stream.to_string(),
            items,
            next,
            seq: end,
            since: since.seq,
        }))
    }
}

/// What is after a message, from memory as far as it goes back. Nothing of any
/// other stream than the message's: who reads on would take it for its own.
async fn stored(app: &App, after: EventId, limit: usize) -> Result<Stretch, Denied> {
    let EventId { stream, seq } = after;
    let told = app.feed.told_after(Some(after), limit);
    let told = told.filter(|told| told.stream == stream);
    let mut told = told.ok_or(Denied::Blind)?;
    if told.gap.is_some_and(|(from, _)| from == seq + 1) {
        let limit = limit.min(READ_MAX);
        told.messages = app.log.revocations_page(seq, limit).await?;
        // It may have been made anew since.
        let now = app.log.revocations_state().await?;
        if now.is_none_or(|now| StreamId(now.created) != stream) {
            return Err(Denied::Blind);
        }
    }
    Ok(told)
}

/// A sequence of the feed, in plain digits.
fn sequence(name: &'static str, text: &str) -> Result<u64, Denied> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = text.parse().ok().filter(|_| is_plain);
    parsed.ok_or(Denied::InvalidParameter {
        name,
        message: "expected a sequence of the feed",
    })
}

fn item(stored: &StoredRevocation) -> Result<wire::FeedItem, Denied> {
    let broken = |error: serde_json::Error| Denied::Broken(error.to_string());
    let (mut message, mut beat) = (None, None);
    match stored.subject {
        Some(RevocationSubject::Shard(_)) => {
            message = Some(serde_json::from_slice(&stored.payload).map_err(broken)?);
        }
        Some(RevocationSubject::Beat) => {
            beat = Some(serde_json::from_slice(&stored.payload).map_err(broken)?);
        }
        None => {}
    }
    Ok(wire::FeedItem {
        seq: stored.seq,
        message,
        beat,
    })
}
