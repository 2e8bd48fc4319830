//! What a message does to the model, and what has to be done outside.

mod action;
mod answer;
mod chosen;
mod dispatch;
mod due;
mod events;
mod filtered;
mod layer;
mod lists;
mod menu;
mod moving;
mod orders;
mod sign_in;

use time::{Duration, OffsetDateTime};

use super::message::{Effect, Message};
use super::model::{Layer, Model, Phase};
use super::screens::is_large_enough;
use super::theme::Tone;

pub(super) use chosen::projection;
pub(super) use dispatch::refused;
pub(super) use layer::found;
pub(super) use lists::{fields, fits_client, fits_event, of};

/// Takes a message that came at `now`, and says what has to be done outside.
/// It waits for nothing and never fails.
pub fn update(model: &mut Model, now: OffsetDateTime, message: Message) -> Vec<Effect> {
    let mut effects = Vec::new();
    // A clock that is set back does not lengthen anything.
    model.now = now.max(model.now - Duration::SECOND);
    expire(model, &mut effects);
    match message {
        Message::Tick => {}
        Message::Resize(columns, rows) => model.size = (columns, rows),
        Message::Key(key) => dispatch::key(model, key, &mut effects),
        Message::Wheel(lines) => {
            let is_free = model.layer.is_none() && matches!(model.phase, Phase::In);
            if is_free && is_large_enough(model.size) {
                moving::step(model, isize::from(lines));
            }
        }
        Message::Paste(text) => paste(model, &text),
        Message::Entered(_)
        | Message::AskPassword { .. }
        | Message::AskCode { .. }
        | Message::Proved(_)
        | Message::NotProved(_) => sign_in::came(model, message, &mut effects),
        Message::Answer(answer) => answer::came(model, answer, &mut effects),
        Message::Acted {
            job,
            index,
            outcome,
        } => orders::acted(model, job, index, outcome, &mut effects),
        Message::Previewed { ticket, outcome } => {
            filtered::counted(model, ticket, outcome, &mut effects);
        }
        Message::Progress { job, far } => filtered::progressed(model, job, far),
        Message::Reached { job, reach } => orders::reached(model, job, reach),
        Message::Following(ticket) => {
            let now = model.now;
            model.tail.follow.began(ticket, now);
            model.tail.heard = Some(now);
        }
        Message::Followed {
            ticket,
            item,
            cursor,
        } => events::followed(model, ticket, item, cursor),
        Message::Cut { ticket, failed } => events::cut(model, ticket, failed, &mut effects),
        Message::Saved(Ok(path)) => model.say(format!("written: {path}"), Tone::Good),
        Message::Saved(Err(error)) => {
            model.say(error.clone(), Tone::Danger);
            model.note_error(error);
        }
    }
    events::leave(model, &mut effects);
    due::ask(model, &mut effects);
    model.settle();
    effects
}

/// Lets the arms run out.
fn expire(model: &mut Model, effects: &mut Vec<Effect>) {
    let armed = model.arming.left(model.now).is_some();
    if model.was_armed && !armed {
        model.arming.disarm();
        model.say("read-only again", Tone::Warn);
        effects.push(Effect::Disarm);
    }
    model.was_armed = armed;
}

/// Pasted text goes into a line that is being typed, and nowhere else.
fn paste(model: &mut Model, text: &str) {
    if !is_large_enough(model.size) {
        return;
    }
    if let Phase::SignIn(form) = &mut model.phase {
        sign_in::line(form).paste(text);
        return;
    }
    let now = model.now;
    match &mut model.layer {
        Some(Layer::Palette { line, at }) => {
            line.paste(text);
            *at = 0;
        }
        Some(Layer::Filter { line, .. }) => line.paste(text),
        Some(Layer::Arm(form)) if !form.busy => form.code.paste(text),
        Some(Layer::Confirm(confirm)) => confirm.paste(text, now),
        _ => model.say("pasted text was ignored", Tone::Warn),
    }
}
