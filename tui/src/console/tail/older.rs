//! What happened before the stream began, page by page.

use std::collections::VecDeque;

use countersign_openapi::{Event, Page};
use time::OffsetDateTime;

use super::{ROWS_MAX, Tail, TailRow, place};

/// Rows before the oldest at which what is older is asked for.
const NEAR: u64 = 50;
/// Pages that are read to fill a screen of which too few rows fit.
const PAGES_MAX: u8 = 10;

/// What of the log before the stream is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Older {
    /// Nothing was asked yet.
    #[default]
    Unknown,
    /// There is more behind this cursor.
    Behind(String),
    /// There is nothing more, or no room for it.
    End,
}

/// A page of what was before, to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Back {
    /// Its cursor; the first page has none.
    pub after: Option<String>,
}

impl Tail {
    /// Whether to ask for what happened before, and the cursor to ask with:
    /// once when the stream is there, whenever the cursor is near the oldest
    /// row or cannot go further up, and for some pages while fewer rows fit
    /// than the screen has.
    pub fn wants_older(&self, height: usize, fits: impl Fn(&TailRow) -> bool) -> Option<Back> {
        let near = self.cursor_row().saturating_sub(self.first) < NEAR;
        match &self.older {
            Older::Unknown => Some(Back { after: None }),
            Older::Behind(cursor)
                if ((near || self.reaching) && !self.is_live())
                    || (self.looked < PAGES_MAX && self.is_short(height, fits)) =>
            {
                Some(Back {
                    after: Some(cursor.clone()),
                })
            }
            _ => None,
        }
    }

    /// Whether fewer rows fit than the screen has.
    fn is_short(&self, height: usize, fits: impl Fn(&TailRow) -> bool) -> bool {
        let fitting = self.rows.iter().rev().filter(|row| fits(row));
        fitting.take(height).count() < height
    }

    /// As far back as was looked, if there is more before that and fewer rows
    /// fit than the screen has.
    pub fn looked_back_to(
        &self,
        height: usize,
        fits: impl Fn(&TailRow) -> bool,
    ) -> Option<OffsetDateTime> {
        let has_more = matches!(self.older, Older::Behind(_));
        let oldest = self.rows.iter().find_map(TailRow::event)?;
        (has_more && self.is_short(height, fits)).then_some(oldest.occurred_at)
    }

    /// Looks back again for what fits another filter.
    pub fn look_back(&mut self) {
        self.looked = 0;
    }

    /// Whether everything that the service has is held.
    pub fn has_beginning(&self) -> bool {
        self.older == Older::End && self.dropped == 0
    }

    /// Takes a page of what happened before, newest first.
    pub fn absorb_older(&mut self, page: Page<Event>) {
        let held = &self.held_messages;
        let new = page.items.into_iter().filter_map(|event| {
            let place = place(&event)?;
            (!held.contains(&place)).then_some((place, event))
        });
        let mut new: Vec<_> = new.collect();
        let room = ROWS_MAX.saturating_sub(self.rows.len());
        self.older = match page.next {
            Some(next) if new.len() <= room => Older::Behind(next),
            _ => Older::End,
        };
        if new.len() > room {
            self.dropped += (new.len() - room) as u64;
            new.truncate(room);
        }
        for ((shard, sequence), _) in &new {
            self.held_messages.insert((*shard, *sequence));
            let last = self.known.entry(*shard).or_insert(*sequence);
            *last = (*last).max(*sequence);
        }
        self.reaching = false;
        self.looked = self.looked.saturating_add(1);
        let was_empty = self.rows.is_empty();
        for event in in_order(new.into_iter().map(|(_, event)| event).collect())
            .into_iter()
            .rev()
        {
            self.rows.push_front(TailRow::Event(Box::new(event)));
            self.first -= 1;
        }
        if was_empty {
            self.top = self.first;
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
