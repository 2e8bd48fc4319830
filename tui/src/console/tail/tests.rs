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

#[test]
fn what_comes_both_ways_is_held_once_and_gaps_are_rows() {
    let mut tail = Tail::default();
    tail.take(message("0.3"));
    // The page was read a little later than the stream began, and the stream
    // brings the rest of it only now.
    assert_eq!(tail.wants_older(), Some(Back { after: None }));
    tail.absorb_older(page(&["0.5", "1.1", "0.4", "0.3", "0.2"], Some("a")));
    tail.take(message("0.4"));
    tail.take(message("1.1"));
    tail.take(message("0.5"));
    tail.take(Followed::Gap {
        shard: 0,
        from: 6,
        to: 8,
    });
    tail.take(message("0.9"));
    let mut seen = rows(&tail);
    assert_eq!(seen.split_off(4), ["0.3", "gap 0.6-8", "0.9"]);
    assert_eq!(seen, ["0.2", "0.4", "1.1", "0.5"]);
    assert_eq!(tail.positions().collect::<Vec<_>>(), ["0.9", "1.1"]);
}

#[test]
fn older_pages_come_when_the_cursor_is_near_them() {
    let mut tail = Tail::default();
    tail.absorb_older(page(&["0.9", "0.8"], Some("a")));
    assert_eq!(tail.wants_older(), None, "it goes with the log");
    tail.step(-1, |_| true);
    let after = Some("a".to_owned());
    assert_eq!(tail.wants_older(), Some(Back { after }));
    tail.absorb_older(page(&["0.7", "0.6"], None));
    assert_eq!(rows(&tail), ["0.6", "0.7", "0.8", "0.9"]);
    let selected = tail.selected().map(|event| event.position.clone());
    assert_eq!(selected.as_deref(), Some("0.8"), "the cursor stays");
    assert_eq!(tail.wants_older(), None);
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
    assert_eq!(tail.wants_older(), Some(Back { after }));
    tail.absorb_older(page(&["0.99"], Some("b")));
    assert_eq!(tail.wants_older(), None, "one page a step");
}

#[test]
fn the_cursor_stays_on_its_event() {
    let mut tail = Tail::default();
    tail.absorb_older(page(&["0.3", "0.2", "0.1"], None));
    tail.step(-1, |_| true);
    assert!(!tail.is_live());
    tail.take(message("0.4"));
    tail.take(message("0.5"));
    assert_eq!(
        tail.selected().map(|event| event.position.as_str()),
        Some("0.2")
    );
    assert_eq!(tail.unseen(), 2);
    tail.take(Followed::Beat {
        at: datetime!(2026-11-22 14:03:07 UTC),
        cursor: "x".to_owned(),
    });
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
        tail.take(message(&format!("0.{sequence}")));
    }
    assert_eq!(tail.len(), ROWS_MAX);
    assert_eq!(tail.held_messages.len(), ROWS_MAX);
    assert_eq!(tail.dropped(), 7);
    tail.step(-1_000_000, |_| true);
    assert_eq!(tail.wants_older(), None, "there is no room for older ones");
    assert!(!tail.has_beginning());
}
