//! From "end this" to orders, and what became of them.

use countersign_openapi::{Account, ProjectionMode, Session, SigningKey, SigningKeyState};
use crossterm::event::KeyEvent;
use uuid::Uuid;

use super::{action, chosen, lists};
use crate::console::confirm::{Confirm, Far, Outcome, Target};
use crate::console::message::{Effect, Query};
use crate::console::model::{Layer, Model};
use crate::console::order::{Done, Failed, Verb};
use crate::console::screens::Screen;
use crate::console::text::many;
use crate::console::theme::Tone;
use crate::console::verifier::Reach;
use crate::key::is_kid;

/// As people know a session.
pub(super) fn label(session: &Session) -> String {
    let email = session.email.as_deref().unwrap_or("unknown");
    let ip = session.ip.as_deref().unwrap_or("no address");
    format!("{} {ip} {}", email, session.id)
}

/// Asks before something is done to the client of the screen.
pub(super) fn on_client(model: &mut Model, verb: Verb) {
    if !is_armed(model, "press x again") {
        return;
    }
    if let Some(client) = chosen::client(model) {
        let target = Target {
            id: client.id.to_string(),
            label: format!("{} {}", client.name, client.id),
            own: false,
        };
        open(model, verb, vec![target], Vec::new());
    }
}

/// Asks before something is done to the signing keys.
pub(super) fn on_key(model: &mut Model, verb: Verb) {
    if !is_armed(model, "press x again") {
        return;
    }
    let keys = model.keys.data().map(Vec::as_slice).unwrap_or_default();
    let key = if verb == Verb::RotateKeys {
        let active = SigningKeyState::Active;
        keys.iter().find(|key| key.state == active)
    } else {
        chosen::key(model)
    };
    let Some(key) = key else {
        return model.say("no key is chosen", Tone::Warn);
    };
    if !is_kid(&key.kid) {
        return model.say("that is not a key id", Tone::Danger);
    }
    let facts = match verb {
        Verb::RotateKeys => follows(keys),
        _ => Vec::new(),
    };
    let target = Target {
        id: key.kid.clone(),
        label: format!("{} {}", key.algorithm, key.kid),
        own: false,
    };
    open(model, verb, vec![target], facts);
}

/// What a rotation leads to, which depends on whether a key waits.
fn follows(keys: &[SigningKey]) -> Vec<String> {
    let Some(next) = keys.iter().find(|key| key.state == SigningKeyState::Next) else {
        let told = "No next key is waiting: a new one is published now, and signs after verifiers \
                    have had time to fetch it (column SIGNS FROM).";
        return vec![told.to_owned()];
    };
    let mut facts = vec!["The next key signs, once every live verifier holds it.".to_owned()];
    if !next.lacking.is_empty() {
        let lacking = next.lacking.join(", ");
        facts.push(format!("! The next key is not held by: {lacking}."));
    }
    facts
}

/// Asks before something is done to read models.
pub(super) fn on_projections(model: &mut Model, verb: Verb) {
    if !is_armed(model, "press x again") {
        return;
    }
    let Some(item) = chosen::projection(model) else {
        return model.say("no read model is chosen", Tone::Warn);
    };
    let mut facts = Vec::new();
    let target = if verb == Verb::Repair {
        if let Some(fault) = &item.fault
            && item.state == ProjectionMode::Stopped
        {
            facts.push(format!(
                "It stopped at {}: {}",
                fault.position, fault.message
            ));
        }
        Target {
            id: item.shard.to_string(),
            label: format!("{} shard {}", item.name, item.shard),
            own: false,
        }
    } else {
        let items = model
            .projections
            .data()
            .map(Vec::as_slice)
            .unwrap_or_default();
        // A rebuild lists its own rows beside those that serve.
        let shards = items.iter().filter(|item| item.phase.is_none()).count();
        facts.push(format!("{}; 6 shows how far it is.", many(shards, "shard")));
        Target {
            id: String::new(),
            label: "Every read model".to_owned(),
            own: false,
        }
    };
    open(model, verb, vec![target], facts);
}

