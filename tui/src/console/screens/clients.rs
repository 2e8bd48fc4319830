//! Programs that sign in as themselves, and who checks tokens.

use countersign_openapi::{Client, ClientState, Verifier, VerifierState};
use time::Duration;

use super::table::{self, Column, Stand};
use super::{Canvas, Tone, chrome};
use crate::console::model::Model;
use crate::console::sort::Sorted;
use crate::console::text::{many, moment, span};
use crate::console::update::fits_client;

const CLIENTS: &[Column] = &[
    ("CLIENT", None),
    ("STATE", Some(8)),
    ("PROOF", Some(12)),
    ("SCOPES", Some(22)),
    ("SINCE", Some(11)),
];

const VERIFIERS: &[Column] = &[
    ("VERIFIER", None),
    ("STATE", Some(7)),
    ("STALE", Some(9)),
    ("HEARD", Some(7)),
    ("KEYS", Some(4)),
    ("APPLIED (SHARD.SEQUENCE)", Some(26)),
];

pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    let (columns, rows) = (canvas.columns(), canvas.rows());
    let above = rows / 2;
    let at_clients = model.at_verifier.is_none();
    let mut pane = canvas.part(0, 0, columns, above);
    clients(model, &mut pane, at_clients);
    let mut pane = canvas.part(0, above, columns, rows - above);
    verifiers(model, &mut pane, !at_clients);
}

fn clients(model: &Model, canvas: &mut Canvas<'_>, focused: bool) {
    let listed = model.clients.data();
    let all = listed.map(|all| all.items.as_slice()).unwrap_or_default();
    let more = if listed.is_some_and(|all| all.next.is_some()) {
        "; older ones are NOT LISTED"
    } else {
        ""
    };
    let fits = |client: &&Client| fits_client(&model.client_filter, client, model.now);
    let items: Vec<&Client> = all.iter().filter(fits).collect();
    let sorted = chrome::sorted(model, Sorted::Clients);
    let title = match model.client_filter.text() {
        "" => format!("Clients ({}{more}){sorted}", items.len()),
        filter => format!(
            "Clients ({} of {}{more}){sorted}  filter: {filter}",
            items.len(),
            all.len()
        ),
    };
    let mut inside = canvas.pane(&title, &model.age_now(&model.clients), focused);
    let none = "no service signs in as itself; countersign clients add registers one";
    let none = if all.is_empty() {
        none
    } else {
        table::none(&model.client_filter, none)
    };
    if table::nothing(&mut inside, &model.clients, items.is_empty(), none) {
        return;
    }
    table::heading(&mut inside, CLIENTS);
    let at = items
        .iter()
        .position(|client| Some(client.id) == model.client_at);
    let height = usize::from(inside.rows().saturating_sub(1)).max(1);
    let top = at.map_or(0, |at| (at + 1).saturating_sub(height));
    for (y, (index, client)) in (1..).zip(items.iter().enumerate().skip(top).take(height)) {
        let stand = Stand {
            selected: focused && Some(index) == at,
            ..Stand::default()
        };
        table::row(&mut inside, y, CLIENTS, &client_cells(model, client), stand);
    }
}

fn client_cells(model: &Model, client: &Client) -> Vec<(String, Tone)> {
    let (state, tone) = match client.state {
        ClientState::Active => ("active", Tone::Good),
        ClientState::Disabled => ("disabled", Tone::Danger),
    };
    let proof = match (client.secrets.len(), client.key_ids.len()) {
        (0, 0) => ("none yet".to_owned(), Tone::Warn),
        (0, keys) => (many(keys, "key"), Tone::Plain),
        (secrets, 0) => (many(secrets, "secret"), Tone::Plain),
        (secrets, keys) => (format!("{secrets} + {}", many(keys, "key")), Tone::Plain),
    };
    vec![
        (client.name.clone(), Tone::Plain),
        (state.to_owned(), tone),
        proof,
        (client.scopes.join(" "), Tone::Plain),
        (moment(model.now, client.created_at), Tone::Plain),
    ]
}

fn verifiers(model: &Model, canvas: &mut Canvas<'_>, focused: bool) {
    let items = model.verifiers.data().map(|all| all.items.as_slice());
    let items = items.unwrap_or_default();
    let silent = items
        .iter()
        .filter(|item| item.state == VerifierState::Silent);
    let sorted = chrome::sorted(model, Sorted::Verifiers);
    let title = match silent.count() {
        0 => format!("Verifiers ({}){sorted}  Tab goes there", items.len()),
        silent => format!(
            "Verifiers ({}), {silent} SILENT{sorted}  Tab goes there",
            items.len()
        ),
    };
    let mut inside = canvas.pane(&title, &model.age_now(&model.verifiers), focused);
    if table::nothing(
        &mut inside,
        &model.verifiers,
        items.is_empty(),
        "nobody reports",
    ) {
        return;
    }
    table::heading(&mut inside, VERIFIERS);
    let at = items
        .iter()
        .position(|item| Some(item.id) == model.at_verifier);
    let height = usize::from(inside.rows().saturating_sub(1)).max(1);
    let top = at.map_or(0, |at| (at + 1).saturating_sub(height));
    for (y, (index, item)) in (1..).zip(items.iter().enumerate().skip(top).take(height)) {
        let stand = Stand {
            selected: focused && Some(index) == at,
            ..Stand::default()
        };
        table::row(&mut inside, y, VERIFIERS, &verifier_cells(item), stand);
    }
}

/// Milliseconds as people read them: `840 ms`, `12 s`.
fn milliseconds(number: u64) -> String {
    if number < 1_000 {
        format!("{number} ms")
    } else {
        span(Duration::seconds(
            i64::try_from(number / 1_000).unwrap_or(i64::MAX),
        ))
    }
}

fn verifier_cells(item: &Verifier) -> Vec<(String, Tone)> {
    let (state, tone) = match item.state {
        VerifierState::Live => ("live", Tone::Good),
        VerifierState::Silent => ("SILENT", Tone::Danger),
    };
    let stale = item
        .staleness_ms
        .map_or_else(|| "unproven".to_owned(), milliseconds);
    let position = item.position.as_deref().unwrap_or_default();
    let position: Vec<String> = (0..)
        .zip(position)
        .map(|(shard, sequence): (usize, _)| format!("{shard}.{sequence}"))
        .collect();
    vec![
        (item.name.clone(), Tone::Plain),
        (state.to_owned(), tone),
        (stale, tone),
        (milliseconds(item.heard_ms_ago), Tone::Plain),
        (item.kids.len().to_string(), Tone::Plain),
        (position.join(" "), Tone::Plain),
    ]
}
