//! The end of the log, as it grows.
//!
//! The log is followed by asking for its newest page and going back until
//! what is known begins. Every message has a sequence in its shard, so what
//! was skipped is known exactly, and shown.

use std::collections::{BTreeMap, VecDeque};

use countersign_openapi::{Event, Page};

use super::pane::Pane;

/// Rows that are held at most; what is older is dropped and counted.
pub const ROWS_MAX: usize = 10_000;
/// Pages that are asked for in a row to close a gap.
const PAGES_MAX: usize = 5;

/// A row of the tail.
#[derive(Debug, Clone, PartialEq)]
pub enum TailRow {
    /// Something happened.
    Event(Box<Event>),
    /// So many messages are not shown, for they came too fast.
    Gap(u64),
}

/// The newest events, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    rows: VecDeque<TailRow>,
    /// Rows that were dropped: the number of the first one that is held.
    dropped: u64,
    /// The last sequence of each shard.
    known: BTreeMap<u64, u64>,
    /// What was read of a round that is not at its end, newest first.
    pending: Vec<Event>,
    pages: usize,
    /// Where the round goes on.
    next: Option<String>,
    /// The number of the row that the cursor stays on; nothing follows.
    held: Option<u64>,
    unseen: u64,
    top: u64,
    /// When it was fetched.
    pub pane: Pane<()>,
}

/// `3.8412` as shard and sequence.
fn place(event: &Event) -> Option<(u64, u64)> {
    let (shard, sequence) = event.position.split_once('.')?;
    Some((shard.parse().ok()?, sequence.parse().ok()?))
}

impl Tail {
    /// Whether it goes with the log.
    pub fn is_live(&self) -> bool {
        self.held.is_none()
    }

    /// Rows that came since it was held.
    pub fn unseen(&self) -> u64 {
        self.unseen
    }

    /// Rows that were dropped because there were too many.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The last sequence of each shard, as a position.
    pub fn positions(&self) -> impl Iterator<Item = String> {
        self.known
            .iter()
            .map(|(shard, sequence)| format!("{shard}.{sequence}"))
    }

    /// The cursor to ask with next; nothing for the end of the log.
    pub fn cursor(&self) -> Option<String> {
        self.next.clone()
    }

    /// Takes a page in, newest first.
    pub fn absorb(&mut self, page: Page<Event>) {
        let is_first = self.known.is_empty();
        let more = page.next;
        self.pages += 1;
        let known = &self.known;
        let new = page.items.into_iter().filter(|event| {
            let Some((shard, sequence)) = place(event) else {
                return false;
            };
            known.get(&shard).is_none_or(|last| sequence > *last)
        });
        self.pending.extend(new);
        let missing = self.missing();
        self.next = more.filter(|_| missing > 0 && !is_first && self.pages < PAGES_MAX);
        if self.next.is_some() {
            return;
        }
        if missing > 0 && !is_first {
            self.push(TailRow::Gap(missing));
        }
        let pending = std::mem::take(&mut self.pending);
        self.pages = 0;
        for event in pending.iter().rev() {
            if let Some((shard, sequence)) = place(event) {
                let last = self.known.entry(shard).or_insert(sequence);
                *last = sequence.max(*last);
            }
        }
        for event in in_order(pending) {
            self.push(TailRow::Event(Box::new(event)));
        }
    }

    /// Messages between what is known and what is pending.
    fn missing(&self) -> u64 {
        let mut first: BTreeMap<u64, u64> = BTreeMap::new();
        for (shard, sequence) in self.pending.iter().filter_map(place) {
            let lowest = first.entry(shard).or_insert(sequence);
            *lowest = sequence.min(*lowest);
        }
        let gaps = first.iter().filter_map(|(shard, first)| {
            let last = self.known.get(shard)?;
            Some(first.saturating_sub(last + 1))
        });
        gaps.sum()
    }

    fn push(&mut self, row: TailRow) {
        self.rows.push_back(row);
        if self.held.is_some() {
            self.unseen += 1;
        }
        if self.rows.len() > ROWS_MAX {
            self.rows.pop_front();
            self.dropped += 1;
        }
    }

    fn end(&self) -> u64 {
        self.dropped + self.rows.len() as u64
    }

    /// The number of the row the cursor is on.
    fn cursor_row(&self) -> u64 {
        let last = self.end().saturating_sub(1);
        self.held
            .unwrap_or(last)
            .clamp(self.dropped, last.max(self.dropped))
    }

    /// Stays where it is, or goes with the log.
    pub fn hold(&mut self, hold: bool) {
        self.held = hold.then(|| self.cursor_row());
        self.unseen = 0;
    }

    /// Moves the cursor among the rows that fit; upwards it stays, and at the
    /// last row it goes with the log again.
    pub fn step(&mut self, rows: isize, fits: impl Fn(&TailRow) -> bool) {
        let mut at = self.cursor_row();
        let forward = rows > 0;
        let mut left = rows.unsigned_abs();
        let mut candidate = at;
        while left > 0 {
            let further = if forward {
                candidate.checked_add(1).filter(|next| *next < self.end())
            } else {
                candidate
                    .checked_sub(1)
                    .filter(|next| *next >= self.dropped)
            };
            let Some(further) = further else { break };
            candidate = further;
            if self.row(candidate).is_some_and(&fits) {
                at = candidate;
                left -= 1;
            }
        }
        let at_end = forward && left > 0;
        self.held = (!at_end).then_some(at);
        if at_end {
            self.unseen = 0;
        }
    }

    fn row(&self, number: u64) -> Option<&TailRow> {
        let at = usize::try_from(number.checked_sub(self.dropped)?).ok()?;
        self.rows.get(at)
    }

