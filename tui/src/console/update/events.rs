//! Following the log.

use countersign_openapi::ProblemCode;

use super::{answer, lists};
use crate::Followed;
use crate::console::message::{Effect, Query};
use crate::console::model::{Model, Phase};
use crate::console::order::Failed;
use crate::console::screens::Screen;
use crate::console::tail::{Back, TailRow};

/// Asks for the stream while somebody looks, and for what was before it.
pub(super) fn ask(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now;
    if model.tail.follow.is_wanted(now) {
        if model.tail.follow.cursor().is_none() {
            // Nobody knows what happened since the rows that are held.
            model.tail.forget();
        }
        let ticket = model.ticket();
        model.tail.follow.ask(ticket);
        effects.push(Effect::Follow {
            ticket,
            query: lists::events_query(&model.event_filter),
            after: model.tail.follow.cursor(),
        });
    }
    // Only behind the stream's begin, so that nothing is between the two.
    let (height, filter) = (model.list_rows() + 1, &model.event_filter);
    let fits = |row: &TailRow| lists::fits_event(filter, row, now);
    if model.tail.follow.is_there()
        && let Some(Back { after }) = model.tail.wants_older(height, fits)
    {
        let parameters = lists::event_parameters(&model.event_filter);
        let query = Query::Events { parameters, after };
        let every = super::due::retry(&model.tail.pane);
        super::due::pane(model, effects, every, query, |model| &mut model.tail.pane);
    }
}

/// Follows no longer when nobody looks; it goes on from its cursor.
pub(super) fn leave(model: &mut Model, effects: &mut Vec<Effect>) {
    let is_seen = model.screen == Screen::Events && matches!(model.phase, Phase::In);
    if !is_seen && model.tail.follow.is_on() {
        model.tail.follow.stop();
        effects.push(Effect::Unfollow);
    }
}

/// It brought something.
pub(super) fn followed(model: &mut Model, ticket: u64, item: Followed, cursor: Option<String>) {
    let newest = match &item {
        Followed::Events(events) => events.last().map(|event| event.occurred_at),
        // What is behind a gap comes next.
        Followed::Gap { .. } => Some(time::OffsetDateTime::UNIX_EPOCH),
        Followed::Beat { .. } | Followed::End => None,
    };
    let replays = model.tail.follow.replays();
    if model.tail.follow.brought(ticket, cursor, newest) {
        model.tail.take(item, replays);
        model.tail.heard = Some(model.now);
    }
}

/// It was cut.
pub(super) fn cut(
    model: &mut Model,
    ticket: u64,
    failed: Option<Failed>,
    effects: &mut Vec<Effect>,
) {
    let now = model.now;
    if !model.tail.follow.cut(ticket, failed.clone(), now) {
        return;
    }
    let Some(failed) = failed else { return };
    if let Failed::Refused(ProblemCode::ValidationFailed, _) = failed {
        // A cursor that the service does not take leads nowhere.
        model.tail.follow.forget();
    }
    model.note_error(format!("events: {}", failed.told()));
    // A stream that breaks says nothing about all other questions.
    if matches!(failed, Failed::NoAnswer(_) | Failed::SignedOut(_)) {
        answer::link(model, Some(&failed), effects);
    }
}
