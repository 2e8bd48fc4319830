//! The feed as server-sent events, for one who reads.

use std::collections::VecDeque;
use std::sync::Arc;

use countersign_feed::Stretch;
use countersign_log::{RevocationSubject, StoredRevocation};
use countersign_openapi as wire;
use countersign_verifier::feed::{EventId, StreamId};
use poem::web::sse::Event;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::app::App;
use crate::guard::Standing;
use crate::routes::sse::{Attendance, Endless};

/// How many events one reader has waiting. The others stay where all readers
/// find them.
const WAITING_MAX: usize = 64;

/// One who reads.
pub(super) struct Reader {
    attendance: Attendance,
    /// The last message that was sent; none if that is of another stream.
    after: Option<EventId>,
    waiting: VecDeque<Event>,
    told: watch::Receiver<u64>,
    has_ended: bool,
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
            attendance: Attendance::new(app, standing, place),
            after,
            waiting: VecDeque::new(),
            told,
            has_ended: false,
        }
    }

    pub(super) fn events(self) -> Endless<wire::FeedMessage> {
        Endless::of(futures_util::stream::unfold(self, Self::next))
    }

    async fn next(mut self) -> Option<(Event, Self)> {
        loop {
            if self.has_ended {
                return None;
            }
            if !self.attendance.goes_on() {
                self.has_ended = true;
                return Some((Attendance::end(), self));
            }
            if let Some(event) = self.waiting.pop_front() {
                return Some((event, self));
            }
            if self.attendance.until(self.told.changed()).await {
                self.take();
            }
        }
    }

    fn take(&mut self) {
        let Some(told) = self
            .attendance
            .app()
            .feed
            .told_after(self.after, WAITING_MAX)
        else {
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
