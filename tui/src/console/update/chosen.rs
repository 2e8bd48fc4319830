//! What the cursor is on.

use countersign_openapi::{Account, Attempt, Client, Event, ProjectionState, Session, SigningKey};
use uuid::Uuid;

use super::lists;
use crate::console::list::Row;
use crate::console::model::Model;
use crate::console::save;
use crate::console::screens::Screen;

/// The id that is so many rows from `id`; the first one if that is not there.
pub(super) fn moved<T, K: PartialEq>(
    items: &[T],
    key: impl Fn(&T) -> K,
    id: Option<&K>,
    rows: isize,
) -> Option<K> {
    let at = id.and_then(|id| items.iter().position(|item| key(item) == *id));
    let last = items.len().saturating_sub(1);
    let to = at.map_or(0, |at| at.saturating_add_signed(rows).min(last));
    items.get(to).map(key)
}

/// The sessions that would be acted on: the marked ones, else the chosen one.
pub(super) fn sessions(model: &Model) -> Vec<&Session> {
    match model.screen {
        Screen::Sessions if !model.sessions.marks().is_empty() => model.sessions.marked().collect(),
        Screen::Sessions | Screen::Session | Screen::Account => {
            session(model).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The session the cursor is on.
pub(super) fn session(model: &Model) -> Option<&Session> {
    let among = |sessions: Option<&'_ Vec<Session>>, id: Uuid| {
        sessions?.iter().position(|session| session.id == id)
    };
    match model.screen {
        Screen::Sessions => model.sessions.selected(),
        Screen::Session => match model.session.at_other {
            Some(id) => {
                let others = model.session.others.data();
                others?.get(among(others, id)?)
            }
            None => model.session.pane.data(),
        },
        Screen::Account => {
            let sessions = model.account.sessions.data();
            sessions?.get(among(sessions, model.account.at_session?)?)
        }
        _ => None,
    }
}

/// The account the cursor is on, or that of the session it is on.
pub(super) fn account_id(model: &Model) -> Option<Uuid> {
    match model.screen {
        Screen::Accounts => model.accounts.selected().map(|account| account.id),
        Screen::Account => model.account.id,
        _ => session(model).map(|session| session.account_id),
    }
}

/// Whom something concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Concerned {
    /// This account.
    Account(Uuid),
    /// This session.
    Session(Uuid),
}

/// Whom the event of the log concerns; elsewhere the account of the session.
pub(super) fn concerned(model: &Model) -> Option<Concerned> {
    if model.screen != Screen::Events {
        return account_id(model).map(Concerned::Account);
    }
    let event = event(model)?;
    match event.noun.as_str() {
        "account" => Some(Concerned::Account(event.subject_id)),
        "session" => Some(Concerned::Session(event.subject_id)),
        _ => {
            let id = event.payload.0.get("account")?.as_str()?;
            Uuid::try_parse(id).ok().map(Concerned::Account)
        }
    }
}

/// What is known of that account.
pub(super) fn account(model: &Model) -> Option<&Account> {
    match model.screen {
        Screen::Accounts => model.accounts.selected(),
        Screen::Account => model.account.pane.data(),
        _ => None,
    }
}

/// The try to sign in that the cursor is on.
pub(super) fn attempt(model: &Model) -> Option<&Attempt> {
    let at = model.account.at_attempt?;
    model.account.attempts.data()?.get(at)
}

/// The signing key the cursor is on.
pub(super) fn key(model: &Model) -> Option<&SigningKey> {
    let kid = model.key_at.as_ref()?;
    model.keys.data()?.iter().find(|key| key.kid == *kid)
}

/// The read model the cursor is on.
pub(in crate::console) fn projection(model: &Model) -> Option<&ProjectionState> {
    let items = model.projections.data()?;
    let is_it = |item: &&ProjectionState| {
        let at = model.projection_at.as_ref();
        at.is_some_and(|(name, shard)| *name == item.name && *shard == item.shard)
    };
    items.iter().find(is_it).or(items.first())
}

/// The client the cursor is on.
pub(super) fn client(model: &Model) -> Option<&Client> {
    if model.screen != Screen::Clients || model.at_verifier.is_some() {
        return None;
    }
    let id = model.client_at?;
    let client = model
        .clients
        .data()?
        .items
        .iter()
        .find(|client| client.id == id);
    // What the filter hides is not chosen.
    client.filter(|client| lists::fits_client(&model.client_filter, client, model.now))
}

/// The event the cursor is on.
pub(super) fn event(model: &Model) -> Option<&Event> {
    match model.screen {
        Screen::Events => model.tail.selected(),
        Screen::Session if model.session.is_in_timeline() => model.session.timeline.selected(),
        Screen::Account if model.account.is_in_timeline() => model.account.timeline.selected(),
        _ => None,
    }
}

/// What the cursor is on, as JSON, and what that is.
pub(super) fn as_json(model: &Model) -> Option<(String, String)> {
    if let Some(event) = event(model) {
        return Some((format!("Event {}", event.position), save::pretty(event)));
    }
    if model.screen == Screen::Account
        && let Some(attempt) = attempt(model)
    {
        return Some(("A try to sign in".to_owned(), save::pretty(attempt)));
    }
    if let Some(session) = session(model) {
        return Some((format!("Session {}", session.id), save::pretty(session)));
    }
    match model.screen {
        Screen::Projections => {
            let item = projection(model)?;
            let title = format!("{} shard {}", item.name, item.shard);
            Some((title, save::pretty(item)))
        }
        Screen::Keys => {
            let key = key(model)?;
            Some((format!("Key {}", key.kid), save::pretty(key)))
        }
        Screen::Clients => {
            let Some(id) = model.at_verifier else {
                let client = client(model)?;
                return Some((format!("Client {}", client.id), save::pretty(client)));
            };
            let verifiers = model.verifiers.data()?;
            let verifier = verifiers.items.iter().find(|item| item.id == id)?;
            Some((
                format!("Verifier {}", verifier.name),
                save::pretty(verifier),
            ))
        }
        _ => {
            let account = account(model)?;
            Some((format!("Account {}", account.id), save::pretty(account)))
        }
    }
}

/// What is copied as the id of what the cursor is on.
pub(super) fn copied(model: &Model) -> Option<String> {
    match model.screen {
        Screen::Events => event(model).map(|event| event.position.clone()),
        Screen::Keys => key(model).map(|key| key.kid.clone()),
        Screen::Clients => match model.at_verifier {
            Some(id) => Some(id.to_string()),
            None => client(model).map(|client| client.id.to_string()),
        },
        Screen::Projections => {
            let item = projection(model)?;
            Some(item.position.clone())
        }
        Screen::Accounts => model.accounts.selected().map(|row| row.id().to_string()),
        Screen::Account if model.account.at_session.is_none() => {
            model.account.id.map(|id| id.to_string())
        }
        _ => session(model).map(|session| session.id.to_string()),
    }
}
