//! The end of the log, as it grows.
//!
//! What happens comes by the service's stream, and what happened before by
//! pages backwards. Every message has a sequence in its shard, so one that
//! comes both ways is held once; what the stream skips is a row of its own.

mod older;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use countersign_openapi::Event;
use time::OffsetDateTime;
use uuid::Uuid;

use self::older::Older;
use super::follow::Follow;
use super::pane::Pane;
use crate::Followed;

pub use self::older::Back;

/// Rows that are held at most; what is older is dropped and counted.
pub const ROWS_MAX: usize = 10_000;
/// The number of the first row; what is older gets lower ones.
const FIRST: u64 = 1 << 40;

/// A row of the tail.
#[derive(Debug, Clone, PartialEq)]
pub enum TailRow {
    /// Something happened.
    Event(Box<Event>),
    /// Messages that the service did not send.
    Gap {
        /// Of this shard.
        shard: u64,
        /// The first sequence that is missing.
        from: u64,
        /// The last one.
        to: u64,
    },
}

/// The newest events, oldest first.
#[derive(Debug, Clone)]
pub struct Tail {
    rows: VecDeque<TailRow>,
    /// The number of the first row that is held.
    first: u64,
    /// Rows that were dropped because there were too many.
    dropped: u64,
    /// The messages of the rows.
    held_messages: BTreeSet<(u64, u64)>,
    /// The last sequence of each shard.
    known: BTreeMap<u64, u64>,
    older: Older,
    /// The number of the row that the cursor stays on; nothing follows.
    held: Option<u64>,
    unseen: u64,
    top: u64,
    /// Whether somebody went up and found no further row that fits.
    reaching: bool,
    /// Pages that were read to fill the screen.
    looked: u8,
    /// The stream.
    pub follow: Follow,
    /// When the stream said something last.
    pub heard: Option<OffsetDateTime>,
    /// The pages of what was before.
    pub pane: Pane<()>,
}

impl Default for Tail {
    fn default() -> Self {
        Self {
            rows: VecDeque::new(),
            first: FIRST,
            dropped: 0,
            held_messages: BTreeSet::new(),
            known: BTreeMap::new(),
            older: Older::Unknown,
            held: None,
            unseen: 0,
            top: FIRST,
            reaching: false,
            looked: 0,
            follow: Follow::default(),
            heard: None,
            pane: Pane::default(),
        }
    }
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

    /// Forgets all rows, where it is not known what came behind them.
    pub fn forget(&mut self) {
        let follow = std::mem::take(&mut self.follow);
        *self = Self {
            follow,
            ..Self::default()
        };
    }

    /// Takes in what the stream brought. What is replayed comes shard by shard
    /// and is put where it happened; within a shard it stays as it comes.
    pub fn take(&mut self, item: Followed, replays: bool) {
        match item {
            Followed::Events(events) => {
                let Some(place) = events.first().and_then(place) else {
                    return;
                };
                // A page may have brought it already.
                if !self.held_messages.insert(place) {
                    return;
                }
                let last = self.known.entry(place.0).or_insert(place.1);
                *last = (*last).max(place.1);
                for event in events {
                    let at = if replays {
                        self.happened(&event, place.0)
                    } else {
                        self.rows.len()
                    };
                    self.insert(at, TailRow::Event(Box::new(event)));
                }
            }
            Followed::Gap { shard, from, to } => {
                self.insert(self.rows.len(), TailRow::Gap { shard, from, to });
            }
            Followed::Beat { .. } | Followed::End => {}
        }
    }

    /// Behind which rows an event of a shard belongs.
    fn happened(&self, event: &Event, shard: u64) -> usize {
        let is_later = |row: &&TailRow| {
            row.event().is_some_and(|known| {
                known.occurred_at > event.occurred_at
                    && place(known).is_some_and(|(other, _)| other != shard)
            })
        };
        self.rows.len() - self.rows.iter().rev().take_while(is_later).count()
    }

    fn insert(&mut self, at: usize, row: TailRow) {
        let number = self.first + at as u64;
        if at < self.rows.len() {
            // Cursor and screen stay on their rows.
            self.held = self.held.map(|held| held + u64::from(held >= number));
            self.top += u64::from(self.top > number);
        }
        self.rows.insert(at, row);
        if self.held.is_some() {
            self.unseen += 1;
        }
        if self.rows.len() > ROWS_MAX
            && let Some(old) = self.rows.pop_front()
        {
            if let Some(place) = old.event().and_then(place) {
                self.held_messages.remove(&place);
            }
            self.first += 1;
            self.dropped += 1;
            self.older = Older::End;
        }
    }

    fn end(&self) -> u64 {
        self.first + self.rows.len() as u64
    }

    /// The number of the row the cursor is on.
    fn cursor_row(&self) -> u64 {
        let last = self.end().saturating_sub(1);
        self.held
            .unwrap_or(last)
            .clamp(self.first, last.max(self.first))
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
                candidate.checked_sub(1).filter(|next| *next >= self.first)
            };
            let Some(further) = further else { break };
            candidate = further;
            if self.row(candidate).is_some_and(&fits) {
                at = candidate;
                left -= 1;
            }
        }
        let at_end = forward && left > 0;
        if !forward && left > 0 {
            self.reaching = true;
            self.looked = 0;
        }
        self.held = (!at_end).then_some(at);
        if at_end {
            self.unseen = 0;
        }
    }

    fn row(&self, number: u64) -> Option<&TailRow> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
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
        let first = self.top.clamp(self.first, cursor.max(self.first));
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
            shown = numbered(self.first..end)
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

    /// Goes to the event with this id, if it is held.
    pub fn go_to(&mut self, id: Uuid) -> bool {
        let found = self.rows.iter().position(|row| {
            let event = row.event();
            event.is_some_and(|event| event.id == id)
        });
        if let Some(found) = found {
            self.held = Some(self.first + found as u64);
        }
        found.is_some()
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
            Self::Gap { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
