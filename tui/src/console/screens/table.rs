//! Rows in columns, and how people read what is in them.

use countersign_openapi::{Acr, Session, SessionState};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::console::canvas::Canvas;
use crate::console::filter::Filter;
use crate::console::list::Shown;
use crate::console::pane::Pane;
use crate::console::text::short;
use crate::console::theme::{Signs, Tone};

/// A column: its heading and how many cells it takes; none for what is left.
pub(super) type Column = (&'static str, Option<u16>);

/// How a row stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stand {
    /// The cursor is on it.
    pub(super) selected: bool,
    /// It is marked.
    pub(super) marked: bool,
    /// It is listed no longer.
    pub(super) gone: bool,
}

impl<T> From<&Shown<'_, T>> for Stand {
    fn from(shown: &Shown<'_, T>) -> Self {
        Self {
            selected: shown.selected,
            marked: shown.marked,
            gone: shown.gone,
        }
    }
}

/// Draws the headings.
pub(super) fn heading(canvas: &mut Canvas<'_>, columns: &[Column]) {
    let cells: Vec<(String, Tone)> = columns
        .iter()
        .map(|(title, _)| ((*title).to_owned(), Tone::Dim))
        .collect();
    cells_at(canvas, 0, columns, &cells);
}

/// Draws a row.
pub(super) fn row(
    canvas: &mut Canvas<'_>,
    y: u16,
    columns: &[Column],
    cells: &[(String, Tone)],
    stand: Stand,
) {
    let signs = canvas.signs();
    if stand.selected {
        canvas.text(0, y, 1, signs.cursor, Tone::Strong);
    }
    if stand.marked {
        canvas.text(1, y, 1, signs.mark, Tone::Warn);
    }
    cells_at(canvas, y, columns, cells);
    if stand.gone {
        canvas.tint(y, Tone::Dim);
    }
    if stand.selected {
        canvas.tint(y, Tone::Selected);
    }
}

fn cells_at(canvas: &mut Canvas<'_>, y: u16, columns: &[Column], cells: &[(String, Tone)]) {
    let taken: u16 = columns.iter().filter_map(|(_, width)| *width).sum();
    let gaps = u16::try_from(columns.len()).unwrap_or_default() + 2;
    let rest = canvas.columns().saturating_sub(taken + gaps);
    let flexible = columns.iter().filter(|(_, width)| width.is_none()).count();
    let each = rest / u16::try_from(flexible.max(1)).unwrap_or(1);
    let mut x = 3;
    for ((_, width), (text, tone)) in columns.iter().zip(cells) {
        let width = width.unwrap_or(each);
        canvas.text(x, y, width, text, *tone);
        x = x.saturating_add(width + 1);
    }
}

/// Says that nothing is there, and why; whether there is nothing.
pub(super) fn nothing<T>(
    canvas: &mut Canvas<'_>,
    pane: &Pane<T>,
    is_empty: bool,
    none: &str,
) -> bool {
    if !is_empty {
        return false;
    }
    match pane.failed() {
        Some(failed) => {
            let told = format!("! {}", failed.told());
            let rows = canvas.wrapped(1, 1, &told, Tone::Danger);
            canvas.text(
                1,
                rows + 2,
                u16::MAX,
                "r tries again, ! lists errors",
                Tone::Dim,
            );
        }
        None if pane.is_loading() => {
            canvas.text(1, 1, u16::MAX, "loading ...", Tone::Dim);
        }
        None => {
            canvas.wrapped(1, 1, none, Tone::Dim);
        }
    }
    true
}

/// Why a list is empty: it is, or the filter hides everything.
pub(super) fn none(filter: &Filter, what: &'static str) -> &'static str {
    match (filter.text().is_empty(), what) {
        (false, _) => "nothing fits the filter; Esc takes it away, / changes it",
        (true, what) => what,
    }
}

/// A session's state in a word.
pub(super) fn state(session: &Session) -> (&'static str, Tone) {
    match session.state {
        SessionState::Active => ("active", Tone::Good),
        SessionState::Expired => ("expired", Tone::Dim),
        SessionState::Revoked => ("revoked", Tone::Warn),
    }
}

/// How strongly somebody is known, and by what: `pwd+otp aal2`.
pub(super) fn auth(session: &Session) -> String {
    let level = match session.acr {
        Acr::Aal1 => "aal1",
        Acr::Aal2 => "aal2",
        Acr::Aal3 => "aal3",
    };
    format!("{} {level}", session.amr.join("+"))
}

/// Who ended a session: `you`, `its owner`, `system`, or the end of an id.
pub(super) fn ended_by(session: &Session, own: Option<Uuid>, signs: &Signs) -> String {
    let Some(ended) = &session.ended else {
        return String::new();
    };
    if ended.reason == "refresh_reused" {
        // Whoever held the token asked; that ended it was nobody's wish.
        return "the service".to_owned();
    }
    match Uuid::try_parse(&ended.by) {
        Ok(id) if own == Some(id) => "you".to_owned(),
        Ok(id) if id == session.account_id => "its owner".to_owned(),
        Ok(id) => format!("account {}", short(id, signs.ellipsis)),
        Err(_) => ended.by.clone(),
    }
}

/// The reason of an end in words: `revoked by operator`.
pub(super) fn reason(session: &Session) -> String {
    let ended = session.ended.as_ref();
    ended.map_or_else(String::new, |ended| ended.reason.replace('_', " "))
}

/// What a user agent seems to be: `Firefox, Linux`. It is a claim of the
/// client, no proof.
pub(super) fn device(session: &Session) -> String {
    let Some(agent) = session.user_agent.as_deref() else {
        return "unknown".to_owned();
    };
    // The order counts: each names those behind it, too.
    let programs = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let first = |known: &[(&str, &'static str)]| {
        let found = known.iter().find(|(sign, _)| agent.contains(sign));
        found.map(|(_, name)| *name)
    };
    match (first(&programs), first(&systems)) {
        (Some(program), Some(system)) => format!("{program}, {system}"),
        (Some(program), None) => program.to_owned(),
        (None, _) => agent.to_owned(),
    }
}

/// The sessions beside an opened session or account.
pub(super) fn beside(
    canvas: &mut Canvas<'_>,
    sessions: &Pane<Vec<Session>>,
    at: Option<Uuid>,
    now: OffsetDateTime,
) {
    let items = sessions.data().map(Vec::as_slice).unwrap_or_default();
    if nothing(canvas, sessions, items.is_empty(), "no sessions") {
        return;
    }
    let columns: &[Column] = &[
        ("STATE", Some(8)),
        ("SEEN", Some(5)),
        ("ADDRESS", Some(15)),
        ("DEVICE", None),
    ];
    let height = usize::from(canvas.rows()).max(1);
    let place = at.and_then(|id| items.iter().position(|session| session.id == id));
    let top = place.map_or(0, |at| (at + 1).saturating_sub(height));
    for (y, (index, session)) in (0..).zip(items.iter().enumerate().skip(top).take(height)) {
        let (word, tone) = state(session);
        let cells = [
            (word.to_owned(), tone),
            (
                crate::console::text::ago(now, session.last_seen_at),
                Tone::Plain,
            ),
            (
                session.ip.clone().unwrap_or_else(|| "-".to_owned()),
                Tone::Plain,
            ),
            (device(session), Tone::Plain),
        ];
        let stand = Stand {
            selected: place == Some(index),
            ..Stand::default()
        };
        row(canvas, y, columns, &cells, stand);
    }
}
