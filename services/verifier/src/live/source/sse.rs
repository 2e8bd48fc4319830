//! The feed over HTTP: pages from the start, then server-sent events.

use super::{Ended, LOOK, SILENCE};
use crate::feed::{Beat, EventId, Message};
use crate::live::follower::Advice;
use crate::live::http::Trouble;
use crate::live::service::Service;
use crate::live::shared::Shared;
use crate::live::sse::{Event, Parser};
use tokio::time::{Instant, timeout};

/// Reads until something ends it.
pub(super) async fn read(service: &Service, shared: &Shared, from_start: bool) -> Ended {
    match read_on(service, shared, from_start).await {
        Ok(ended) => ended,
        Err(trouble) => Ended::Resume(Some(trouble)),
    }
}

async fn read_on(service: &Service, shared: &Shared, from_start: bool) -> Result<Ended, Trouble> {
    let last = if let Some(last) = shared.last().filter(|_| !from_start) {
        last
    } else {
        shared.begin();
        load(service, shared).await?
    };
    let mut stream = service.stream(last).await?;
    let mut parser = Parser::default();
    let mut heard_at = Instant::now();
    loop {
        let chunk = timeout(LOOK, stream.chunk()).await;
        match shared.advice() {
            Advice::GoOn => {}
            Advice::Reconnect => return Ok(Ended::Resume(None)),
            Advice::Reload => return Ok(Ended::Restart),
        }
        let Ok(chunk) = chunk else {
            if heard_at.elapsed() > SILENCE {
                return Err(Trouble::Timeout);
            }
            continue;
        };
        let Some(bytes) = chunk? else {
            return Ok(Ended::Resume(None));
        };
        heard_at = Instant::now();
        let mut is_ended = false;
        let fed = parser.feed(&bytes, |event| is_ended |= take(shared, &event));
        fed.map_err(|_| Trouble::Malformed)?;
        if is_ended {
            return Ok(Ended::Resume(None));
        }
    }
}

/// Reads all there is; says after which sequence to go on.
async fn load(service: &Service, shared: &Shared) -> Result<EventId, Trouble> {
    let mut after = None;
    loop {
        let page = service.page(after).await?;
        let stream = page.stream;
        for item in &page.items {
            let id = EventId {
                stream,
                seq: item.seq,
            };
            match (&item.message, &item.beat) {
                (Some(message), None) => shared.message(id, message),
                (None, Some(beat)) => shared.beat(id, beat),
                _ => shared.unreadable(id),
            }
        }
        let last = page.items.last().map(|item| item.seq);
        match page.next {
            // A page that does not lead on would be read for ever.
            Some(next) if after.is_some_and(|after| next <= after) => {
                return Err(Trouble::Malformed);
            }
            Some(next) => after = Some(next),
            None => {
                let seq = last.or(after).unwrap_or(page.seq);
                return Ok(EventId { stream, seq });
            }
        }
    }
}

/// Applies one event; says whether it was the last.
fn take(shared: &Shared, event: &Event) -> bool {
    match event.kind.as_str() {
        "gap" => shared.gap(),
        "end" => return true,
        "revocations" | "beat" => {
            // Without an id nobody knows what it follows.
            let Ok(id) = event.id.parse() else {
                shared.gap();
                return false;
            };
            if event.kind == "beat" {
                match serde_json::from_str::<Beat>(&event.data) {
                    Ok(beat) => shared.beat(id, &beat),
                    Err(_) => shared.unreadable(id),
                }
            } else {
                match serde_json::from_str::<Message>(&event.data) {
                    Ok(message) => shared.message(id, &message),
                    Err(_) => shared.unreadable(id),
                }
            }
        }
        // What a newer service may say besides.
        _ => {}
    }
    false
}
