//! What the service answered.

use time::{Duration, OffsetDateTime};

use super::{lists, sign_in};
use crate::console::list::{List, Row};
use crate::console::message::{Answer, Data, Effect, Query};
use crate::console::model::{Link, Model, Phase, SAMPLES_MAX};
use crate::console::order::Failed;
use crate::console::pane::Pane;
use crate::console::theme::Tone;
use crate::console::timeline::Timeline;

/// The longest wait between two tries to reach the service, in seconds.
const WAIT_MAX: i64 = 15;

/// An answer came.
pub(super) fn came(model: &mut Model, answer: Answer, effects: &mut Vec<Effect>) {
    let Answer {
        ticket,
        query,
        outcome,
    } = answer;
    if let Err(failed) = &outcome {
        model.note_error(format!("{}: {}", name(&query), failed.told()));
    }
    link(model, outcome.as_ref().err(), effects);
    let now = model.now;
    let Some((query, outcome)) = as_asked(model, query, outcome) else {
        return;
    };
    match (query, outcome) {
        (Query::Ready, outcome) => {
            let ready = outcome.map(|data| match data {
                Data::Ready(ready) => Some(ready),
                _ => None,
            });
            put(&mut model.ready, ticket, ready, now);
        }
        (Query::Overview, outcome) => {
            let overview = outcome.map(|data| match data {
                Data::Overview(overview) => Some(*overview),
                _ => None,
            });
            if put(&mut model.overview, ticket, overview, now)
                && let Some(overview) = model.overview.data()
            {
                model.samples.push_back(overview.logins_failed_15m);
                if model.samples.len() > SAMPLES_MAX {
                    model.samples.pop_front();
                }
            }
        }
        (Query::Projections, outcome) => {
            let projections = outcome.map(|data| match data {
                Data::Projections(projections) => Some(projections),
                _ => None,
            });
            put(&mut model.projections, ticket, projections, now);
            model.sort();
        }
        (Query::Keys, outcome) => {
            let keys = outcome.map(|data| match data {
                Data::Keys(keys) => Some(keys),
                _ => None,
            });
            put(&mut model.keys, ticket, keys, now);
            model.sort();
            let first = model.keys.data().and_then(|keys| keys.first());
            model.key_at = model.key_at.take().or(first.map(|key| key.kid.clone()));
        }
        (Query::Clients, outcome) => {
            let clients = outcome.map(|data| match data {
                Data::Clients(clients) => Some(clients),
                _ => None,
            });
            put(&mut model.clients, ticket, clients, now);
            model.sort();
            let first = model.clients.data().and_then(|all| all.items.first());
            model.client_at = model.client_at.or(first.map(|client| client.id));
        }
        (Query::Verifiers, outcome) => {
            let verifiers = outcome.map(|data| match data {
                Data::Verifiers(verifiers) => Some(verifiers),
                _ => None,
            });
            put(&mut model.verifiers, ticket, verifiers, now);
            model.sort();
        }
        (Query::Sessions { .. }, outcome) => {
            let page = outcome.map(|data| match data {
                Data::Sessions(page) => Some((page.items, page.next)),
                _ => None,
            });
            let filter = &model.session_filter;
            let fits = |session: &_| lists::fits_session(filter, session, now);
            let lost = rows(&mut model.sessions, ticket, page, fits, now);
            told_of_lost(model, lost);
        }
        (Query::Accounts { .. }, outcome) => {
            let page = outcome.map(|data| match data {
                Data::Accounts(page) => Some((page.items, page.next)),
                _ => None,
            });
            let filter = &model.account_filter;
            let fits = |account: &_| lists::fits_account(filter, account, now);
            rows(&mut model.accounts, ticket, page, fits, now);
        }
        (Query::Session { id, .. }, outcome) => {
            let session = outcome.map(|data| match data {
                Data::Session(session) => Some(*session),
                _ => None,
            });
            if let Ok(Some(session)) = &session {
                model.sessions.renew_row(session.clone());
            }
            if model.session.id == Some(id) {
                put(&mut model.session.pane, ticket, session, now);
            }
        }
        (Query::Account { id, .. }, outcome) => {
            let account = outcome.map(|data| match data {
                Data::Account(account) => Some(*account),
                _ => None,
            });
            if let Ok(Some(account)) = &account {
                model.accounts.renew_row(account.clone());
            }
            if model.account.id == Some(id) {
                put(&mut model.account.pane, ticket, account, now);
            }
        }
        (Query::SessionEvents(id, _), outcome) => {
            if model.session.id == Some(id) {
                events(&mut model.session.timeline, ticket, outcome, now);
            }
        }
        (Query::AccountEvents(id, _), outcome) => {
            if model.account.id == Some(id) {
                events(&mut model.account.timeline, ticket, outcome, now);
            }
        }
        (Query::SessionsOf(_), outcome) => {
            let page = outcome.map(|data| match data {
                Data::Sessions(page) => Some(page.items),
                _ => None,
            });
            put(&mut model.session.others, ticket, page.clone(), now);
            put(&mut model.account.sessions, ticket, page, now);
        }
        (Query::Attempts(id), outcome) => {
            let attempts = outcome.map(|data| match data {
                Data::Attempts(attempts) => Some(attempts),
                _ => None,
            });
            if model.account.id == Some(id) {
                put(&mut model.account.attempts, ticket, attempts, now);
            }
        }
        (Query::Events { .. }, outcome) => {
            if model.tail.pane.expects(ticket, now) {
                match outcome {
                    Ok(Data::Events(page)) => {
                        model.tail.absorb_older(page);
                        model.tail.pane.came(now);
                    }
                    Ok(_) => {}
                    Err(failed) => model.tail.pane.take(Err(failed), now),
                }
            }
        }
        // It is taken apart above.
        (Query::AsOf { .. }, _) => {}
    }
}

