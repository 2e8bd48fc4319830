//! Where a key goes, and why something cannot be done.

use countersign_openapi::{AccountState, ClientState, ProjectionMode, SigningKeyState};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{action, chosen, filtered, layer, lists, sign_in};
use crate::console::keys::{self, Action};
use crate::console::message::Effect;
use crate::console::model::{Model, Phase};
use crate::console::screens::{Screen, is_large_enough};
use crate::console::theme::Tone;

/// Roles that may end sessions, and those that may change accounts. The
/// service decides; this only spares a question.
const REVOKERS: &[&str] = &["support", "operator", "admin"];
const WRITERS: &[&str] = &["operator", "admin"];

/// A key was pressed.
pub(super) fn key(model: &mut Model, key: KeyEvent, effects: &mut Vec<Effect>) {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if control => return effects.push(Effect::Quit),
        KeyCode::Char('l') if control => return effects.push(Effect::Redraw),
        KeyCode::Char('z') if control => return effects.push(Effect::Suspend),
        _ => {}
    }
    if !is_large_enough(model.size) {
        // Nobody acts on what cannot be seen.
        if key.code == KeyCode::Char('q') && model.layer.is_none() {
            effects.push(Effect::Quit);
        }
        return;
    }
    match model.phase {
        Phase::Entering => {
            if key.code == KeyCode::Char('q') {
                effects.push(Effect::Quit);
            }
            return;
        }
        Phase::SignIn(_) => return sign_in::key(model, key, effects),
        Phase::In => {}
    }
    if model.layer.is_some() {
        layer::key(model, key, effects);
        return;
    }
    let Some(binding) = keys::binding(key, model.screen) else {
        if let Some(shown) = keys::elsewhere(key) {
            let told = format!(
                "{shown} means nothing on {}; ? shows the keys",
                model.screen.name()
            );
            model.say(told, Tone::Warn);
        }
        return;
    };
    if binding.action != Action::Quit {
        model.leaving = false;
    }
    start(model, binding.action, effects);
}

/// Does something, or says why not.
pub(super) fn start(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    match refused(model, action) {
        Some(reason) => model.say(reason, Tone::Warn),
        None => action::perform(model, action, effects),
    }
}

/// Why an action cannot be done now.
pub(in crate::console) fn refused(model: &Model, action: Action) -> Option<String> {
    let told = |text: &str| Some(text.to_owned());
    let on_account = matches!(model.screen, Screen::Accounts | Screen::Account);
    if let Some(past) = model.past.as_ref().filter(|_| action.acts()) {
        return Some(format!(
            "you look at {}; :now returns",
            past.name(model.now)
        ));
    }
    match action {
        Action::Act if on_account && chosen::account_id(model).is_none() => {
            told("no account is chosen")
        }
        Action::Act if !matches!(model.screen, Screen::Sessions | Screen::Session) => None,
        Action::Act | Action::RevokeSession => may(model, REVOKERS).or_else(|| {
            let sessions = chosen::sessions(model);
            if sessions.is_empty() {
                told("no session is chosen")
            } else if sessions.iter().any(|session| lists::is_active(session)) {
                None
            } else {
                told("already ended")
            }
        }),
        Action::RevokeFiltered => may(model, REVOKERS).or_else(|| {
            let predicate = filtered::predicate(&model.session_filter, model.now);
            predicate.err().map(str::to_owned)
        }),
        Action::RevokeAll | Action::Suspend | Action::Reinstate | Action::ResetFactors => {
            account_refused(model, action)
        }
        Action::DisableClient | Action::EnableClient => may(model, WRITERS).or_else(|| {
            let Some(client) = chosen::client(model) else {
                return told("no client is chosen");
            };
            match (client.state, action) {
                (ClientState::Disabled, Action::DisableClient) => told("already disabled"),
                (ClientState::Active, Action::EnableClient) => told("not disabled"),
                _ => None,
            }
        }),
        Action::RotateKeys => may(model, WRITERS),
        Action::RevokeKey => may(model, WRITERS).or_else(|| match chosen::key(model)?.state {
            SigningKeyState::Revoked => told("already revoked"),
            SigningKeyState::Retired => told("retired: nothing it signed is valid"),
            _ => None,
        }),
        Action::Mark | Action::MarkRange if model.sessions.rows().is_empty() => {
            told("nothing is listed")
        }
        Action::ClearMarks if model.sessions.marks().is_empty() => told("nothing is marked"),
        Action::Arm if model.arming.left(model.now).is_some() => told("already armed"),
        Action::Disarm if model.arming.left(model.now).is_none() => told("already read-only"),
        Action::Owner if chosen::concerned(model).is_none() => match chosen::event(model) {
            Some(_) => told("it concerns no account and no session"),
            None => told("nothing is chosen"),
        },
        Action::Repair => may(model, WRITERS).or_else(|| match chosen::projection(model) {
            None => told("no read model is chosen"),
            // It serves nothing, so nothing of it waits for another try.
            Some(item) if item.phase.is_some() => told("of a rebuild: ask for another one"),
            Some(item) if item.state != ProjectionMode::Stopped => told("it has not stopped"),
            Some(_) => None,
        }),
        Action::Rebuild => may(model, WRITERS).or_else(|| {
            let items = model.projections.data()?;
            let rebuilding = ProjectionMode::Rebuilding;
            let is_under_way = items.iter().any(|item| item.state == rebuilding);
            is_under_way.then(|| "one is under way".to_owned())
        }),
        Action::Now if model.past.is_none() => told("this is now"),
        Action::Cause => match chosen::event(model) {
            None => told("no event is chosen"),
            Some(event) if event.causation_id.is_none() => told("no event caused this one"),
            Some(_) => None,
        },
        Action::Previous if model.trail.is_empty() => told("no screen before this one"),
        _ => None,
    }
}

fn account_refused(model: &Model, action: Action) -> Option<String> {
    let told = |text: &str| Some(text.to_owned());
    let roles = if action == Action::RevokeAll {
        REVOKERS
    } else {
        WRITERS
    };
    if let Some(reason) = may(model, roles) {
        return Some(reason);
    }
    if chosen::account_id(model).is_none() {
        return told("no account is chosen");
    }
    let account = chosen::account(model)?;
    let suspended = account.state == AccountState::Suspended;
    match action {
        Action::Suspend if suspended => told("already suspended"),
        Action::Reinstate if !suspended => told("not suspended"),
        Action::ResetFactors if !account.mfa => told("it has no second factor"),
        _ => None,
    }
}

fn may(model: &Model, roles: &[&str]) -> Option<String> {
    let identity = model.identity.as_ref()?;
    let has = identity
        .roles
        .iter()
        .any(|role| roles.contains(&role.as_str()));
    // Roles that are not known here may permit it: the service will say.
    let known = identity
        .roles
        .iter()
        .all(|role| role == "user" || REVOKERS.contains(&role.as_str()));
    (known && !has).then(|| format!("needs one of the roles {}", roles.join(", ")))
}
