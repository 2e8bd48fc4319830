//! Moving about: rows, panes, and what is opened.

use countersign_openapi::{Client, ProjectionState, Session};

use super::{action, chosen, lists};
use crate::console::model::Model;
use crate::console::screens::{Screen, attention, facts};
use crate::console::theme::Tone;
use crate::console::timeline::Timeline;

/// The timeline that the cursor is in.
pub(super) fn timeline(model: &mut Model) -> Option<&mut Timeline> {
    match model.screen {
        Screen::Session if model.session.is_in_timeline() => Some(&mut model.session.timeline),
        Screen::Account if model.account.is_in_timeline() => Some(&mut model.account.timeline),
        _ => None,
    }
}

/// Moves the cursor of the screen.
pub(super) fn step(model: &mut Model, rows: isize) {
    let now = model.now;
    let within = |at: usize, len: usize| at.saturating_add_signed(rows).min(len.saturating_sub(1));
    match model.screen {
        Screen::Overview => {
            let items = attention(model).len();
            model.attention_at = within(model.attention_at, items);
        }
        Screen::Sessions => model.sessions.step(rows),
        Screen::Accounts => model.accounts.step(rows),
        Screen::Session | Screen::Account => {
            if let Some(timeline) = timeline(model) {
                timeline.step(rows);
                return;
            }
            if let Some(at) = fact(model) {
                let facts = facts_len(model);
                if let Some(place) = fact_mut(model) {
                    *place = Some(within(at, facts));
                }
                return;
            }
            if let Some(at) = model
                .account
                .at_attempt
                .filter(|_| model.screen == Screen::Account)
            {
                let attempts = model.account.attempts.data().map_or(0, Vec::len);
                model.account.at_attempt = Some(within(at, attempts));
                return;
            }
            let (sessions, at) = if model.screen == Screen::Session {
                (&model.session.others, &mut model.session.at_other)
            } else {
                (&model.account.sessions, &mut model.account.at_session)
            };
            let sessions = sessions.data().map(Vec::as_slice).unwrap_or_default();
            *at = chosen::moved(sessions, |session| session.id, at.as_ref(), rows);
        }
        Screen::Events => {
            let filter = &model.event_filter;
            model
                .tail
                .step(rows, |row| lists::fits_event(filter, row, now));
        }
        Screen::Projections => {
            let items = model
                .projections
                .data()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let key = |item: &ProjectionState| (item.name.clone(), item.shard);
            let at = chosen::projection(model).map(key);
            model.projection_at = chosen::moved(items, key, at.as_ref(), rows);
        }
        Screen::Keys => {
            let keys = model.keys.data().map(Vec::as_slice).unwrap_or_default();
            let at = model.key_at.as_ref();
            model.key_at = chosen::moved(keys, |key| key.kid.clone(), at, rows);
        }
        Screen::Clients => {
            let verifiers = model.verifiers.data().map(|all| all.items.as_slice());
            let clients = model.clients.data().map(|all| all.items.as_slice());
            if let Some(at) = &model.at_verifier {
                let verifiers = verifiers.unwrap_or_default();
                model.at_verifier = chosen::moved(verifiers, |item| item.id, Some(at), rows);
            } else {
                let fitting: Vec<&Client> = clients
                    .unwrap_or_default()
                    .iter()
                    .filter(|client| lists::fits_client(&model.client_filter, client, now))
                    .collect();
                let (clients, at) = (fitting.as_slice(), model.client_at.as_ref());
                model.client_at = chosen::moved(clients, |client| client.id, at, rows);
            }
        }
    }
}

pub(super) fn top(model: &mut Model) {
    match model.screen {
        Screen::Sessions => model.sessions.go_to_top(),
        Screen::Accounts => model.accounts.go_to_top(),
        _ => step(model, -1_000_000),
    }
}

pub(super) fn bottom(model: &mut Model) {
    match model.screen {
        Screen::Sessions => model.sessions.go_to_bottom(),
        Screen::Accounts => model.accounts.go_to_bottom(),
        Screen::Events => model.tail.hold(false),
        _ => step(model, 1_000_000),
    }
}

