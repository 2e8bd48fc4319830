//! People.

use countersign_openapi::{Account, AccountState};

use super::table::{self, Column, Stand};
use super::{Canvas, Screen, Tone, chrome, sessions};
use crate::console::model::Model;
use crate::console::text::moment;

const NARROW: &[Column] = &[
    ("USER", None),
    ("STATE", Some(9)),
    ("FACTORS", Some(12)),
    ("ROLES", Some(14)),
    ("CREATED", Some(11)),
];

const WIDE: &[Column] = &[
    ("USER", None),
    ("NAME", Some(24)),
    ("STATE", Some(9)),
    ("FACTORS", Some(12)),
    ("ROLES", Some(24)),
    ("CREATED", Some(11)),
];

pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    let list = &model.accounts;
    let title = chrome::heading(model, Screen::Accounts, "newest first");
    let wide = canvas.columns() >= 110;
    let mut inside = canvas.pane(&title, &model.age(&list.pane), true);
    let none = table::none(&model.account_filter, "no account");
    if table::nothing(&mut inside, &list.pane, list.rows().is_empty(), none) {
        return;
    }
    let columns = if wide { WIDE } else { NARROW };
    table::heading(&mut inside, columns);
    for (y, shown) in (1..).zip(list.shown()) {
        let cells = cells(model, shown.row, wide);
        let stand = Stand::from(&shown);
        table::row(&mut inside, y, columns, &cells, stand);
    }
    sessions::foot(list, canvas);
}

/// An account's state in a word.
pub(super) fn state(account: &Account) -> (&'static str, Tone) {
    match account.state {
        AccountState::Active => ("active", Tone::Good),
        AccountState::Suspended => ("suspended", Tone::Danger),
    }
}

fn cells(model: &Model, account: &Account, wide: bool) -> Vec<(String, Tone)> {
    let (state, tone) = state(account);
    let factors = match (account.factors.is_empty(), account.mfa) {
        (false, _) => (account.factors.join("+"), Tone::Plain),
        (true, true) => ("yes".to_owned(), Tone::Plain),
        (true, false) => ("none".to_owned(), Tone::Dim),
    };
    let name = account.display_name.clone().unwrap_or_default();
    let mut cells = vec![(account.email.clone(), Tone::Plain)];
    if wide {
        cells.push((name, Tone::Plain));
    }
    cells.extend([
        (state.to_owned(), tone),
        factors,
        (account.roles.join(" "), Tone::Plain),
        (moment(model.then(), account.created_at), Tone::Plain),
    ]);
    cells
}
