//! One who follows the log over HTTP.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use countersign_events::Cursor;
use countersign_log::{LogError, RawMessage};
use countersign_openapi as wire;
use poem::web::sse::Event;
use time::format_description::well_known::Rfc3339;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::Filter;
use crate::app::App;
use crate::guard::Standing;
use crate::routes::sse::{Attendance, CHECK_EVERY, Endless};

/// How many messages one reader has waiting. The others stay in the log.
const WAITING_MAX: usize = 100;

/// How many messages a reader may be behind in a shard and still be sent all
/// of them.
const BEHIND_MAX: u64 = 10_000;

/// Whether a reader is too far behind is asked again when the log has grown by
/// this much.
const JUDGE_EVERY: u64 = BEHIND_MAX / 10;

/// How often it is said how far everything was sent.
const BEAT_EVERY: Duration = CHECK_EVERY;

/// How far a reader is in a shard.
struct Shard {
    index: u8,
    /// The last sequence that was sent, or need not be.
    sent: u64,
    /// The last that was read: those in between wait.
    read: u64,
    /// The last there is, as far as known.
    end: u64,
    /// Where it ended when it was last asked how many messages are left.
    judged: u64,
}

/// What was read.
struct Waiting {
    shard: usize,
    sequence: u64,
    /// The kind and data of an event; none if the reader is not told.
    told: Option<(&'static str, String)>,
}

pub(super) struct Reader {
    attendance: Attendance,
    filter: Filter,
    shards: Vec<Shard>,
    /// The shard whose turn it is.
    turn: usize,
    waiting: VecDeque<Waiting>,
    tip: watch::Receiver<Vec<u64>>,
    /// When it was last said how far everything was sent.
    beaten: Option<Instant>,
    /// Whether the log could be read when it was last tried.
    reads: bool,
    has_ended: bool,
}

impl Reader {
    /// One who has read up to `after`, of a log that ends at `ends`.
    pub(super) fn new(
        app: &Arc<App>,
        standing: Standing,
        place: OwnedSemaphorePermit,
        filter: Filter,
        after: Vec<u64>,
        ends: Vec<u64>,
    ) -> Self {
        let mut tip = app.tip.follow();
        tip.mark_changed();
        let shards = (0u8..).zip(after).zip(ends);
        let shards = shards.map(|((index, after), end)| Shard {
            index,
            sent: after,
            read: after,
            end,
            judged: 0,
        });
        Self {
            attendance: Attendance::new(app, standing, place),
            filter,
            shards: shards.collect(),
            turn: 0,
            waiting: VecDeque::new(),
            tip,
            beaten: None,
            reads: true,
            has_ended: false,
        }
    }

    pub(super) fn events(self) -> Endless<Vec<wire::Event>> {
        Endless::of(futures_util::stream::unfold(self, Self::next))
    }

    async fn next(mut self) -> Option<(Event, Self)> {
        loop {
            if self.has_ended {
                return None;
            }
            if !self.attendance.goes_on() {
                return Some((self.end(), self));
            }
            if let Some(next) = self.waiting.pop_front() {
                self.shards[next.shard].sent = next.sequence;
                if let Some((kind, data)) = next.told {
                    let event = Event::message(data).event_type(kind);
                    return Some((event.id(self.cursor()), self));
                }
                continue;
            }
            if let Some(beat) = self.beat() {
                return Some((beat, self));
            }
            match self.take().await {
                Ok(true) => self.reads = true,
                Ok(false) => {
                    self.reads = true;
                    self.attendance.until(self.tip.changed()).await;
                }
                Err(error) if error.is_transient() => {
                    tracing::debug!(%error, "a reader of the log waits");
                    self.reads = false;
                    self.attendance.until(std::future::pending::<()>()).await;
                }
                Err(error) => {
                    tracing::error!(%error, "the log cannot be read on");
                    return Some((self.end(), self));
                }
            }
        }
    }

