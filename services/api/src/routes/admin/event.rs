//! `/v1/admin/events`

use std::sync::{Arc, LazyLock};

use crate::http::Json;
use countersign_events::{Cursor, Noun};
use countersign_log::{Log, RANGE_MAX, RawMessage};
use countersign_openapi as wire;
use futures_util::future::try_join_all;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use uuid::Uuid;

use crate::app::App;
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::routes::page::limit;
use crate::routes::show;
use crate::routes::tags::Tags;

mod reader;
mod stream;

pub(crate) use stream::EventStream;

pub(crate) struct Events;

#[OpenApi(prefix_path = "/v1/admin/events", tag = "Tags::Admin")]
impl Events {
    /// Read the log
    ///
    /// Newest first over all shards, straight from the log. With a filter a
    /// page may be short, or empty, and still have a `next`: each call looks
    /// at a bounded stretch of the log. Needs `events:read`.
    #[oai(path = "/", method = "get", operation_id = "list_events")]
    async fn list_events(
        &self,
        app: Data<&Arc<App>>,
        _caller: SignedIn,
        /// Only events about this: `account`, `session`, `email`, `key`,
        /// `factor`, `client`, `grant` or `revocation`.
        noun: Query<Option<String>>,
        /// Only events about this one.
        subject_id: Query<Option<Uuid>>,
        /// Only events of this name, for example `started`.
        name: Query<Option<String>>,
        /// How many messages to return at most, 1 to 200. All events of a
        /// message are returned together.
        #[oai(default = "crate::routes::page::default_limit")]
        limit: Query<u16>,
        /// The `next` of the page before.
        after: Query<Option<String>>,
    ) -> poem::Result<Json<wire::Page<wire::Event>>> {
        let filter = Filter::parse(noun.0.as_deref(), subject_id.0, name.0)?;
        let limit = usize::from(self::limit(limit.0)?);
        let log = &app.0.log;
        let bounds = if let Some(cursor) = after.0 {
            parse(log, &cursor)?
        } else {
            let ends = log.ends().await.map_err(Denied::from)?;
            ends.into_iter().map(|end| end + 1).collect()
        };
        Ok(Json(backwards(log, bounds, limit, &filter).await?))
    }
}

/// What a noun can be.
static EXPECTED: LazyLock<String> = LazyLock::new(|| format!("expected {}", Noun::words()));

struct Filter {
    noun: Option<Noun>,
    subject_id: Option<Uuid>,
    name: Option<String>,
}

impl Filter {
    fn parse(
        noun: Option<&str>,
        subject_id: Option<Uuid>,
        name: Option<String>,
    ) -> Result<Self, Denied> {
        let noun = noun.map(str::parse::<Noun>).transpose();
        Ok(Self {
            noun: noun.map_err(|_| Denied::InvalidParameter {
                name: "noun",
                message: EXPECTED.as_str(),
            })?,
            subject_id,
            name,
        })
    }

    /// Those of the events of a message that fit.
    fn of(&self, message: &RawMessage) -> Result<Vec<wire::Event>, Denied> {
        if !self.wants(message) {
            return Ok(Vec::new());
        }
        let mut events = show::events(message)?;
        events.retain(|event| self.name.as_ref().is_none_or(|name| *name == event.name));
        Ok(events)
    }

    fn wants(&self, message: &RawMessage) -> bool {
        self.noun.is_none_or(|noun| noun == message.subject.noun)
            && self.subject_id.is_none_or(|id| id == message.subject.id)
    }
}

fn parse(log: &Log, cursor: &str) -> Result<Vec<u64>, Denied> {
    let parsed = cursor.parse::<Cursor>().ok();
    parsed
        .filter(|cursor| cursor.sequences().len() == usize::from(log.shards()))
        .map(|cursor| cursor.sequences().to_vec())
        .ok_or(Denied::InvalidParameter {
            name: "after",
            message: "not a cursor of this list",
        })
}

/// One stretch of each shard, merged by time.
///
/// `bounds` holds, shard by shard, the sequence that the page must stay below.
/// In a shard the order of the log counts: concurrent decisions, clocks that
/// differ and clocks that are set back give later messages earlier times, so a
/// message is placed no later than those that follow it. What is shown of a
/// shard is therefore always its newest part. Nothing is shown that is older
/// than what a shard may still hold unread.
async fn backwards(
    log: &Log,
    mut bounds: Vec<u64>,
    limit: usize,
    filter: &Filter,
) -> Result<wire::Page<wire::Event>, Denied> {
    let stretches = (0u8..).zip(&bounds).map(|(shard, &bound)| {
        let from = bound.saturating_sub(RANGE_MAX).max(1);
        async move { Ok::<_, Denied>((from, log.range(shard, from, bound).await?)) }
    });
    let stretches = try_join_all(stretches).await?;
    let mut horizon = i64::MIN;
    let mut found = Vec::new();
    for (from, messages) in &stretches {
        let mut place = i64::MAX;
        for message in messages.iter().rev() {
            place = place.min(message.envelope()?.header().occurred_at.as_millis());
            found.push((place, message));
        }
        if *from > 1 && !messages.is_empty() {
            horizon = horizon.max(place);
        }
    }
    // Stable: within a shard the newest stays first.
    found.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    let mut shown = Vec::new();
    let mut whole = true;
    for (place, message) in found {
        if place < horizon || shown.len() == limit {
            whole = false;
            break;
        }
        bounds[usize::from(message.position.shard)] = message.position.sequence;
        if filter.wants(message) {
            shown.push(message);
        }
    }
    for ((from, messages), bound) in stretches.iter().zip(&mut bounds) {
        // Whatever is left below has been forgotten, or comes next.
        if whole || messages.is_empty() {
            *bound = (*from).min(*bound);
        }
    }
    let mut items = Vec::new();
    for message in shown {
        items.extend(filter.of(message)?);
    }
    let more = bounds.iter().any(|bound| *bound > 1);
    Ok(wire::Page {
        items,
        next: more.then(|| Cursor::new(bounds).to_string()),
    })
}
