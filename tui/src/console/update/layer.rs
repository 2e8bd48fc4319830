//! Keys in what lies over the screen. While it is there it takes all of them.

use countersign_openapi::Secret;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{dispatch, lists, orders};
use crate::console::confirm::DEAD;
use crate::console::keys::{Binding, TABLE};
use crate::console::message::Effect;
use crate::console::model::{Layer, Model};
use crate::console::past::{self, Past};
use crate::console::save;
use crate::console::theme::Tone;

/// A key was pressed while a layer is open.
pub(super) fn key(model: &mut Model, key: KeyEvent, effects: &mut Vec<Effect>) {
    match &mut model.layer {
        Some(Layer::Help(top) | Layer::Errors(top)) => {
            let closes = scroll(key, top, TABLE.len().max(model.errors.len()));
            model.layer = model.layer.take().filter(|_| !closes);
        }
        Some(Layer::Raw { lines, top, .. }) => {
            let last = lines.len();
            if key.code == KeyCode::Char('y') || key.code == KeyCode::Char('Y') {
                effects.push(Effect::Copy(lines.join("\n")));
                model.say("copied as JSON", Tone::Good);
            } else if key.code == KeyCode::Char('i') || scroll(key, top, last) {
                model.layer = None;
            }
        }
        Some(Layer::Palette { .. }) => palette(model, key, effects),
        Some(Layer::Filter { .. }) => filter(model, key),
        Some(Layer::Menu { .. }) => menu(model, key, effects),
        Some(Layer::Export) => {
            match key.code {
                KeyCode::Char('j') => effects.extend(save::jsonl(model)),
                KeyCode::Char('c') => effects.extend(save::csv(model)),
                KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q') => {}
                _ => return,
            }
            model.layer = None;
        }
        Some(Layer::Arm(_)) => arm(model, key, effects),
        Some(Layer::Confirm(_)) => orders::key(model, key, effects),
        None => {}
    }
}

/// Moves through lines; whether the layer closes.
fn scroll(key: KeyEvent, top: &mut usize, last: usize) -> bool {
    let last = last.saturating_sub(1);
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    *top = match key.code {
        KeyCode::Char('d') if control => *top + 10,
        KeyCode::Char('u') if control => top.saturating_sub(10),
        KeyCode::Char('j') | KeyCode::Down => *top + 1,
        KeyCode::Char('k') | KeyCode::Up => top.saturating_sub(1),
        KeyCode::PageDown | KeyCode::Char(' ') => *top + 10,
        KeyCode::PageUp => top.saturating_sub(10),
        KeyCode::Char('g') | KeyCode::Home => 0,
        KeyCode::Char('G') | KeyCode::End => last,
        KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | '?' | '!') => return true,
        _ => *top,
    }
    .min(last);
    false
}

/// The actions whose name or words hold all that was typed; those whose name
/// begins with it first.
pub(in crate::console) fn found(model: &Model, typed: &str) -> Vec<&'static Binding> {
    let typed = typed.trim().trim_start_matches(':').to_lowercase();
    let mut found: Vec<&Binding> = TABLE
        .iter()
        .filter(|row| row.counts_on(model.screen))
        .filter(|row| {
            let says = row.says.to_lowercase();
            typed
                .split_whitespace()
                .all(|word| row.name.contains(word) || says.contains(word))
        })
        .collect();
    found.sort_by_key(|row| (row.name != typed, !row.name.starts_with(&typed)));
    found
}

fn palette(model: &mut Model, key: KeyEvent, effects: &mut Vec<Effect>) {
    let Some(Layer::Palette { line, at }) = &model.layer else {
        return;
    };
    let (mut line, at) = (line.clone(), *at);
    let rows = found(model, line.text());
    let at = match key.code {
        KeyCode::Esc => {
            model.layer = None;
            return;
        }
        KeyCode::Enter => {
            if let Some(text) = past::asked(line.text()).filter(|text| !text.trim().is_empty()) {
                // What cannot be read is told while it is typed.
                if let Ok(at) = past::typed(text, model.now) {
                    model.layer = None;
                    model.travel(Some(Past::new(at)));
                }
                return;
            }
            model.layer = None;
            match rows.get(at) {
                Some(row) => dispatch::start(model, row.action, effects),
                None => model.say("no such action", Tone::Warn),
            }
            return;
        }
        KeyCode::Down | KeyCode::Tab => (at + 1).min(rows.len().saturating_sub(1)),
        KeyCode::Up | KeyCode::BackTab => at.saturating_sub(1),
        _ => {
            line.key(key);
            0
        }
    };
    model.layer = Some(Layer::Palette { line, at });
}

fn filter(model: &mut Model, key: KeyEvent) {
    let screen = model.screen;
    let Some(Layer::Filter { line, refused }) = &mut model.layer else {
        return;
    };
    match key.code {
        KeyCode::Esc => model.layer = None,
        KeyCode::Enter => match lists::parse(screen, line.text()) {
            Ok(filter) => {
                model.layer = None;
                lists::set(model, screen, filter);
            }
            Err(reason) => *refused = Some(reason),
        },
        _ => {
            line.key(key);
            *refused = None;
        }
    }
}

fn menu(model: &mut Model, key: KeyEvent, effects: &mut Vec<Effect>) {
    let Some(Layer::Menu { items, at, .. }) = &mut model.layer else {
        return;
    };
    let chosen = match key.code {
        KeyCode::Esc | KeyCode::Char('q') => {
            model.layer = None;
            return;
        }
        KeyCode::Char('j') | KeyCode::Down | KeyCode::Tab => {
            *at = (*at + 1).min(items.len().saturating_sub(1));
            return;
        }
        KeyCode::Char('k') | KeyCode::Up | KeyCode::BackTab => {
            *at = at.saturating_sub(1);
            return;
        }
        KeyCode::Enter => items.get(*at).map(|item| item.action),
        KeyCode::Char(letter) => {
            let found = items.iter().find(|item| item.key == letter);
            found.map(|item| item.action)
        }
        _ => None,
    };
    if let Some(action) = chosen {
        model.layer = None;
        dispatch::start(model, action, effects);
    }
}

fn arm(model: &mut Model, key: KeyEvent, effects: &mut Vec<Effect>) {
    let (now, has_seed) = (model.now, model.has_seed);
    let Some(Layer::Arm(form)) = &mut model.layer else {
        return;
    };
    if now - form.opened < DEAD {
        return;
    }
    match key.code {
        KeyCode::Esc => {
            model.layer = None;
            model.say("still read-only", Tone::Good);
        }
        _ if form.busy => {}
        KeyCode::Enter => {
            let code = form.code.text().trim();
            if code.is_empty() && !has_seed {
                form.refused = Some("type the code, or Esc".to_owned());
                return;
            }
            let code = (!code.is_empty()).then(|| Secret::new(code));
            effects.push(Effect::Prove(code));
            form.code.clear();
            form.refused = None;
            form.busy = true;
        }
        _ => {
            form.code.key(key);
            form.refused = None;
        }
    }
}