pub(super) fn revoke(model: &mut Model) {
    if !is_armed(model, "press x again to revoke") {
        return;
    }
    let own = model.identity.as_ref().map(|identity| identity.session);
    let sessions = chosen::sessions(model);
    let all = sessions.len();
    let active = sessions
        .into_iter()
        .filter(|session| lists::is_active(session));
    let targets: Vec<Target> = active
        .map(|session| Target {
            id: session.id.to_string(),
            label: label(session),
            own: own == Some(session.id),
        })
        .collect();
    let mut facts = Vec::new();
    if all > targets.len() {
        let over = many(all - targets.len(), "marked session");
        facts.push(format!("{over} already over, left out."));
    }
    open(model, Verb::RevokeSession, targets, facts);
}

/// Asks before something is done to the account of the screen.
pub(super) fn on_account(model: &mut Model, verb: Verb) {
    let again = format!("now {} again", verb.button().to_lowercase());
    if !is_armed(model, &again) {
        return;
    }
    let Some(id) = chosen::account_id(model) else {
        return;
    };
    let known = chosen::account(model).map(|account: &Account| account.email.clone());
    let email = known.or_else(|| chosen::session(model).and_then(|session| session.email.clone()));
    let own = model.identity.as_ref().map(|identity| identity.account);
    let target = Target {
        id: id.to_string(),
        label: format!("{} {id}", email.unwrap_or_default()),
        own: own == Some(id) && verb != Verb::Reinstate,
    };
    let sessions = match model.screen {
        Screen::Account => model.account.sessions.data(),
        Screen::Session => model.session.others.data(),
        _ => None,
    };
    let mut facts = Vec::new();
    if let Some(sessions) = sessions
        && verb != Verb::Reinstate
    {
        let active = sessions.iter().filter(|session| lists::is_active(session));
        let active = active.filter(|session| session.account_id == id).count();
        let least = if sessions.len() >= super::due::BESIDE {
            "at least "
        } else {
            ""
        };
        facts.push(format!(
            "It has {least}{} now.",
            many(active, "active session")
        ));
    }
    open(model, verb, vec![target], facts);
}

/// Whether it may write; else the form to arm with opens.
pub(super) fn is_armed(model: &mut Model, again: &str) -> bool {
    let armed = model.arming.arms(model.now).is_some();
    if !armed {
        action::arm(model, Some(again.to_owned()));
    }
    armed
}

fn open(model: &mut Model, verb: Verb, mut targets: Vec<Target>, facts: Vec<String>) {
    // Whoever ends their own session ends it last, or could not go on.
    targets.sort_by_key(|target| target.own);
    if !targets.is_empty() {
        let confirm = Confirm::new(verb, targets, facts, model.now);
        model.layer = Some(Layer::Confirm(Box::new(confirm)));
    }
}

/// A key in the dialog.
pub(super) fn key(model: &mut Model, key: KeyEvent, effects: &mut Vec<Effect>) {
    let now = model.now;
    let Some(Layer::Confirm(confirm)) = &mut model.layer else {
        return;
    };
    match confirm.key(key, now) {
        Outcome::Stay => {}
        Outcome::Close => close(model),
        Outcome::Act(orders) => {
            // The one place where a write begins: never in the past, and it
            // takes the proof.
            if model.past.is_some() {
                confirm.note = Some("you look at the past: cancel, and :now returns".to_owned());
                return;
            }
            let Some(arms) = model.arming.arms(now) else {
                confirm.note = Some("read-only again: cancel, and arm with A".to_owned());
                return;
            };
            let job = model.ticket();
            if let Some(Layer::Confirm(confirm)) = &mut model.layer {
                confirm.job = Some(job);
                confirm.note = None;
            }
            effects.push(Effect::Act { arms, job, orders });
        }
    }
}

