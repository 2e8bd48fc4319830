//! What filters ask the service, and what the console looks at itself.

use std::net::IpAddr;

use countersign_openapi::{Account, AccountState, Client, ClientState, Session, SessionState};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::EventsQuery;
use crate::console::filter::Filter;
use crate::console::model::Model;
use crate::console::screens::Screen;
use crate::console::tail::{Tail, TailRow};
use crate::console::timeline;

const SESSION_FIELDS: &[&str] = &["user", "ip", "state", "client", "account"];
const ACCOUNT_FIELDS: &[&str] = &["user", "state", "role", "mfa"];
const EVENT_FIELDS: &[&str] = &["word", "noun", "name", "id", "actor"];
const CLIENT_FIELDS: &[&str] = &["name", "state", "scope"];
const STATES: [&str; 4] = ["any", "active", "expired", "revoked"];

/// The fields that a screen's filter knows.
pub(in crate::console) fn fields(screen: Screen) -> &'static [&'static str] {
    match screen {
        Screen::Accounts => ACCOUNT_FIELDS,
        Screen::Events => EVENT_FIELDS,
        Screen::Clients => CLIENT_FIELDS,
        _ => SESSION_FIELDS,
    }
}

/// Reads the filter of a screen.
pub(super) fn parse(screen: Screen, text: &str) -> Result<Filter, String> {
    let filter = Filter::parse(text, fields(screen))?;
    let one_of = |name: &str, known: &[&str]| match filter.field(name) {
        Some(value) if !known.contains(&value) => {
            Err(format!("{name}: expected {}", known.join(", ")))
        }
        _ => Ok(()),
    };
    match screen {
        Screen::Sessions => {
            one_of("state", &STATES)?;
            if filter.field("ip").is_some_and(|ip| !is_network(ip)) {
                let expected = "an address or a network: 192.0.2.7, 10.0.0.0/8, 2001:db8::/32";
                return Err(format!("ip: expected {expected}"));
            }
            if let Some(id) = filter.field("account") {
                Uuid::try_parse(id).map_err(|_| "account: expected an id".to_owned())?;
            }
        }
        Screen::Accounts => {
            one_of("state", &["active", "suspended"])?;
            one_of("mfa", &["yes", "no"])?;
        }
        Screen::Clients => one_of("state", &["active", "disabled"])?,
        _ => {}
    }
    Ok(filter)
}

/// Whether that is an address or a network.
fn is_network(text: &str) -> bool {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most))
}

/// Sets the filter of a screen.
pub(super) fn set(model: &mut Model, screen: Screen, filter: Filter) {
    match screen {
        Screen::Sessions => {
            model.session_filter = filter;
            model.sessions.reset();
        }
        Screen::Accounts => {
            model.account_filter = filter;
            model.accounts.reset();
        }
        Screen::Clients => {
            let clients = model.clients.data().map(|all| all.items.as_slice());
            let clients = clients.unwrap_or_default();
            let mut fitting = clients
                .iter()
                .filter(|client| fits_client(&filter, client, model.now));
            let first = fitting.clone().next().map(|client| client.id);
            let stays = fitting.any(|client| Some(client.id) == model.client_at);
            if !stays {
                model.client_at = first;
            }
            model.client_filter = filter;
        }
        Screen::Events => {
            // What the service leaves out is not here.
            let is_other = events_query(&filter) != events_query(&model.event_filter);
            model.event_filter = filter;
            if is_other {
                model.tail = Tail::default();
            }
            model.tail.look_back();
        }
        _ => {}
    }
}

/// The filter of a screen.
pub(in crate::console) fn of(model: &Model, screen: Screen) -> Option<&Filter> {
    match screen {
        Screen::Sessions => Some(&model.session_filter),
        Screen::Accounts => Some(&model.account_filter),
        Screen::Events => Some(&model.event_filter),
        Screen::Clients => Some(&model.client_filter),
        _ => None,
    }
}

/// The state after this one.
pub(super) fn next_state(filter: &Filter) -> Filter {
    let now = filter.field("state").unwrap_or("any");
    let at = STATES.iter().position(|state| *state == now);
    let next = STATES[(at.unwrap_or_default() + 1) % STATES.len()];
    filter.with("state", (next != "any").then_some(next), SESSION_FIELDS)
}

/// The query of a list of sessions.
pub(super) fn session_query(filter: &Filter) -> Vec<(&'static str, String)> {
    let state = filter.field("state").unwrap_or("any");
    let mut query = vec![("state", state.to_owned())];
    let known = [
        ("q", "user"),
        ("ip", "ip"),
        ("client", "client"),
        ("account_id", "account"),
    ];
    for (parameter, field) in known {
        query.extend(
            filter
                .field(field)
                .map(|value| (parameter, value.to_owned())),
        );
    }
    query
}

