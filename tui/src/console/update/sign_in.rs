//! Getting in, and proving again who is there.

use countersign_openapi::Secret;
use crossterm::event::{KeyCode, KeyEvent};

use crate::console::input::LineEdit;
use crate::console::message::{Effect, Message};
use crate::console::model::{Layer, Model, Phase, SignIn};
use crate::console::theme::Tone;

/// The line that is being typed.
pub(super) fn line(form: &mut SignIn) -> &mut LineEdit {
    if let Some(code) = &mut form.code {
        code
    } else if form.at_password {
        &mut form.password
    } else {
        &mut form.email
    }
}

/// An empty form, from this address on.
pub(super) fn form(email: &str, refused: Option<String>) -> SignIn {
    SignIn {
        email: LineEdit::with(254, email),
        password: LineEdit::new(1_024),
        code: None,
        at_password: !email.is_empty(),
        refused,
        busy: false,
    }
}

/// Something came of it.
pub(super) fn came(model: &mut Model, message: Message, effects: &mut Vec<Effect>) {
    match message {
        Message::Entered(identity) => {
            // Whoever signs in as somebody else sees nothing of before.
            if model
                .identity
                .as_ref()
                .is_some_and(|before| before.account != identity.account)
            {
                model.begin_again();
            }
            model.identity = Some(identity);
            model.phase = Phase::In;
            model.arming.disarm();
        }
        Message::AskPassword { email, refused } => {
            model.arming.disarm();
            model.layer = None;
            model.phase = Phase::SignIn(form(&email, refused));
        }
        Message::AskCode { refused } => {
            if !matches!(model.phase, Phase::SignIn(_)) {
                model.phase = Phase::SignIn(form("", None));
            }
            if let Phase::SignIn(form) = &mut model.phase {
                form.code = Some(LineEdit::new(64));
                form.refused = refused;
                form.busy = false;
            }
        }
        Message::Proved(at) => {
            let now = model.now;
            // Nobody waits for it any more: then it was not meant.
            let Some(Layer::Arm(form)) = &model.layer else {
                effects.push(Effect::Disarm);
                return;
            };
            let again = form.purpose.clone();
            model.layer = None;
            model.arming.arm(at, now);
            model.was_armed = model.arming.left(now).is_some();
            let told = again.map_or("armed".to_owned(), |again| format!("armed: {again}"));
            model.say(told, Tone::Good);
        }
        Message::NotProved(why) => {
            if let Some(Layer::Arm(form)) = &mut model.layer {
                form.refused = Some(why);
                form.busy = false;
                form.code.clear();
            } else {
                model.note_error(why);
            }
        }
        _ => {}
    }
}

/// A key in the form.
pub(super) fn key(model: &mut Model, key: KeyEvent, effects: &mut Vec<Effect>) {
    let has_seed = model.has_seed;
    let Phase::SignIn(form) = &mut model.phase else {
        return;
    };
    if form.busy {
        return;
    }
    match key.code {
        KeyCode::Tab | KeyCode::BackTab | KeyCode::Up | KeyCode::Down if form.code.is_none() => {
            form.at_password = !form.at_password;
        }
        KeyCode::Esc if form.code.is_some() => {
            form.code = None;
            form.password.clear();
            form.refused = None;
        }
        // What the deployment's files hold signs in.
        KeyCode::Enter if has_seed && form.code.is_none() && form.password.is_empty() => {
            effects.push(Effect::Enter);
            form.busy = true;
        }
        KeyCode::Enter => enter(form, effects),
        _ => {
            line(form).key(key);
        }
    }
}

fn enter(form: &mut SignIn, effects: &mut Vec<Effect>) {
    if let Some(code) = &mut form.code {
        if !code.is_empty() {
            effects.push(Effect::Code(Secret::new(code.text().trim())));
            code.clear();
            form.busy = true;
        }
    } else if form.email.is_empty() || (!form.at_password && form.password.is_empty()) {
        form.at_password = !form.email.is_empty();
    } else if !form.password.is_empty() {
        effects.push(Effect::SignIn {
            email: form.email.text().trim().to_owned(),
            password: Secret::new(form.password.text()),
        });
        form.password.clear();
        form.refused = None;
        form.busy = true;
    }
}
