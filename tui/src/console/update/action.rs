//! What actions do.

use countersign_openapi::Session;
use crossterm::event::KeyCode;

use super::{chosen, filtered, lists, orders};
use crate::console::input::LineEdit;
use crate::console::keys::Action;
use crate::console::message::Effect;
use crate::console::model::{ArmForm, Layer, Link, Model};
use crate::console::order::Verb;
use crate::console::screens::{Screen, attention};
use crate::console::theme::Tone;
use crate::console::timeline::Timeline;

fn timeline(model: &mut Model) -> Option<&mut Timeline> {
    match model.screen {
        Screen::Session if model.session.at_other.is_none() => Some(&mut model.session.timeline),
        Screen::Account if model.account.at_session.is_none() => Some(&mut model.account.timeline),
        _ => None,
    }
}

/// Does it. What cannot be done was refused before.
pub(super) fn perform(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    let half = isize::try_from(model.list_rows() / 2).unwrap_or(1).max(1);
    match action {
        Action::Show(screen) => model.show(screen),
        Action::Previous => {
            if let Some(screen) = model.trail.pop() {
                model.screen = screen;
            }
        }
        Action::Back => back(model),
        Action::Down => step(model, 1),
        Action::Up => step(model, -1),
        Action::HalfDown => step(model, half),
        Action::HalfUp => step(model, -half),
        Action::PageDown => step(model, half * 2),
        Action::PageUp => step(model, -half * 2),
        Action::Top => top(model),
        Action::Bottom => bottom(model),
        Action::Open => open(model),
        Action::NextPane => next_pane(model),
        Action::Mark => {
            told(model, |model| model.sessions.toggle());
            step(model, 1);
        }
        Action::MarkRange => told(model, |model| model.sessions.mark_range()),
        Action::MarkAll => mark_all(model),
        Action::ClearMarks => model.sessions.clear_marks(),
        Action::Filter => {
            let text = lists::of(model, model.screen).map_or("", |filter| filter.text());
            let mut line = LineEdit::with(200, text);
            if !line.is_empty() {
                // Typing goes on behind what is there.
                line.key(KeyCode::End.into());
                line.key(KeyCode::Char(' ').into());
            }
            let refused = None;
            model.layer = Some(Layer::Filter { line, refused });
        }
        Action::State => {
            let filter = lists::next_state(&model.session_filter);
            lists::set(model, Screen::Sessions, filter);
        }
        Action::Follow => follow(model),
        Action::Owner => {
            if let Some(id) = chosen::account_id(model) {
                model.open_account(id);
            }
        }
        Action::Cause => {
            if !model.session.timeline.go_to_cause() {
                model.say("the cause is in another history", Tone::Warn);
            }
        }
        Action::Raw => raw(model),
        Action::Copy => {
            if let Some(id) = chosen::copied(model) {
                model.say(format!("copied {id}"), Tone::Good);
                effects.push(Effect::Copy(id));
            }
        }
        Action::CopyJson => {
            if let Some((_, json)) = chosen::as_json(model) {
                model.say("copied as JSON", Tone::Good);
                effects.push(Effect::Copy(json));
            }
        }
        Action::Export => model.layer = Some(Layer::Export),
        Action::Act => orders::act(model),
        Action::RevokeFiltered => filtered::start(model, effects),
        Action::RevokeAll => orders::on_account(model, Verb::RevokeAll),
        Action::Suspend => orders::on_account(model, Verb::Suspend),
        Action::Reinstate => orders::on_account(model, Verb::Reinstate),
        Action::ResetFactors => orders::on_account(model, Verb::ResetFactors),
        Action::DisableClient => orders::on_client(model, Verb::DisableClient),
        Action::EnableClient => orders::on_client(model, Verb::EnableClient),
        Action::RotateKeys => orders::on_key(model, Verb::RotateKeys),
        Action::RevokeKey => orders::on_key(model, Verb::RevokeKey),
        Action::Arm => arm(model, None),
        Action::Disarm => {
            model.arming.disarm();
            model.was_armed = false;
            model.say("read-only", Tone::Good);
            effects.push(Effect::Disarm);
        }
        Action::Refresh => refresh(model),
        Action::Errors => model.layer = Some(Layer::Errors(0)),
        Action::Mouse => {
            model.mouse = !model.mouse;
            effects.push(Effect::Mouse(model.mouse));
            let told = if model.mouse {
                "the mouse scrolls"
            } else {
                "the mouse selects text"
            };
            model.say(told, Tone::Good);
        }
        Action::Palette => {
            let line = LineEdit::new(60);
            model.layer = Some(Layer::Palette { line, at: 0 });
        }
        Action::Help => model.layer = Some(Layer::Help(0)),
        Action::Suspension => effects.push(Effect::Suspend),
        Action::QuitNow => effects.push(Effect::Quit),
        Action::Quit => quit(model, effects),
    }
}

fn told(model: &mut Model, what: impl FnOnce(&mut Model) -> Result<(), String>) {
    if let Err(reason) = what(model) {
        model.say(reason, Tone::Warn);
    }
}

