//! What has to be asked for now.

use time::Duration;

use super::{events, lists};
use crate::console::list::{List, Row};
use crate::console::message::{Effect, Query};
use crate::console::model::{Link, Model, Phase};
use crate::console::pane::Pane;
use crate::console::past::{NEVER, Past};
use crate::console::screens::Screen;

/// How old lists and numbers get before they are asked for again.
const EVERY: Duration = Duration::seconds(5);
/// The same of the end of the log and of read models.
const EVERY_LIVE: Duration = Duration::seconds(1);
/// Sessions of an account that are shown beside it.
pub(super) const BESIDE: usize = 20;

/// Asks for what the screen shows and is missing or old.
pub(super) fn ask(model: &mut Model, effects: &mut Vec<Effect>) {
    if !matches!(model.phase, Phase::In) {
        return;
    }
    if let Link::Down { next, .. } = model.link {
        // One question finds out whether anybody is there again.
        if model.now >= next {
            pane(model, effects, Duration::ZERO, Query::Ready, |model| {
                &mut model.ready
            });
        }
        return;
    }
    pane(model, effects, EVERY, Query::Ready, |model| {
        &mut model.ready
    });
    match model.screen {
        Screen::Overview => {
            pane(model, effects, EVERY, Query::Overview, |model| {
                &mut model.overview
            });
        }
        Screen::Sessions => sessions(model, effects),
        Screen::Accounts => accounts(model, effects),
        Screen::Session => session(model, effects),
        Screen::Account => account(model, effects),
        Screen::Events => events::ask(model, effects),
        Screen::Projections => {
            pane(model, effects, EVERY_LIVE, Query::Projections, |model| {
                &mut model.projections
            });
        }
        Screen::Keys => {
            pane(model, effects, EVERY, Query::Keys, |model| &mut model.keys);
        }
        Screen::Clients => {
            pane(model, effects, EVERY, Query::Clients, |model| {
                &mut model.clients
            });
            pane(model, effects, EVERY_LIVE, Query::Verifiers, |model| {
                &mut model.verifiers
            });
        }
    }
}

/// How soon to ask for what is missing: at once, or later if that failed.
pub(super) fn retry<T>(pane: &Pane<T>) -> Duration {
    match pane.failed() {
        Some(_) => EVERY,
        None => Duration::ZERO,
    }
}

/// How soon to ask again for what is here and becomes old. What was does not.
fn again<T>(model: &Model, pane: &Pane<T>, every: Duration) -> Duration {
    if model.shows_past() && !pane.is_loading() && pane.failed().is_none() {
        NEVER
    } else {
        every
    }
}

/// Asks for a pane if it is due.
pub(super) fn pane<T>(
    model: &mut Model,
    effects: &mut Vec<Effect>,
    every: Duration,
    query: Query,
    of: impl Fn(&mut Model) -> &mut Pane<T>,
) {
    let now = model.now;
    if !of(model).is_due(now, every) {
        return;
    }
    let ticket = model.ticket();
    of(model).ask(ticket, now);
    let query = model.as_shown(query);
    effects.push(Effect::Ask { ticket, query });
}

/// Asks for the page of a list that is missing, or again for the one that is
/// shown when it is old.
fn page<T: Row>(
    model: &mut Model,
    effects: &mut Vec<Effect>,
    of: impl Fn(&mut Model) -> &mut List<T>,
    query: impl FnOnce(&Model, Option<String>) -> Query,
) {
    let now = model.now;
    let list = of(model);
    let missing = list.wanted().filter(|_| list.pane.failed().is_none());
    let is_missing = missing.is_some();
    let pane = list.pane.clone();
    let every = if is_missing {
        Duration::ZERO
    } else {
        again(model, &pane, EVERY)
    };
    if !pane.is_due(now, every) {
        return;
    }
    let list = of(model);
    let wanted = missing.unwrap_or_else(|| list.again());
    let query = query(model, wanted.after.clone());
    let ticket = model.ticket();
    let list = of(model);
    list.pane.ask(ticket, now);
    list.ask(wanted);
    let query = model.as_shown(query);
    effects.push(Effect::Ask { ticket, query });
}

fn sessions(model: &mut Model, effects: &mut Vec<Effect>) {
    let query = |model: &Model, after| Query::Sessions {
        parameters: lists::session_query(&model.session_filter),
        after,
    };
    page(model, effects, |model| &mut model.sessions, query);
}

fn accounts(model: &mut Model, effects: &mut Vec<Effect>) {
    let query = |model: &Model, after| Query::Accounts {
        parameters: lists::account_query(&model.account_filter),
        after,
    };
    page(model, effects, |model| &mut model.accounts, query);
}

fn session(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(id) = model.session.id else { return };
    let at_least = None;
    let every = again(model, &model.session.pane, EVERY);
    let query = Query::Session { id, at_least };
    pane(model, effects, every, query, |model| {
        &mut model.session.pane
    });
    if !is_exact(model) {
        return;
    }
    let timeline = &model.session.timeline;
    let every = if timeline.has_more() {
        retry(&timeline.pane)
    } else {
        again(model, &timeline.pane, EVERY)
    };
    if timeline.pane.is_due(model.now, every) {
        let cursor = model.session.timeline.cursor();
        let query = Query::SessionEvents(id, cursor);
        pane(model, effects, every, query, |model| {
            &mut model.session.timeline.pane
        });
    }
    if let Some(session) = model.session.pane.data() {
        let query = Query::SessionsOf(session.account_id);
        let every = again(model, &model.session.others, EVERY);
        pane(model, effects, every, query, |model| {
            &mut model.session.others
        });
    }
}

fn account(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(id) = model.account.id else { return };
    let at_least = None;
    let every = again(model, &model.account.pane, EVERY);
    let query = Query::Account { id, at_least };
    pane(model, effects, every, query, |model| {
        &mut model.account.pane
    });
    if !is_exact(model) {
        return;
    }
    let timeline = &model.account.timeline;
    let every = if timeline.has_more() {
        retry(&timeline.pane)
    } else {
        again(model, &timeline.pane, EVERY)
    };
    if timeline.pane.is_due(model.now, every) {
        let cursor = model.account.timeline.cursor();
        let query = Query::AccountEvents(id, cursor);
        pane(model, effects, every, query, |model| {
            &mut model.account.timeline.pane
        });
    }
    let every = again(model, &model.account.sessions, EVERY);
    pane(model, effects, every, Query::SessionsOf(id), |model| {
        &mut model.account.sessions
    });
    // Tries are kept for some days and have no past.
    if !model.shows_past() {
        pane(model, effects, EVERY, Query::Attempts(id), |model| {
            &mut model.account.attempts
        });
    }
}

/// Whether it is known what everything is asked as of; until then only the
/// first answer is waited for.
fn is_exact(model: &Model) -> bool {
    let past = model.past.as_ref().filter(|_| model.shows_past());
    past.is_none_or(Past::is_exact)
}
