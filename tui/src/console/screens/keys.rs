//! Signing keys and where each is in its life.

use countersign_openapi::{SigningKey, SigningKeyState};
use time::OffsetDateTime;

use super::table::{self, Column, Stand};
use super::{Canvas, Tone, chrome};
use crate::console::model::Model;
use crate::console::sort::Sorted;
use crate::console::text::{ago, moment, span};

const COLUMNS: &[Column] = &[
    ("KEY", None),
    ("ALG", Some(6)),
    ("STATE", Some(8)),
    ("PUBLISHED", Some(11)),
    ("SIGNS FROM", Some(11)),
    ("RETIRES", Some(11)),
];

fn state(key: &SigningKey) -> (&'static str, Tone) {
    match key.state {
        SigningKeyState::Next => ("next", Tone::Plain),
        SigningKeyState::Active => ("active", Tone::Good),
        SigningKeyState::Retiring => ("retiring", Tone::Plain),
        SigningKeyState::Retired => ("retired", Tone::Dim),
        SigningKeyState::Revoked => ("REVOKED", Tone::Danger),
    }
}

pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    let (columns, rows) = (canvas.columns(), canvas.rows());
    let keys = model.keys.data().map(Vec::as_slice).unwrap_or_default();
    let at = keys
        .iter()
        .position(|key| Some(&key.kid) == model.key_at.as_ref());
    let below = 5.min(rows);
    let mut pane = canvas.part(0, 0, columns, rows - below);
    let title = match chrome::sorted(model, Sorted::Keys) {
        sorted if sorted.is_empty() => "Keys  newest first".to_owned(),
        sorted => format!("Keys{sorted}"),
    };
    let mut inside = pane.pane(&title, &model.age_now(&model.keys), true);
    if !table::nothing(
        &mut inside,
        &model.keys,
        keys.is_empty(),
        "no key was made yet",
    ) {
        table::heading(&mut inside, COLUMNS);
        let height = usize::from(inside.rows().saturating_sub(1)).max(1);
        let top = at.map_or(0, |at| (at + 1).saturating_sub(height));
        for (y, (index, key)) in (1..).zip(keys.iter().enumerate().skip(top).take(height)) {
            let stand = Stand {
                selected: Some(index) == at,
                ..Stand::default()
            };
            table::row(&mut inside, y, COLUMNS, &cells(key, model.now), stand);
        }
    }
    let mut pane = canvas.part(0, rows - below, columns, below);
    let mut inside = pane.pane("What it says", &model.age_now(&model.keys), false);
    let Some(key) = at.and_then(|at| keys.get(at)) else {
        return;
    };
    inside.text(1, 0, u16::MAX, &says(key, model.now), Tone::Plain);
    let by = key.revoked_by.as_deref().unwrap_or("somebody");
    if let Some(at) = key.revoked_at {
        let told = format!("revoked {} ago by {by}", ago(model.now, at));
        inside.text(1, 1, u16::MAX, &told, Tone::Danger);
    } else if !key.lacking.is_empty() {
        let told = format!("! not held by: {}", key.lacking.join(", "));
        inside.wrapped(1, 1, &told, Tone::Warn);
    }
}

/// What will become of a key, in a sentence.
fn says(key: &SigningKey, now: OffsetDateTime) -> String {
    let ahead = |at: OffsetDateTime| {
        if at > now {
            format!("in {}", span(at - now))
        } else {
            "now".to_owned()
        }
    };
    match (key.state, key.signs_from, key.retires_at) {
        (SigningKeyState::Next, Some(at), _) => format!("may sign {}", ahead(at)),
        (SigningKeyState::Next, None, _) => "waits for its turn".to_owned(),
        (SigningKeyState::Active, ..) => "signs every new token".to_owned(),
        (SigningKeyState::Retiring, _, Some(at)) => {
            format!("checks what it signed before; retires {}", ahead(at))
        }
        (SigningKeyState::Retiring, _, None) => "checks what it signed before".to_owned(),
        (SigningKeyState::Retired, ..) => "nothing it signed is valid any more".to_owned(),
        (SigningKeyState::Revoked, ..) => "everything it signed is refused".to_owned(),
    }
}

fn cells(key: &SigningKey, now: OffsetDateTime) -> Vec<(String, Tone)> {
    let (state, tone) = state(key);
    let at = |at: Option<OffsetDateTime>| at.map_or_else(|| "-".to_owned(), |at| moment(now, at));
    vec![
        (key.kid.clone(), Tone::Plain),
        (key.algorithm.clone(), Tone::Plain),
        (state.to_owned(), tone),
        (at(Some(key.published_at)), Tone::Plain),
        (at(key.signs_from), Tone::Plain),
        (at(key.retires_at), Tone::Plain),
    ]
}
