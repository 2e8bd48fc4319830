//! What filters ask the service, and what the console looks at itself.

use countersign_openapi::{Account, AccountState, Session, SessionState};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::console::filter::Filter;
use crate::console::model::Model;
use crate::console::screens::Screen;
use crate::console::tail::TailRow;
use crate::console::timeline;

const SESSION_FIELDS: &[&str] = &["user", "ip", "state", "client", "account"];
const ACCOUNT_FIELDS: &[&str] = &["user", "state", "role", "mfa"];
const EVENT_FIELDS: &[&str] = &["name", "noun", "actor", "id"];
const STATES: [&str; 4] = ["any", "active", "expired", "revoked"];

/// The fields that a screen's filter knows.
pub(in crate::console) fn fields(screen: Screen) -> &'static [&'static str] {
    match screen {
        Screen::Accounts => ACCOUNT_FIELDS,
        Screen::Events => EVENT_FIELDS,
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
            if let Some(id) = filter.field("account") {
                Uuid::try_parse(id).map_err(|_| "account: expected an id".to_owned())?;
            }
        }
        Screen::Accounts => {
            one_of("state", &["active", "suspended"])?;
            one_of("mfa", &["yes", "no"])?;
        }
        _ => {}
    }
    Ok(filter)
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
        Screen::Events => model.event_filter = filter,
        _ => {}
    }
}

/// The filter of a screen.
pub(in crate::console) fn of(model: &Model, screen: Screen) -> Option<&Filter> {
    match screen {
        Screen::Sessions => Some(&model.session_filter),
        Screen::Accounts => Some(&model.account_filter),
        Screen::Events => Some(&model.event_filter),
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
    let name = timeline::name(event);
    let has =
        |field: &str, text: &str| filter.field(field).is_none_or(|asked| text.contains(asked));
    let is_about = |asked: &str| {
        event.subject_id.to_string().contains(asked)
            || event
                .actor
                .id
                .is_some_and(|id| id.to_string().contains(asked))
    };
    has("name", &name)
        && has("noun", &event.noun)
        && has("actor", &event.actor.kind)
        && filter.field("id").is_none_or(is_about)
        && filter.holds(&[&name, &timeline::summary(event)], event.occurred_at, now)
}

/// Whether a session can still be ended.
pub(super) fn is_active(session: &Session) -> bool {
    session.state == SessionState::Active
}
