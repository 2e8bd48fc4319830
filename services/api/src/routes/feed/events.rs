//! Server-sent events, as an answer that the document describes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use countersign_feed::Stretch;
use countersign_log::{RevocationSubject, StoredRevocation};
use countersign_openapi as wire;
use countersign_verifier::feed::{EventId, StreamId};
use poem::web::sse::{Event, SSE};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use crate::app::App;
use crate::guard::Standing;

/// A stream of events.
pub(crate) struct Events(SSE);

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl ApiResponse for Events {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "The feed, without end; `data` of an event `revocations`",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: "text/event-stream",
                    schema: wire::FeedMessage::schema_ref(),
                }],
                headers: vec![],
            }],
        }
    }

    fn register(registry: &mut Registry) {
        wire::FeedMessage::register(registry);
    }
}

/// How often it is asked whether the reader may still read.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// How many events one reader has waiting. The others stay where all readers
/// find them.
const WAITING_MAX: usize = 64;

/// One who reads.
pub(super) struct Reader {
    app: Arc<App>,
    standing: Standing,
    /// The last message that was sent; none if that is of another stream.
    after: Option<EventId>,
    waiting: VecDeque<Event>,
    told: watch::Receiver<u64>,
    checked: Instant,
    has_ended: bool,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    pub(super) fn new(
        app: &Arc<App>,
        standing: Standing,
        after: Option<EventId>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let mut told = app.feed.told();
        told.mark_changed();
        Self {
            app: Arc::clone(app),
            standing,
            after,
            waiting: VecDeque::new(),
            told,
            checked: Instant::now(),
            has_ended: false,
            _place: place,
        }
    }

    pub(super) fn events(self) -> Events {
        let events = futures_util::stream::unfold(self, Self::next);
        Events(SSE::new(events))
    }

    async fn next(mut self) -> Option<(Event, Self)> {
        loop {
            if self.has_ended {
                return None;
            }
            if self.app.closing.is_cancelled() || !self.may_go_on() {
                self.has_ended = true;
                let event = Event::message("{}").event_type("end");
                return Some((event, self));
            }
            if let Some(event) = self.waiting.pop_front() {
                return Some((event, self));
            }
            tokio::select! {
                () = self.app.closing.cancelled() => {}
                _ = tokio::time::timeout(CHECK_EVERY, self.told.changed()) => self.take(),
            }
        }
    }

    /// Asks once a second, and not for each event.
    fn may_go_on(&mut self) -> bool {
        if self.checked.elapsed() < CHECK_EVERY {
            return true;
        }
        self.checked = Instant::now();
        self.standing.check(&self.app).is_ok()
    }

    fn take(&mut self) {
        let Some(told) = self.app.feed.told_after(self.after, WAITING_MAX) else {
            return;
        };
        let Stretch {
            stream,
            messages,
            gap,
            ..
        } = told;
        if let Some((from, seq)) = gap {
            let data = format!(r#"{{"from":{from},"to":{seq}}}"#);
            self.waiting
                .push_back(Event::message(data).event_type("gap"));
            self.after = Some(EventId { stream, seq });
        }
        let Some(seq) = messages.last().map(|last| last.seq) else {
            return;
        };
        self.after = Some(EventId { stream, seq });
        if messages.len() == WAITING_MAX {
            // There may be more already, of which nobody will tell.
            self.told.mark_changed();
        }
        let events = messages.iter().filter_map(|one| event(stream, one));
        self.waiting.extend(events);
    }
}

fn event(stream: StreamId, stored: &StoredRevocation) -> Option<Event> {
    let kind = match stored.subject? {
        RevocationSubject::Shard(_) => "revocations",
        RevocationSubject::Beat => "beat",
    };
    let data = std::str::from_utf8(&stored.payload).ok()?;
    let seq = stored.seq;
    let event = Event::message(data).id(EventId { stream, seq }.to_string());
    Some(event.event_type(kind))
}
