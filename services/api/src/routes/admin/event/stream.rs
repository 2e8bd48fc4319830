//! `GET /v1/admin/events/stream`

use std::sync::Arc;

use countersign_events::Cursor;
use countersign_openapi as wire;
use poem::Request;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Query};
use uuid::Uuid;

use super::Filter;
use super::reader::Reader;
use crate::app::App;
use crate::denied::Denied;
use crate::guard::{SignedIn, Standing};
use crate::routes::sse::Endless;
use crate::routes::tags::Tags;

pub(crate) struct EventStream;

#[OpenApi]
impl EventStream {
    /// Follow the log
    ///
    /// Server-sent events without end, straight from the log, each with a
    /// cursor over all shards as `id`: `events` is a list of events that were
    /// decided together; `beat`, once a second while the log can be read, says
    /// how far everything was sent. Within a shard the order is the log's. It
    /// begins where `Last-Event-ID` says, or at the log's end. Who is more
    /// than 10,000 messages behind in a shard is told of a `gap`, which names
    /// the shard and the sequences that are not sent: `/v1/admin/events` has
    /// them. A message that this version does not understand is a gap as well,
    /// and `/v1/admin/events` fails on it. What the log has forgotten in its
    /// time is no gap. `end` says that the token has expired or was revoked, or
    /// that this instance stops.
    /// Needs `events:read`.
    #[oai(
        path = "/v1/admin/events/stream",
        method = "get",
        operation_id = "stream_events",
        tag = "Tags::Admin"
    )]
    async fn stream_events(
        &self,
        app: Data<&Arc<App>>,
        request: &Request,
        _caller: SignedIn,
        /// Only events about this: `account`, `session`, `email`, `key`,
        /// `factor`, `client`, `grant` or `revocation`.
        noun: Query<Option<String>>,
        /// Only events about this one.
        subject_id: Query<Option<Uuid>>,
        /// Only events of this name, for example `started`.
        name: Query<Option<String>>,
        /// The `id` of the last event that was received.
        #[oai(name = "Last-Event-ID")]
        last: Header<Option<String>>,
    ) -> poem::Result<Endless<Vec<wire::Event>>> {
        let filter = Filter::parse(noun.0.as_deref(), subject_id.0, name.0)?;
        let place = Arc::clone(&app.0.tails).try_acquire_owned();
        let place = place.map_err(|_| Denied::Overloaded)?;
        let ends = app.0.log.ends().await.map_err(Denied::from)?;
        let after = match last.0 {
            Some(last) => cursor(&last, &ends)?,
            None => ends.clone(),
        };
        let standing = Standing::of(request)?;
        Ok(Reader::new(app.0, standing, place, filter, after, ends).events())
    }
}

/// Reads the cursor of an event that was sent: it is not beyond the end.
fn cursor(text: &str, ends: &[u64]) -> Result<Vec<u64>, Denied> {
    let parsed = text.parse::<Cursor>().ok();
    let after = parsed.map(|cursor| cursor.sequences().to_vec());
    let is_ours = |after: &Vec<u64>| {
        after.len() == ends.len() && after.iter().zip(ends).all(|(after, end)| after <= end)
    };
    after.filter(is_ours).ok_or(Denied::InvalidParameter {
        name: "Last-Event-ID",
        message: "not an id of this stream",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_was_not_sent_is_refused() {
        let ends = [12, 0, 7];
        assert_eq!(cursor("12-0-3", &ends).expect("ours"), [12, 0, 3]);
        for foreign in ["", "x", "1", "1-0", "1-0-3-4", "13-0-7", "1-1-1", "-1-0-0"] {
            assert!(cursor(foreign, &ends).is_err(), "{foreign}");
        }
    }
}
