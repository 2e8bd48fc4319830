//! The log as it grows: `GET /v1/admin/events/stream`, read frame by frame.
//!
//! What comes is server-sent events (the WHATWG HTML standard, section 9.2.6).
//! Nothing of it is trusted: a line or frame that is too long, or that says
//! something else than the contract, is an error and never a panic, and the
//! memory that one reader takes is bounded.

mod frames;

use std::collections::VecDeque;
use std::time::Duration;

use countersign_openapi::Event;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use tokio::time::timeout;
use uuid::Uuid;

use self::frames::{Frame, Frames};
use crate::client::send;
use crate::{Client, ClientError};

/// The service says something every second; so long is silence.
const SILENCE: Duration = Duration::from_secs(10);
/// How long one connection lasts at most; whoever reads goes on behind it.
const LIFE: Duration = Duration::from_hours(24);
/// Most bytes of a cursor.
const CURSOR_BYTES_MAX: usize = 4 * 1_024;

/// Which events to follow; all of them where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventsQuery {
    /// What they are about: `account`, `session`, `key`.
    pub noun: Option<String>,
    /// Which one of these.
    pub subject_id: Option<Uuid>,
    /// What happened: `started`, `ended`.
    pub name: Option<String>,
}

/// Something that the stream brought.
#[derive(Debug, Clone, PartialEq)]
pub enum Followed {
    /// The events of one message of the log, in its order.
    Events(Vec<Event>),
    /// Nothing happened up to here.
    Beat {
        /// The service's time.
        at: OffsetDateTime,
        /// Where every shard of the log is read up to.
        cursor: String,
    },
    /// Messages that are not sent.
    Gap {
        /// Of this shard.
        shard: u64,
        /// The first sequence that is missing.
        from: u64,
        /// The last one.
        to: u64,
    },
    /// The service ends the stream: the token ran out or was revoked, or the
    /// instance stops. Nothing comes behind it.
    End,
}

/// Why nothing more comes.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Cut(reqwest::Error),
    /// The connection was closed without a word.
    #[error("the connection was closed")]
    Closed,
    /// Nothing came for so long, not even a beat.
    #[error("nothing came for {} s", SILENCE.as_secs())]
    Silent,
    /// What came is not what the contract says.
    #[error("the stream is malformed: {0}")]
    Malformed(&'static str),
}

/// Events as they happen, from [`Client::follow_events`].
#[derive(Debug)]
pub struct EventStream {
    answer: Response,
    told: Told,
    waiting: VecDeque<Item>,
    cursor: Option<String>,
}

/// Something that came, and the cursor behind it; the end has none.
type Item = (Followed, Option<String>);

impl Client {
    /// Follows the log from a cursor on, which is an earlier stream's
    /// [`EventStream::cursor`]; from its end without one.
    pub async fn follow_events(
        &self,
        query: &EventsQuery,
        last_event_id: Option<&str>,
    ) -> Result<EventStream, ClientError> {
        let unreadable = |what: &str| ClientError::Contract(what.to_owned());
        let mut url = Url::parse(&self.at("/v1/admin/events/stream"))
            .map_err(|_| unreadable("the deployment's URL cannot be read"))?;
        let subject = query.subject_id.map(|id| id.to_string());
        let asked = [
            ("noun", query.noun.as_deref()),
            ("subject_id", subject.as_deref()),
            ("name", query.name.as_deref()),
        ];
        for (name, value) in asked {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        let request = self.http.get(url).bearer_auth(self.token.expose());
        let request = request.header("accept", "text/event-stream").timeout(LIFE);
        let request = match last_event_id {
            Some(cursor) => request.header("last-event-id", cursor),
            None => request,
        };
        let answer = timeout(SILENCE, send(request)).await;
        let answer = answer.map_err(|_| unreadable("it took too long to begin"))??;
        let kind = answer.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("");
        if !kind.starts_with("text/event-stream") {
            return Err(unreadable("the stream is no event stream"));
        }
        Ok(EventStream {
            answer,
            told: Told::default(),
            waiting: VecDeque::new(),
            cursor: last_event_id.map(str::to_owned),
        })
    }
}

impl EventStream {
    /// What comes next. It may be waited for together with something else: no
    /// item is lost when the wait is given up. After [`Followed::End`] there
    /// is nothing but that.
    pub async fn next(&mut self) -> Result<Followed, FollowError> {
        loop {
            if let Some((item, cursor)) = self.waiting.pop_front() {
                self.cursor = cursor.or(self.cursor.take());
                return Ok(item);
            }
            if self.told.has_ended {
                return Ok(Followed::End);
            }
            let chunk = timeout(SILENCE, self.answer.chunk()).await;
            let chunk = chunk.map_err(|_| FollowError::Silent)?;
            let chunk = chunk
                .map_err(FollowError::Cut)?
                .ok_or(FollowError::Closed)?;
            self.told.feed(&chunk, &mut self.waiting)?;
        }
    }

    /// The cursor behind everything that [`EventStream::next`] has brought:
    /// what [`Client::follow_events`] goes on with. Nothing before the first
    /// item of a stream that was begun without one.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }
}

#[derive(Deserialize)]
struct BeatData {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    cursor: String,
}

#[derive(Deserialize)]
struct GapData {
    shard: u64,
    from: u64,
    to: u64,
}

/// Bytes become items.
#[derive(Debug, Default)]
struct Told {
    frames: Frames,
    has_ended: bool,
}

impl Told {
    fn feed(&mut self, bytes: &[u8], into: &mut VecDeque<Item>) -> Result<(), FollowError> {
        for &byte in bytes {
            if self.has_ended {
                return Ok(());
            }
            let frame = self.frames.take(byte).map_err(FollowError::Malformed)?;
            if let Some(frame) = frame
                && let Some(item) = self.item(frame)?
            {
                into.push_back(item);
            }
        }
        Ok(())
    }

    /// What a frame says; nothing if it is of a kind that is not known here.
    fn item(&mut self, frame: Frame) -> Result<Option<Item>, FollowError> {
        let item = match frame.kind.as_str() {
            "events" => Followed::Events(read(&frame.data, "events")?),
            "beat" => {
                let BeatData { at, cursor } = read(&frame.data, "beat")?;
                check(&cursor)?;
                Followed::Beat { at, cursor }
            }
            "gap" => {
                let GapData { shard, from, to } = read(&frame.data, "gap")?;
                if from > to {
                    return Err(FollowError::Malformed("a gap that ends before it begins"));
                }
                Followed::Gap { shard, from, to }
            }
            "end" => {
                self.has_ended = true;
                return Ok(Some((Followed::End, None)));
            }
            _ => return Ok(None),
        };
        check(&frame.id)?;
        Ok(Some((item, Some(frame.id))))
    }
}

fn read<T: DeserializeOwned>(data: &str, what: &'static str) -> Result<T, FollowError> {
    serde_json::from_str(data).map_err(|_| FollowError::Malformed(what))
}

/// A cursor is sent back in a header.
fn check(cursor: &str) -> Result<(), FollowError> {
    let fits = cursor.bytes().all(|byte| byte.is_ascii_graphic());
    if cursor.is_empty() || cursor.len() > CURSOR_BYTES_MAX || !fits {
        return Err(FollowError::Malformed("an item without a good cursor"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
