//! Who is signed in, and who was.

use countersign_openapi::Session;

use super::chrome;
use super::table::{self, Column, Stand};
use super::{Canvas, Screen, Tone};
use crate::console::list::{List, Row};
use crate::console::model::Model;
use crate::console::text::{ago, count, moment, short};
use crate::console::theme::Signs;

const NARROW: &[Column] = &[
    ("USER", None),
    ("STATE", Some(7)),
    ("SEEN", Some(5)),
    ("ADDRESS", Some(15)),
    ("DEVICE / WHY IT ENDED", Some(21)),
];

const WIDE: &[Column] = &[
    ("USER", None),
    ("STATE", Some(7)),
    ("STARTED", Some(11)),
    ("SEEN", Some(5)),
    ("ADDRESS", Some(15)),
    ("AUTH", Some(12)),
    ("DEVICE / WHY IT ENDED, BY WHOM", Some(30)),
    ("SESSION", Some(7)),
];

pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    let list = &model.sessions;
    let title = chrome::heading(
        model,
        Screen::Sessions,
        "active and ended, latest started first",
    );
    let wide = canvas.columns() >= 110;
    let mut inside = canvas.pane(&title, &model.age(&list.pane), true);
    let none = if list.is_dry() {
        "no row of the last 2,000 fits; G looks further, Esc takes the filter away"
    } else {
        table::none(&model.session_filter, "no session")
    };
    if table::nothing(&mut inside, &list.pane, list.rows().is_empty(), none) {
        return;
    }
    let columns = if wide { WIDE } else { NARROW };
    table::heading(&mut inside, columns);
    for (y, shown) in (1..).zip(list.shown()) {
        let cells = cells(model, shown.row, wide, inside.signs());
        let stand = Stand::from(&shown);
        table::row(&mut inside, y, columns, &cells, stand);
    }
    foot(list, canvas);
}

fn cells(model: &Model, session: &Session, wide: bool, signs: &Signs) -> Vec<(String, Tone)> {
    let (state, tone) = table::state(session);
    let over = session.ended.is_some();
    let plain = if over { Tone::Dim } else { Tone::Plain };
    let own = model.identity.as_ref().map(|identity| identity.account);
    let mut user = session
        .email
        .clone()
        .unwrap_or_else(|| "(forgotten)".to_owned());
    if model.identity.as_ref().map(|identity| identity.session) == Some(session.id) {
        user.insert_str(0, "(you) ");
    }
    let last = match (over, session.elsewhere_at) {
        (true, _) if wide => {
            let by = table::ended_by(session, own, signs);
            (format!("{}, {by}", table::reason(session)), plain)
        }
        (true, _) => (table::reason(session), plain),
        (false, Some(_)) => (
            format!("! elsewhere, {}", table::device(session)),
            Tone::Warn,
        ),
        (false, None) => (table::device(session), plain),
    };
    let ip = session.ip.clone().unwrap_or_else(|| "-".to_owned());
    let seen = ago(model.then(), session.last_seen_at);
    let mut cells = vec![(user, plain), (state.to_owned(), tone)];
    if wide {
        cells.push((moment(model.then(), session.started_at), plain));
    }
    cells.extend([(seen, plain), (ip, plain)]);
    if wide {
        cells.push((table::auth(session), plain));
    }
    cells.push(last);
    if wide {
        cells.push((short(session.id, signs.ellipsis), Tone::Dim));
    }
    cells
}

/// Over the bottom border: which rows these are, what is marked, what is new.
pub(super) fn foot<T: Row>(list: &List<T>, canvas: &mut Canvas<'_>) {
    let (columns, rows) = (canvas.columns(), canvas.rows());
    if list.rows().is_empty() || rows == 0 {
        return;
    }
    let signs = canvas.signs();
    let (first, last, known, more) = list.extent();
    let plus = if more { "+" } else { "" };
    let (first, last, known) = (count(first as u64), count(last as u64), count(known as u64));
    let marked = match list.marks().len() {
        0 => String::new(),
        marks => format!("{} {marks} marked ", signs.bar),
    };
    let fresh = match list.fresh() {
        0 => String::new(),
        fresh => format!("{} {} {fresh} new (g) ", signs.bar, signs.above),
    };
    let told = format!(" rows {first}-{last} of {known}{plus} {marked}{fresh}");
    canvas.text(2, rows - 1, columns.saturating_sub(4), &told, Tone::Strong);
}