fn quit(model: &mut Model, effects: &mut Vec<Effect>) {
    let marks = model.sessions.marks().len();
    if marks == 0 || model.leaving {
        effects.push(Effect::Quit);
    } else {
        model.leaving = true;
        model.say(
            format!("{marks} rows are marked; q again leaves"),
            Tone::Warn,
        );
    }
}

/// Opens the form to arm with.
pub(super) fn arm(model: &mut Model, purpose: Option<String>) {
    model.layer = Some(Layer::Arm(ArmForm {
        code: LineEdit::new(64),
        opened: model.now,
        purpose,
        refused: None,
        busy: false,
    }));
}

fn back(model: &mut Model) {
    match model.screen {
        Screen::Sessions if !model.sessions.marks().is_empty() => {
            let marks = model.sessions.marks().len();
            model.say(
                format!("{marks} rows stay marked; U takes the marks away"),
                Tone::Warn,
            );
        }
        Screen::Session | Screen::Account => {
            let home = if model.screen == Screen::Session {
                Screen::Sessions
            } else {
                Screen::Accounts
            };
            model.screen = model.trail.pop().unwrap_or(home);
        }
        screen => {
            let filtered = lists::of(model, screen).is_some_and(|filter| !filter.text().is_empty());
            if filtered {
                lists::set(model, screen, crate::console::filter::Filter::default());
                model.say("filter taken away", Tone::Good);
            }
        }
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
            let items = model.projections.data().map_or(0, Vec::len);
            model.projection_at = within(model.projection_at, items);
        }
        Screen::Keys => {
            let keys = model.keys.data().map(Vec::as_slice).unwrap_or_default();
            let at = model.key_at.as_ref();
            model.key_at = chosen::moved(keys, |key| key.kid.clone(), at, rows);
        }
        Screen::Clients => {
            let verifiers = model.verifiers.data().map(|all| all.items.as_slice());
            let clients = model.clients.data().map(Vec::as_slice);
            if let Some(at) = &model.at_verifier {
                let verifiers = verifiers.unwrap_or_default();
                model.at_verifier = chosen::moved(verifiers, |item| item.id, Some(at), rows);
            } else {
                let (clients, at) = (clients.unwrap_or_default(), model.client_at.as_ref());
                model.client_at = chosen::moved(clients, |client| client.id, at, rows);
            }
        }
    }
}

fn top(model: &mut Model) {
    match model.screen {
        Screen::Sessions => model.sessions.go_to_top(),
        Screen::Accounts => model.accounts.go_to_top(),
        _ => step(model, -1_000_000),
    }
}

fn bottom(model: &mut Model) {
    match model.screen {
        Screen::Sessions => model.sessions.go_to_bottom(),
        Screen::Accounts => model.accounts.go_to_bottom(),
        Screen::Events => model.tail.hold(false),
        _ => step(model, 1_000_000),
    }
}

fn open(model: &mut Model) {
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
        _ => match (
            chosen::event(model).is_some(),
            chosen::session(model).map(|session| session.id),
        ) {
            (true, _) => raw(model),
            (false, Some(id)) => model.open_session(id),
            (false, None) => {}
        },
    }
}

fn next_pane(model: &mut Model) {
    let first = |sessions: Option<&Vec<Session>>| sessions?.first().map(|session| session.id);
    match model.screen {
        Screen::Session => {
            let first = first(model.session.others.data());
            model.session.at_other = first.filter(|_| model.session.at_other.is_none());
        }
        Screen::Account => {
            let first = first(model.account.sessions.data());
            model.account.at_session = first.filter(|_| model.account.at_session.is_none());
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

fn mark_all(model: &mut Model) {
    told(model, |model| model.sessions.mark_all(lists::is_active));
    let marks = model.sessions.marks().len();
    let (.., more) = model.sessions.extent();
    let told = if more {
        format!("{marks} loaded rows marked; there are more that are not loaded")
    } else {
        format!("{marks} rows marked")
    };
    model.say(told, Tone::Strong);
}

fn follow(model: &mut Model) {
    if model.screen == Screen::Events {
        model.tail.hold(model.tail.is_live());
    } else if let Some(timeline) = timeline(model) {
        timeline.pause(!timeline.is_paused());
    }
}

fn refresh(model: &mut Model) {
    model.sessions.pane.expire();
    model.link = Link::Up;
    model.accounts.pane.expire();
    model.ready.expire();
    model.overview.expire();
    model.projections.expire();
    model.keys.expire();
    model.clients.expire();
    model.verifiers.expire();
    model.tail.pane.expire();
    model.session.pane.expire();
    model.session.others.expire();
    model.session.timeline.pane.expire();
    model.account.pane.expire();
    model.account.sessions.expire();
    model.account.timeline.pane.expire();
}

fn raw(model: &mut Model) {
    if let Some((title, json)) = chosen::as_json(model) {
        let lines = json.lines().map(str::to_owned).collect();
        let top = 0;
        model.layer = Some(Layer::Raw { title, lines, top });
    }
}
