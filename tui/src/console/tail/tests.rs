use countersign_openapi::Page;
use serde_json::json;
use time::macros::datetime;

use super::*;

/// A refresh at a position, as the wire brings it.
fn event(position: &str) -> Event {
    serde_json::from_value(json!({
        "id": "019a2b3c-5a02-7a11-8e00-0a0b0c0d0e07", "position": position,
        "noun": "session", "subject_id": "019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07",
        "name": "refreshed", "version": 1, "occurred_at": "2026-11-22T14:23:11Z",
        "actor": {"kind": "system"},
        "correlation_id": "019a2b3c-5a00-7000-8000-000000000007", "payload": {}
    }))
    .expect("an event")
}

fn page(positions: &[&str], next: Option<&str>) -> Page<Event> {
    Page {
        items: positions.iter().map(|position| event(position)).collect(),
        next: next.map(str::to_owned),
    }
}

fn message(position: &str) -> Followed {
    Followed::Events(vec![event(position)])
}

fn rows(tail: &Tail) -> Vec<String> {
    let rows = tail.rows.iter().map(|row| match row {
        TailRow::Event(event) => event.position.clone(),
        TailRow::Gap { shard, from, to } => format!("gap {shard}.{from}-{to}"),
    });
    rows.collect()
}

/// What is asked for on a screen of one row.
fn wants(tail: &Tail) -> Option<Back> {
    tail.wants_older(1, |_| true)
}

#[test]
fn a_screen_that_nothing_fits_is_filled_from_some_pages_back() {
    let mut tail = Tail::default();
    tail.absorb_older(page(&["0.99"], Some("a")));
    let asks = |tail: &Tail| tail.wants_older(2, |_| false).is_some();
    let mut pages = 1;
    while asks(&tail) {
        pages += 1;
        let position = format!("0.{}", 99 - pages);
        tail.absorb_older(page(&[&position], Some("b")));
    }
    assert_eq!(pages, 10, "not the whole log");
    let at = tail.looked_back_to(2, |_| false);
    assert_eq!(at, Some(datetime!(2026-11-22 14:23:11 UTC)));
    assert_eq!(tail.looked_back_to(2, |_| true), None);
    tail.step(-1, |_| false);
    assert!(asks(&tail), "k looks further");
    tail.look_back();
    assert!(asks(&tail));
}

#[test]
fn what_comes_both_ways_is_held_once_and_gaps_are_rows() {
    let mut tail = Tail::default();
    tail.take(message("0.3"), false);
    // The page was read a little later than the stream began, and the stream
    // brings the rest of it only now.
    assert_eq!(wants(&tail), Some(Back { after: None }));
    tail.absorb_older(page(&["0.5", "1.1", "0.4", "0.3", "0.2"], Some("a")));
    tail.take(message("0.4"), false);
    tail.take(message("1.1"), false);
    tail.take(message("0.5"), false);
    tail.take(
        Followed::Gap {
            shard: 0,
            from: 6,
            to: 8,
        },
        false,
    );
    tail.take(message("0.9"), false);
    let mut seen = rows(&tail);
    assert_eq!(seen.split_off(4), ["0.3", "gap 0.6-8", "0.9"]);
    assert_eq!(seen, ["0.2", "0.4", "1.1", "0.5"]);
    assert_eq!(tail.positions().collect::<Vec<_>>(), ["0.9", "1.1"]);
}

#[test]
fn what_is_replayed_stands_where_it_happened() {
    let at = |position: &str, minute: u8| {
        let mut event = event(position);
        event.occurred_at =
            datetime!(2026-11-22 14:00:00 UTC) + time::Duration::minutes(minute.into());
        Followed::Events(vec![event])
    };
    let mut tail = Tail::default();
    tail.take(at("0.1", 1), false);
    for (position, minute) in [("0.2", 2), ("0.3", 6), ("1.1", 3), ("1.2", 7), ("2.1", 2)] {
        tail.take(at(position, minute), true);
        if position == "0.3" {
            tail.hold(true);
        }
    }
    assert_eq!(rows(&tail), ["0.1", "0.2", "2.1", "1.1", "0.3", "1.2"]);
    let selected = tail.selected().map(|event| event.position.clone());
    assert_eq!(selected.as_deref(), Some("0.3"), "the cursor stays");
    // An older clock does not turn a shard around.
    tail.take(at("1.3", 0), true);
    assert_eq!(rows(&tail)[5..], ["1.2", "1.3"]);
}

#[test]
fn older_pages_come_when_the_cursor_is_near_them() {
    let mut tail = Tail::default();
    tail.absorb_older(page(&["0.9", "0.8"], Some("a")));
    assert_eq!(wants(&tail), None, "it goes with the log");
    tail.step(-1, |_| true);
    let after = Some("a".to_owned());
    assert_eq!(wants(&tail), Some(Back { after }));
    tail.absorb_older(page(&["0.7", "0.6"], None));
    assert_eq!(rows(&tail), ["0.6", "0.7", "0.8", "0.9"]);
    let selected = tail.selected().map(|event| event.position.clone());
    assert_eq!(selected.as_deref(), Some("0.8"), "the cursor stays");
    assert_eq!(wants(&tail), None);
    assert!(tail.has_beginning());
}

#[test]
fn whoever_finds_no_row_that_fits_looks_further_back() {
    let mut tail = Tail::default();
    let positions: Vec<String> = (100..200).rev().map(|at| format!("0.{at}")).collect();
    let positions: Vec<&str> = positions.iter().map(String::as_str).collect();
    tail.absorb_older(page(&positions, Some("a")));
    let fits = |row: &TailRow| row.event().is_some_and(|event| event.position == "0.199");
    tail.step(-1, fits);
    let after = Some("a".to_owned());
    assert_eq!(wants(&tail), Some(Back { after }));
    tail.absorb_older(page(&["0.99"], Some("b")));
    assert_eq!(wants(&tail), None, "one page a step");
}

#[test]
fn the_cursor_stays_on_its_event() {
    let mut tail = Tail::default();
    tail.absorb_older(page(&["0.3", "0.2", "0.1"], None));
    tail.step(-1, |_| true);
    assert!(!tail.is_live());
    tail.take(message("0.4"), false);
    tail.take(message("0.5"), false);
    assert_eq!(
        tail.selected().map(|event| event.position.as_str()),
        Some("0.2")
    );
    assert_eq!(tail.unseen(), 2);
    tail.take(
        Followed::Beat {
            at: datetime!(2026-11-22 14:03:07 UTC),
            cursor: "x".to_owned(),
        },
        false,
    );
    assert_eq!(tail.unseen(), 2, "a beat is no row");
    tail.step(9, |_| true);
    assert!(tail.is_live());
    assert_eq!(tail.unseen(), 0);
}

#[test]
fn the_ring_is_bounded_and_counts_what_it_drops() {
    let mut tail = Tail::default();
    tail.absorb_older(page(&["0.2", "0.1"], Some("a")));
    for sequence in 3..ROWS_MAX + 8 {
        tail.take(message(&format!("0.{sequence}")), false);
    }
    assert_eq!(tail.len(), ROWS_MAX);
    assert_eq!(tail.held_messages.len(), ROWS_MAX);
    assert_eq!(tail.dropped(), 7);
    tail.step(-1_000_000, |_| true);
    assert_eq!(wants(&tail), None, "there is no room for older ones");
    assert!(!tail.has_beginning());
}