/// The query of a list of accounts.
pub(super) fn account_query(filter: &Filter) -> Vec<(&'static str, String)> {
    let user = filter.field("user");
    user.map(|user| ("q", user.to_owned()))
        .into_iter()
        .collect()
}

/// What the service looks at of a filter of events. Half an id is looked at
/// here.
pub(super) fn events_query(filter: &Filter) -> EventsQuery {
    let (noun, name) = (filter.field("noun"), filter.field("name"));
    // `session.ended` is how events are listed.
    let (noun, name) = match name.and_then(|name| name.split_once('.')) {
        Some((before, name)) => (noun.or(Some(before)), Some(name)),
        None => (noun, name),
    };
    EventsQuery {
        noun: noun.map(str::to_owned),
        subject_id: filter.field("id").and_then(|id| Uuid::try_parse(id).ok()),
        name: name.map(str::to_owned),
    }
}

/// The same for a page.
pub(super) fn event_parameters(filter: &Filter) -> Vec<(&'static str, String)> {
    let query = events_query(filter);
    let subject = query.subject_id.map(|id| id.to_string());
    let all = [
        ("noun", query.noun),
        ("subject_id", subject),
        ("name", query.name),
    ];
    let said = all.into_iter();
    said.filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// Whether a client fits; all that are listed are here.
pub(in crate::console) fn fits_client(
    filter: &Filter,
    client: &Client,
    now: OffsetDateTime,
) -> bool {
    let state = match client.state {
        ClientState::Active => "active",
        ClientState::Disabled => "disabled",
    };
    let has_scope = |asked: &str| client.scopes.iter().any(|scope| scope.contains(asked));
    let id = client.id.to_string();
    let is_named = |asked: &str| {
        let asked = asked.to_lowercase();
        client.name.to_lowercase().contains(&asked) || id.contains(&asked)
    };
    filter.field("name").is_none_or(is_named)
        && filter.field("state").is_none_or(|asked| asked == state)
        && filter.field("scope").is_none_or(has_scope)
        && filter.holds(&[&client.name], client.created_at, now)
}

/// Whether a session fits what the service does not look at.
pub(super) fn fits_session(filter: &Filter, session: &Session, now: OffsetDateTime) -> bool {
    let words = [
        session.email.as_deref().unwrap_or_default(),
        session.user_agent.as_deref().unwrap_or_default(),
        session.ip.as_deref().unwrap_or_default(),
        &session.client,
        session.ended.as_ref().map_or("", |ended| &ended.reason),
    ];
    filter.holds(&words, session.started_at, now)
}

/// Whether an account fits what the service does not look at.
pub(super) fn fits_account(filter: &Filter, account: &Account, now: OffsetDateTime) -> bool {
    let name = account.display_name.as_deref().unwrap_or_default();
    let state = match account.state {
        AccountState::Active => "active",
        AccountState::Suspended => "suspended",
    };
    let mfa = if account.mfa { "yes" } else { "no" };
    let has_role = |role: &str| account.roles.iter().any(|known| known == role);
    filter.field("state").is_none_or(|asked| asked == state)
        && filter.field("mfa").is_none_or(|asked| asked == mfa)
        && filter.field("role").is_none_or(has_role)
        && filter.holds(&[&account.email, name], account.created_at, now)
}

/// Whether a row of the log fits. Gaps always do: what is in them may fit.
pub(in crate::console) fn fits_event(filter: &Filter, row: &TailRow, now: OffsetDateTime) -> bool {
    let TailRow::Event(event) = row else {
        return true;
    };
    // Thousands of rows are looked at for one frame.
    if filter.text().is_empty() {
        return true;
    }
    let name = timeline::name(event);
    let said = timeline::summary(event);
    let has_word = |asked: &str| name.contains(asked) || said.contains(asked);
    let is_by = |asked: &str| {
        let id = event.actor.id.map(|id| id.to_string());
        event.actor.kind.contains(asked) || id.is_some_and(|id| id.contains(asked))
    };
    let is_about = |asked: &str| {
        // A whole id is what the service looked for.
        Uuid::try_parse(asked).is_ok() || event.subject_id.to_string().contains(asked)
    };
    filter.field("word").is_none_or(has_word)
        && filter.field("actor").is_none_or(is_by)
        && filter.field("id").is_none_or(is_about)
        && filter.holds(&[&name, &said], event.occurred_at, now)
}

/// Whether a session can still be ended.
pub(super) fn is_active(session: &Session) -> bool {
    session.state == SessionState::Active
}