pub(super) fn open(model: &mut Model) {
    match model.screen {
        Screen::Overview => {
            let item = attention(model).into_iter().nth(model.attention_at);
            if let Some((screen, filter)) = item.and_then(|item| item.leads_to) {
                if let Ok(filter) = lists::parse(screen, filter) {
                    lists::set(model, screen, filter);
                }
                model.show(screen);
            }
        }
        Screen::Accounts => {
            if let Some(id) = chosen::account_id(model) {
                model.open_account(id);
            }
        }
        _ if fact(model).is_some() => to_cause(model),
        Screen::Account if model.account.at_attempt.is_some() => {
            match chosen::attempt(model).and_then(|attempt| attempt.session_id) {
                Some(id) => model.open_session(id),
                None => model.say("it opened no session", Tone::Warn),
            }
        }
        _ => match (
            chosen::event(model).is_some(),
            chosen::session(model).map(|session| session.id),
        ) {
            (true, _) => action::raw(model),
            (false, Some(id)) => model.open_session(id),
            (false, None) => {}
        },
    }
}

/// Goes round the panes: the history, what is beside it, and the facts of the
/// past or the tries of now.
pub(super) fn next_pane(model: &mut Model) {
    let first = |sessions: Option<&Vec<Session>>| sessions?.first().map(|session| session.id);
    let shows_past = model.shows_past();
    match model.screen {
        Screen::Session => {
            let beside = first(model.session.others.data());
            let view = &mut model.session;
            let was_in_timeline = view.is_in_timeline();
            let was_beside = view.at_other.take().is_some();
            view.at_fact = None;
            if was_in_timeline {
                view.at_other = beside;
            }
            let next = was_beside || (was_in_timeline && beside.is_none());
            view.at_fact = (next && shows_past).then_some(0);
        }
        Screen::Account => {
            let beside = first(model.account.sessions.data());
            let view = &mut model.account;
            let was_in_timeline = view.is_in_timeline();
            let was_beside = view.at_session.take().is_some();
            (view.at_fact, view.at_attempt) = (None, None);
            if was_in_timeline {
                view.at_session = beside;
            }
            let next = was_beside || (was_in_timeline && beside.is_none());
            view.at_fact = (next && shows_past).then_some(0);
            view.at_attempt = (next && !shows_past).then_some(0);
        }
        Screen::Clients => {
            let all = model.verifiers.data();
            let first = all
                .and_then(|all| all.items.first())
                .map(|verifier| verifier.id);
            model.at_verifier = first.filter(|_| model.at_verifier.is_none());
        }
        _ => {}
    }
}

fn fact(model: &Model) -> Option<usize> {
    match model.screen {
        _ if !model.shows_past() => None,
        Screen::Session => model.session.at_fact,
        Screen::Account => model.account.at_fact,
        _ => None,
    }
}

fn fact_mut(model: &mut Model) -> Option<&mut Option<usize>> {
    match model.screen {
        Screen::Session => Some(&mut model.session.at_fact),
        Screen::Account => Some(&mut model.account.at_fact),
        _ => None,
    }
}

fn facts_len(model: &Model) -> usize {
    facts(model).len()
}

/// Goes to the event that gave the chosen field its value.
fn to_cause(model: &mut Model) {
    let cause = fact(model).and_then(|at| facts(model).into_iter().nth(at)?.cause);
    let Some(cause) = cause else {
        return model.say("no cause of this is known", Tone::Warn);
    };
    let timeline = match model.screen {
        Screen::Session => &mut model.session.timeline,
        _ => &mut model.account.timeline,
    };
    if timeline.go_to(&cause.position, &cause.noun, &cause.name) {
        if let Some(at) = fact_mut(model) {
            *at = None;
        }
    } else {
        let told = format!(
            "{}.{} at {} is in the history of the {}",
            cause.noun, cause.name, cause.position, cause.noun
        );
        model.say(told, Tone::Warn);
    }
}

/// Opens the row before or behind the one that is open, as its list goes.
pub(super) fn beside(model: &mut Model, rows: isize) {
    if model.screen == Screen::Session {
        let at = model.session.id;
        if model.sessions.selected().map(|row| row.id) == at {
            model.sessions.step(rows);
        }
        match model.sessions.selected().map(|row| row.id) {
            Some(id) if Some(id) != at => model.open_session(id),
            _ => model.say("no further session is listed", Tone::Warn),
        }
    } else {
        let at = model.account.id;
        if model.accounts.selected().map(|row| row.id) == at {
            model.accounts.step(rows);
        }
        match model.accounts.selected().map(|row| row.id) {
            Some(id) if Some(id) != at => model.open_account(id),
            _ => model.say("no further account is listed", Tone::Warn),
        }
    }
}