    /// The event of the cursor.
    pub fn selected(&self) -> Option<&Event> {
        self.row(self.cursor_row())?.event()
    }

    /// The rows that fit the filter and the screen, each with whether the
    /// cursor is on it: the cursor's row and what is before and after it.
    pub fn shown(&self, height: usize, fits: impl Fn(&TailRow) -> bool) -> Vec<(&TailRow, bool)> {
        let cursor = self.cursor_row();
        let numbered = |range: std::ops::Range<u64>| {
            range.filter_map(|number| Some((number, self.row(number)?)))
        };
        let first = self.top.clamp(self.dropped, cursor.max(self.dropped));
        let mut shown: Vec<(u64, &TailRow)> = numbered(first..self.end())
            .filter(|(_, row)| fits(row))
            .take(height)
            .collect();
        let is_inside = shown.iter().any(|(number, _)| *number >= cursor);
        if !is_inside || shown.len() < height {
            // The screen's last row is the cursor's, or the last there is.
            let end = if self.is_live() {
                self.end()
            } else {
                (cursor + 1).max(first)
            };
            let end = if is_inside { self.end() } else { end };
            shown = numbered(self.dropped..end)
                .rev()
                .filter(|(_, row)| fits(row))
                .take(height)
                .collect();
            shown.reverse();
        }
        let shown = shown.into_iter();
        shown.map(|(number, row)| (row, number == cursor)).collect()
    }

    /// Keeps the cursor visible on so many rows.
    pub fn settle(&mut self, height: usize) {
        let height = height.max(1) as u64;
        let cursor = self.cursor_row();
        let lowest = (cursor + 1).saturating_sub(height);
        self.top = self.top.max(lowest).min(cursor);
    }

    /// All rows that are held, oldest first.
    pub fn rows(&self) -> impl Iterator<Item = &TailRow> {
        self.rows.iter()
    }
}

impl TailRow {
    /// The event, if it is one.
    pub fn event(&self) -> Option<&Event> {
        match self {
            Self::Event(event) => Some(event),
            Self::Gap(_) => None,
        }
    }
}

/// Newest first becomes oldest first; the events of one message keep their
/// own order.
fn in_order(newest_first: Vec<Event>) -> Vec<Event> {
    let mut ordered: VecDeque<Event> = VecDeque::with_capacity(newest_first.len());
    let mut message: Vec<Event> = Vec::new();
    for event in newest_first {
        if message
            .last()
            .is_some_and(|last| last.position != event.position)
        {
            for earlier in std::mem::take(&mut message).into_iter().rev() {
                ordered.push_front(earlier);
            }
        }
        message.push(event);
    }
    for earlier in message.into_iter().rev() {
        ordered.push_front(earlier);
    }
    ordered.into()
}

#[cfg(test)]
mod tests {
    use made::event;

    use super::*;

    mod made {
        use countersign_openapi::Event;
        use serde_json::json;

        /// A refresh at a position, as the wire brings it.
        pub(super) fn event(position: &str) -> Event {
            serde_json::from_value(json!({
                "id": "019a2b3c-5a02-7a11-8e00-0a0b0c0d0e07", "position": position,
                "noun": "session", "subject_id": "019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07",
                "name": "refreshed", "version": 1, "occurred_at": "2026-11-22T14:23:11Z",
                "actor": {"kind": "system"},
                "correlation_id": "019a2b3c-5a00-7000-8000-000000000007", "payload": {}
            }))
            .expect("an event")
        }
    }

    fn page(positions: &[&str], next: Option<&str>) -> Page<Event> {
        Page {
            items: positions.iter().map(|position| event(position)).collect(),
            next: next.map(str::to_owned),
        }
    }

    fn rows(tail: &Tail) -> Vec<String> {
        let rows = tail.rows.iter().map(|row| match row {
            TailRow::Event(event) => event.position.clone(),
            TailRow::Gap(gap) => format!("gap {gap}"),
        });
        rows.collect()
    }

    #[test]
    fn a_round_goes_back_to_what_is_known_and_says_what_it_skipped() {
        let mut tail = Tail::default();
        tail.absorb(page(&["0.2", "1.1", "0.1"], Some("x")));
        assert_eq!(rows(&tail), ["0.1", "1.1", "0.2"]);
        assert_eq!(tail.cursor(), None);
        tail.absorb(page(&["0.5", "0.4"], Some("a")));
        assert_eq!(tail.cursor().as_deref(), Some("a"), "0.3 is missing");
        tail.absorb(page(&["0.3", "0.2"], Some("b")));
        assert_eq!(tail.cursor(), None);
        assert_eq!(rows(&tail)[3..], ["0.3", "0.4", "0.5"]);
        for _ in 0..PAGES_MAX {
            tail.absorb(page(&["0.10"], Some("c")));
        }
        assert_eq!(rows(&tail)[6], "gap 4");
        tail.absorb(page(&["0.10"], Some("c")));
        assert_eq!(tail.len(), 12);
    }

    #[test]
    fn the_cursor_stays_on_its_event() {
        let mut tail = Tail::default();
        tail.absorb(page(&["0.3", "0.2", "0.1"], None));
        tail.step(-1, |_| true);
        assert!(!tail.is_live());
        tail.absorb(page(&["0.5", "0.4"], None));
        assert_eq!(
            tail.selected().map(|event| event.position.as_str()),
            Some("0.2")
        );
        assert_eq!(tail.unseen(), 2);
        tail.step(9, |_| true);
        assert!(tail.is_live());
        assert_eq!(tail.unseen(), 0);
    }
}
