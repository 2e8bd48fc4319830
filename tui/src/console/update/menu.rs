//! What can be done to what the cursor is on.

use super::{chosen, dispatch, orders};
use crate::console::keys::Action;
use crate::console::model::{Layer, MenuItem, Model};
use crate::console::screens::Screen;

/// `x`: on sessions, ending them; elsewhere a choice.
pub(super) fn act(model: &mut Model) {
    match model.screen {
        Screen::Sessions | Screen::Session => orders::revoke(model),
        _ => menu(model),
    }
}

fn menu(model: &mut Model) {
    let entry = |key, says, action| MenuItem {
        key,
        says,
        action,
        refused: dispatch::refused(model, action),
    };
    let (title, items) = match model.screen {
        Screen::Clients => {
            let name = chosen::client(model).map(|client| client.name.clone());
            let items = vec![
                entry('d', "disable it", Action::DisableClient),
                entry('e', "enable it", Action::EnableClient),
            ];
            (name, items)
        }
        Screen::Projections => {
            let item = chosen::projection(model);
            let name = item.map(|item| format!("{} shard {}", item.name, item.shard));
            let items = vec![
                entry('r', "repair: try its event again", Action::Repair),
                entry('b', "rebuild all read models", Action::Rebuild),
            ];
            (name, items)
        }
        Screen::Keys => {
            let kid = chosen::key(model).map(|key| key.kid.clone());
            let items = vec![
                entry('r', "rotate: another key is to sign", Action::RotateKeys),
                entry('k', "revoke this key", Action::RevokeKey),
            ];
            (kid, items)
        }
        _ => {
            let email = chosen::account(model).map(|account| account.email.clone());
            let mut items = vec![
                entry('r', "revoke all its sessions", Action::RevokeAll),
                entry('s', "suspend it", Action::Suspend),
                entry('e', "reinstate it", Action::Reinstate),
                entry('f', "reset its second factors", Action::ResetFactors),
            ];
            if chosen::session(model).is_some() {
                let this = entry('t', "revoke this session", Action::RevokeSession);
                items.insert(0, this);
            }
            (email, items)
        }
    };
    let title = title.unwrap_or_else(|| model.screen.name().to_owned());
    let at = 0;
    model.layer = Some(Layer::Menu { title, items, at });
}