    fn end(&mut self) -> Event {
        self.has_ended = true;
        Attendance::end()
    }

    fn cursor(&self) -> String {
        Cursor::new(self.shards.iter().map(|shard| shard.sent).collect()).to_string()
    }

    /// How far everything was sent, if that is due. Nothing is said while the
    /// log cannot be read: nobody knows what is in it then.
    fn beat(&mut self) -> Option<Event> {
        let is_due = self.beaten.is_none_or(|last| last.elapsed() >= BEAT_EVERY);
        let app = self.attendance.app();
        if !is_due || !self.reads || !app.log.is_connected() {
            return None;
        }
        let at = app.clock.now().to_datetime().format(&Rfc3339);
        let (at, cursor) = (at.unwrap_or_default(), self.cursor());
        self.beaten = Some(Instant::now());
        let data = format!(r#"{{"at":"{at}","cursor":"{cursor}"}}"#);
        Some(Event::message(data).event_type("beat").id(cursor))
    }

    /// Reads on in the next shard that has more. No: none has.
    async fn take(&mut self) -> Result<bool, LogError> {
        let ends = self.tip.borrow_and_update().clone();
        for (shard, end) in self.shards.iter_mut().zip(ends) {
            shard.end = shard.end.max(end);
        }
        for _ in 0..self.shards.len() {
            let index = self.turn % self.shards.len();
            self.turn = index + 1;
            if self.shards[index].read < self.shards[index].end && self.read(index).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads on in a shard. No: nothing is left there, or a replica does not
    /// have it yet.
    async fn read(&mut self, index: usize) -> Result<bool, LogError> {
        let log = &self.attendance.app().log;
        let shard = &mut self.shards[index];
        if shard.end - shard.read > BEHIND_MAX && shard.end >= shard.judged + JUDGE_EVERY {
            let left = log.count_from(shard.index, shard.read + 1).await?;
            shard.judged = shard.end;
            if left > BEHIND_MAX {
                return self.skip(index).await;
            }
        }
        let messages = log
            .following(shard.index, shard.read + 1, WAITING_MAX)
            .await?;
        let Some(last) = messages.last() else {
            return Ok(false);
        };
        shard.read = last.position.sequence;
        shard.end = shard.end.max(shard.read);
        for message in &messages {
            let told = self.told(message);
            self.waiting.push_back(Waiting {
                shard: index,
                sequence: message.position.sequence,
                told,
            });
        }
        Ok(true)
    }

    /// Leaves out what is too far behind, and says so.
    async fn skip(&mut self, index: usize) -> Result<bool, LogError> {
        let log = &self.attendance.app().log;
        let shard = &mut self.shards[index];
        let first = log.following(shard.index, shard.read + 1, 1).await?;
        let Some(first) = first.first() else {
            return Ok(false);
        };
        let (from, to) = (first.position.sequence, shard.end - BEHIND_MAX);
        // What was forgotten is not left out.
        let told = (from <= to).then(|| ("gap", gap(shard.index, from, to)));
        shard.read = to.max(from - 1);
        self.waiting.push_back(Waiting {
            shard: index,
            sequence: shard.read,
            told,
        });
        Ok(true)
    }

    /// What is told of a message. One that is not understood is a gap.
    fn told(&self, message: &RawMessage) -> Option<(&'static str, String)> {
        let position = message.position;
        let events = self.filter.of(message).map_err(|error| error.to_string());
        let data = events.and_then(|events| {
            let data = serde_json::to_string(&events).map_err(|error| error.to_string());
            data.map(|data| (!events.is_empty()).then_some(("events", data)))
        });
        data.unwrap_or_else(|error| {
            tracing::warn!(%position, error, "an event is not understood");
            Some((
                "gap",
                gap(position.shard, position.sequence, position.sequence),
            ))
        })
    }
}

fn gap(shard: u8, from: u64, to: u64) -> String {
    format!(r#"{{"shard":{shard},"from":{from},"to":{to}}}"#)
}
