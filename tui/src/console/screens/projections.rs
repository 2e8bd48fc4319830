//! Read models: what they do and how far behind they are.

use countersign_openapi::{ProjectionMode, ProjectionState};
use time::Duration;

use super::table::{self, Column, Stand};
use super::{Canvas, Tone, chrome};
use crate::console::model::Model;
use crate::console::sort::Sorted;
use crate::console::text::{ago, count, span};
use crate::console::update::projection;

const COLUMNS: &[Column] = &[
    ("NAME", None),
    ("SHARD", Some(5)),
    ("STATE", Some(10)),
    ("POSITION", Some(12)),
    ("LAG", Some(9)),
    ("RATE/s", Some(7)),
    ("ETA", Some(6)),
];

/// What a read model does, in a word.
pub(super) fn mode(mode: ProjectionMode) -> (&'static str, Tone) {
    match mode {
        ProjectionMode::Running => ("running", Tone::Good),
        ProjectionMode::Rebuilding => ("rebuilding", Tone::Warn),
        ProjectionMode::Retrying => ("retrying", Tone::Warn),
        ProjectionMode::Stopped => ("STOPPED", Tone::Danger),
        ProjectionMode::Unowned => ("unowned", Tone::Danger),
    }
}

pub(super) fn draw(model: &Model, canvas: &mut Canvas<'_>) {
    let (columns, rows) = (canvas.columns(), canvas.rows());
    let items = model
        .projections
        .data()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let chosen = projection(model);
    let at = items
        .iter()
        .position(|item| chosen.is_some_and(|chosen| std::ptr::eq(chosen, item)))
        .unwrap_or_default();
    let below = 5.min(rows);
    let mut pane = canvas.part(0, 0, columns, rows - below);
    let title = format!(
        "Projections{}{}",
        rebuilding(items),
        chrome::sorted(model, Sorted::Projections)
    );
    let mut inside = pane.pane(&title, &model.age_now(&model.projections), true);
    let none = "the service has no read models";
    if !table::nothing(&mut inside, &model.projections, items.is_empty(), none) {
        table::heading(&mut inside, COLUMNS);
        let height = usize::from(inside.rows().saturating_sub(1)).max(1);
        let top = (at + 1).saturating_sub(height);
        for (y, (index, item)) in (1..).zip(items.iter().enumerate().skip(top).take(height)) {
            let stand = Stand {
                selected: index == at,
                ..Stand::default()
            };
            table::row(&mut inside, y, COLUMNS, &cells(item), stand);
        }
    }
    let mut pane = canvas.part(0, rows - below, columns, below);
    let mut inside = pane.pane("What it says", &model.age_now(&model.projections), false);
    if let Some(item) = items.get(at) {
        let owner = item.owner.as_deref().unwrap_or("nobody is named");
        let told = format!(
            "version {}, log end {}, owner: {owner}",
            item.version, item.log_end
        );
        inside.text(1, 0, u16::MAX, &told, Tone::Plain);
        if let Some(fault) = &item.fault {
            let since = ago(model.now, fault.since);
            if item.state == ProjectionMode::Stopped {
                let told = format!(
                    "! stopped at {} {since} ago: {}",
                    fault.position, fault.message
                );
                let rows = inside.wrapped(1, 1, &told, Tone::Danger);
                let way = if item.phase.is_some() {
                    "nothing of it serves; x and b ask for another rebuild"
                } else {
                    "x repairs it"
                };
                inside.text(1, rows + 1, u16::MAX, way, Tone::Dim);
            } else {
                inside.wrapped(1, 1, &format!("! {}", fault.message), Tone::Warn);
            }
        } else if item.state == ProjectionMode::Rebuilding {
            let told = "made anew from the log; the version before serves until it has caught up";
            inside.text(1, 1, u16::MAX, told, Tone::Dim);
        } else if item.state == ProjectionMode::Stopped && item.phase.is_none() {
            inside.text(
                1,
                1,
                u16::MAX,
                "x repairs it: it tries the event again",
                Tone::Dim,
            );
        }
    }
}

/// How far a rebuild is, for the heading; empty if there is none.
fn rebuilding(items: &[ProjectionState]) -> String {
    let under_way = |item: &&ProjectionState| item.state == ProjectionMode::Rebuilding;
    let under_way: Vec<&ProjectionState> = items.iter().filter(under_way).collect();
    if under_way.is_empty() {
        return String::new();
    }
    let left: u64 = under_way.iter().map(|item| item.lag_events).sum();
    let rate: u64 = under_way
        .iter()
        .filter_map(|item| item.events_per_second)
        .sum();
    // The slowest one is when it is over; who says nothing may be it.
    let etas: Option<Vec<u64>> = under_way.iter().map(|item| item.eta_seconds).collect();
    let eta = etas.and_then(|etas| etas.into_iter().max());
    let eta = eta.and_then(|eta| i64::try_from(eta).ok());
    let eta = eta.map_or_else(
        || "ETA unknown".to_owned(),
        |eta| format!("ETA {}", span(Duration::seconds(eta))),
    );
    let (number, left, rate) = (under_way.len(), count(left), count(rate));
    format!("  REBUILDING {number}: {left} events left, {rate}/s, {eta}")
}

fn cells(item: &ProjectionState) -> Vec<(String, Tone)> {
    let (state, tone) = mode(item.state);
    let some = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), count);
    let eta = item.eta_seconds.and_then(|eta| i64::try_from(eta).ok());
    let eta = eta.map_or_else(|| "-".to_owned(), |eta| span(Duration::seconds(eta)));
    let lag = if item.lag_events > 1_000 {
        Tone::Warn
    } else {
        Tone::Plain
    };
    vec![
        (item.name.clone(), Tone::Plain),
        (item.shard.to_string(), Tone::Plain),
        (state.to_owned(), tone),
        (item.position.clone(), Tone::Plain),
        (count(item.lag_events), lag),
        (some(item.events_per_second), Tone::Plain),
        (eta, Tone::Plain),
    ]
}