fn close(model: &mut Model) {
    let layer = model.layer.take();
    let Some(Layer::Confirm(confirm)) = layer else {
        return;
    };
    if confirm.job.is_none() {
        model.say("cancelled, nothing was done", Tone::Good);
        return;
    }
    let is_open = confirm.reach.as_ref().is_some_and(Reach::is_open);
    model.watched = confirm.job.filter(|_| is_open);
    let (_, failed, _) = confirm.progress();
    let tone = match (failed, confirm.is_behind()) {
        (0, false) => Tone::Good,
        (0, true) => Tone::Warn,
        _ => Tone::Danger,
    };
    model.say(confirm.result(), tone);
    if failed == 0 {
        model.sessions.clear_marks();
    }
}

/// An order was carried out, or not.
pub(super) fn acted(
    model: &mut Model,
    job: u64,
    index: usize,
    outcome: Result<Done, Failed>,
    effects: &mut Vec<Effect>,
) {
    let Some(Layer::Confirm(confirm)) = &mut model.layer else {
        return;
    };
    if confirm.job != Some(job) {
        return;
    }
    let verb = confirm.verb;
    let Some(target) = confirm.targets.get(index).cloned() else {
        return;
    };
    if let Some(place) = confirm.outcomes.get_mut(index) {
        *place = Some(outcome.clone());
    }
    // What is told of one of several says nothing of the others.
    if let ([_], Ok(done)) = (confirm.targets.as_slice(), &outcome)
        && let Some(applied) = done.applied.clone()
    {
        confirm.reach = Some(Reach::of(applied));
    }
    if confirm.is_finished() {
        confirm.note = None;
        let matched = confirm.filtered.as_ref().map(|all| all.matched);
        if let (Some(matched), None, Ok(_)) = (matched, confirm.far, &outcome) {
            confirm.far = Some(Far {
                ended: matched,
                already_over: 0,
                matched,
            });
        }
    }
    super::answer::link(model, outcome.as_ref().err(), effects);
    match outcome {
        Ok(done) => look_again(model, verb, &target, done.position, effects),
        Err(failed) => {
            if failed == Failed::Disarmed {
                model.arming.disarm();
                model.was_armed = false;
                effects.push(Effect::Disarm);
            }
            let label = &target.label;
            let told = format!("{} {label}: {}", verb.button(), failed.told());
            model.note_error(told);
        }
    }
}

/// Verifiers have applied it, or not yet.
pub(super) fn reached(model: &mut Model, job: u64, reach: Reach) {
    if let Some(Layer::Confirm(confirm)) = &mut model.layer
        && confirm.job == Some(job)
    {
        confirm.reach = Some(reach);
        return;
    }
    if model.watched == Some(job) && !reach.is_open() {
        // Whoever closed the dialog before is told the end of it.
        model.watched = None;
        model.say(reach.told(), reach.tone());
    }
}

/// Asks for what was changed, as it is at the position of the change.
fn look_again(
    model: &mut Model,
    verb: Verb,
    target: &Target,
    position: String,
    effects: &mut Vec<Effect>,
) {
    model.keys.expire();
    model.clients.expire();
    model.projections.expire();
    if verb == Verb::RevokeFiltered {
        model.sessions.pane.expire();
    }
    let Ok(id) = Uuid::try_parse(&target.id) else {
        return;
    };
    if matches!(verb, Verb::DisableClient | Verb::EnableClient) {
        return;
    }
    let ticket = model.ticket();
    let now = model.now;
    let at_least = Some(position);
    if verb == Verb::RevokeSession {
        if model.session.id == Some(id) {
            model.session.pane.ask(ticket, now);
            model.session.timeline.pane.expire();
        }
        model.session.others.expire();
        model.account.sessions.expire();
        let query = Query::Session { id, at_least };
        effects.push(Effect::Ask { ticket, query });
    } else {
        if model.account.id == Some(id) {
            model.account.pane.ask(ticket, now);
            model.account.timeline.pane.expire();
        }
        model.account.sessions.expire();
        model.session.pane.expire();
        model.session.others.expire();
        model.sessions.pane.expire();
        let query = Query::Account { id, at_least };
        effects.push(Effect::Ask { ticket, query });
    }
}
