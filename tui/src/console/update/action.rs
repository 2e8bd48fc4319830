//! What actions do.

use crossterm::event::KeyCode;

use super::chosen::Concerned;
use super::{chosen, filtered, lists, menu, moving, orders};
use crate::console::input::LineEdit;
use crate::console::keys::Action;
use crate::console::message::Effect;
use crate::console::model::{ArmForm, Layer, Link, Model};
use crate::console::order::Verb;
use crate::console::screens::Screen;
use crate::console::sort::Sorted;
use crate::console::theme::Tone;
use crate::console::timeline::Timeline;

/// Does it. What cannot be done was refused before.
pub(super) fn perform(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    let half = isize::try_from(model.list_rows() / 2).unwrap_or(1).max(1);
    match action {
        Action::Show(screen) => model.show(screen),
        Action::Previous => {
            if let Some(screen) = model.trail.pop() {
                model.turn(screen);
            }
        }
        Action::Back => back(model),
        Action::Down => moving::step(model, 1),
        Action::Up => moving::step(model, -1),
        Action::HalfDown => moving::step(model, half),
        Action::HalfUp => moving::step(model, -half),
        Action::PageDown => moving::step(model, half * 2),
        Action::PageUp => moving::step(model, -half * 2),
        Action::Top => moving::top(model),
        Action::Bottom => moving::bottom(model),
        Action::Open => moving::open(model),
        Action::NextPane => moving::next_pane(model),
        Action::Mark => {
            told(model, |model| model.sessions.toggle());
            moving::step(model, 1);
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
        Action::Owner => match chosen::concerned(model) {
            Some(Concerned::Account(id)) => model.open_account(id),
            Some(Concerned::Session(id)) => model.open_session(id),
            None => {}
        },
        Action::Cause => {
            let found = match model.screen {
                Screen::Events => chosen::event(model)
                    .and_then(|event| event.causation_id)
                    .is_some_and(|id| model.tail.go_to(id)),
                _ => moving::timeline(model).is_some_and(Timeline::go_to_cause),
            };
            if !found {
                model.say("the cause is in another history", Tone::Warn);
            }
        }
        Action::Repair => orders::on_projections(model, Verb::Repair),
        Action::Rebuild => orders::on_projections(model, Verb::Rebuild),
        Action::Before => moving::beside(model, -1),
        Action::Behind => moving::beside(model, 1),
        Action::At => {
            let line = LineEdit::with(60, "at ");
            model.layer = Some(Layer::Palette { line, at: 0 });
        }
        Action::Now => model.travel(None),
        Action::Sort | Action::SortTurned => sort(model, action, effects),
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
        Action::Act => menu::act(model),
        Action::RevokeSession => orders::revoke(model),
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
            let before = model.trail.pop().unwrap_or(home);
            model.turn(before);
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

fn sort(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    let Some(list) = Sorted::of(model) else {
        return;
    };
    if action == Action::Sort {
        model.sorts.next(list);
    } else {
        model.sorts.turn(list);
    }
    model.sort();
    let told = match model.sorts.told(list) {
        Some((column, true)) => format!("sorted by {column}, the greatest first"),
        Some((column, false)) => format!("sorted by {column}"),
        None => {
            // What is here is sorted otherwise.
            expire_sorted(model);
            "as the service answers".to_owned()
        }
    };
    model.say(told, Tone::Good);
    effects.push(Effect::Remember(model.sorts.text()));
}

fn expire_sorted(model: &mut Model) {
    model.projections.expire();
    model.keys.expire();
    model.clients.expire();
    model.verifiers.expire();
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
    } else if let Some(timeline) = moving::timeline(model) {
        timeline.pause(!timeline.is_paused());
    }
}

fn refresh(model: &mut Model) {
    model.sessions.pane.expire();
    model.link = Link::Up;
    model.accounts.pane.expire();
    model.ready.expire();
    model.overview.expire();
    expire_sorted(model);
    model.tail.pane.expire();
    model.tail.follow.hurry();
    model.session.pane.expire();
    model.session.others.expire();
    model.session.timeline.pane.expire();
    model.account.pane.expire();
    model.account.sessions.expire();
    model.account.timeline.pane.expire();
    model.account.attempts.expire();
}

/// Shows what the cursor is on as JSON.
pub(super) fn raw(model: &mut Model) {
    if let Some((title, json)) = chosen::as_json(model) {
        let lines = json.lines().map(str::to_owned).collect();
        let top = 0;
        model.layer = Some(Layer::Raw { title, lines, top });
    }
}