/// The question and answer themselves, if they are of the moment that is
/// looked at.
fn as_asked(
    model: &mut Model,
    query: Query,
    outcome: Result<Data, Failed>,
) -> Option<(Query, Result<Data, Failed>)> {
    let (asked, query) = match query {
        Query::AsOf { as_of, query } => (Some(as_of), *query),
        // What is done moves one row; that is of now.
        Query::Session { .. } | Query::Account { .. } if model.past.is_some() => return None,
        query => (None, query),
    };
    let Some(asked) = asked else {
        return Some((query, outcome));
    };
    let past = model.past.as_mut().filter(|past| past.as_of() == asked)?;
    let outcome = match outcome {
        Ok(Data::AsOf { as_of, data }) => {
            past.told(as_of);
            Ok(*data)
        }
        other => other,
    };
    Some((query, outcome))
}

/// Puts an answer into its pane, if it is waited for there. An answer of
/// another kind than the question cannot come and is dropped.
fn put<T>(
    pane: &mut Pane<T>,
    ticket: u64,
    outcome: Result<Option<T>, Failed>,
    now: OffsetDateTime,
) -> bool {
    let expected = pane.expects(ticket, now);
    if expected && let Some(outcome) = outcome.transpose() {
        pane.take(outcome, now);
    }
    expected
}

/// Items, and the cursor of what is behind them.
type Listed<T> = (Vec<T>, Option<String>);

/// Puts a page into its list; how many marks were lost with rows.
fn rows<T>(
    list: &mut List<T>,
    ticket: u64,
    outcome: Result<Option<Listed<T>>, Failed>,
    fits: impl Fn(&T) -> bool,
    now: OffsetDateTime,
) -> usize
where
    T: Row,
{
    if !list.pane.expects(ticket, now) {
        return 0;
    }
    let Some(wanted) = list.answered() else {
        return 0;
    };
    let marks = list.marks().len();
    match outcome {
        Ok(Some((items, next))) => {
            let items = items.into_iter().filter(fits).collect();
            list.absorb(&wanted, items, next);
            list.pane.came(now);
        }
        Ok(None) => {}
        Err(failed) => list.pane.take(Err(failed), now),
    }
    marks.saturating_sub(list.marks().len())
}

fn told_of_lost(model: &mut Model, lost: usize) {
    if lost > 0 {
        let told = format!("{lost} marked rows are listed no longer, their marks are gone");
        model.say(told, Tone::Warn);
    }
}

fn events(
    timeline: &mut Timeline,
    ticket: u64,
    outcome: Result<Data, Failed>,
    now: OffsetDateTime,
) {
    if !timeline.pane.expects(ticket, now) {
        return;
    }
    match outcome {
        Ok(Data::Events(page)) => {
            timeline.absorb(page);
            timeline.pane.came(now);
        }
        Ok(_) => {}
        Err(failed) => timeline.pane.take(Err(failed), now),
    }
}

/// Notes whether the service answers, and whether anybody is signed in.
pub(super) fn link(model: &mut Model, failed: Option<&Failed>, effects: &mut Vec<Effect>) {
    let now = model.now;
    match failed {
        Some(Failed::NoAnswer(_)) => {
            let (since, tries) = match model.link {
                Link::Up => (now, 0),
                // Several questions of one moment failed together.
                Link::Down { next, .. } if now < next => return,
                Link::Down { since, tries, .. } => (since, tries + 1),
            };
            let wait = (1_i64 << tries.min(4)).min(WAIT_MAX);
            model.link = Link::Down {
                since,
                tries,
                next: now + Duration::seconds(wait),
            };
        }
        Some(Failed::SignedOut(why)) => {
            if matches!(model.phase, Phase::In) {
                let email = model
                    .identity
                    .as_ref()
                    .map(|identity| identity.email.clone());
                let form = sign_in::form(&email.unwrap_or_default(), Some(why.clone()));
                model.phase = Phase::SignIn(form);
                model.layer = None;
                model.arming.disarm();
                model.was_armed = false;
                effects.push(Effect::Disarm);
            }
        }
        Some(Failed::NotTried) => {}
        _ => {
            model.answered = Some(now);
            if let Link::Down { .. } = model.link {
                model.link = Link::Up;
                model.say("connected again", Tone::Good);
            }
        }
    }
}

fn name(query: &Query) -> &'static str {
    match query {
        Query::Ready => "health",
        Query::Overview => "overview",
        Query::Projections => "projections",
        Query::Keys => "keys",
        Query::Clients => "clients",
        Query::Verifiers => "verifiers",
        Query::Sessions { .. } | Query::SessionsOf(_) => "sessions",
        Query::Accounts { .. } => "accounts",
        Query::Session { .. } => "session",
        Query::Account { .. } => "account",
        Query::SessionEvents(..) | Query::AccountEvents(..) | Query::Events { .. } => "events",
        Query::Attempts(_) => "tries to sign in",
        Query::AsOf { query, .. } => name(query),
    }
}
