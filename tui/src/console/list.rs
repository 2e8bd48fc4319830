//! A long list, of which only a window is held.
//!
//! The service hands out pages by cursor, newest first. The list holds a few
//! of them around the selection, remembers the cursors of the others, and
//! draws only what is visible. The selection and the marks are ids, never
//! places: while rows come and go they stay where they were put. New rows
//! appear on top only while nobody has touched the list; then they are
//! counted instead, until [`List::restart`].

mod merge;

use std::collections::BTreeSet;
use std::ops::Range;

use countersign_openapi::{Account, Session};
use uuid::Uuid;

use super::order::TARGETS_MAX;
use super::pane::Pane;

/// Rows asked for at once.
pub const PAGE: usize = 200;
/// Rows that are held at once while nothing is marked.
const ROWS_HELD: usize = 5 * PAGE;
/// Pages whose cursors are remembered.
const PAGES_MAX: usize = 10_000;
/// Pages held at most, with marks.
const PAGES_MARKED: usize = 50;
/// Pages in a row without a fitting row, before the list stops asking.
const DRY_MAX: u8 = 10;
/// Rows before an end at which the next page is asked for.
const AHEAD: usize = 50;

/// Something a list holds.
pub trait Row {
    /// What tells it from all others.
    fn id(&self) -> Uuid;
}

impl Row for Session {
    fn id(&self) -> Uuid {
        self.id
    }
}

impl Row for Account {
    fn id(&self) -> Uuid {
        self.id
    }
}

#[derive(Debug, Clone, Default)]
struct Slot {
    /// The cursor that brings it; the first page has none.
    after: Option<String>,
    /// Rows of it that fit the filter.
    count: usize,
    /// The cursor of the page behind it.
    next: Option<String>,
}

/// A page to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    page: usize,
    /// Its cursor; the first page has none.
    pub after: Option<String>,
}

/// A row, and how it stands.
#[derive(Debug)]
pub struct Shown<'a, T> {
    /// The row.
    pub row: &'a T,
    /// Whether the cursor is on it.
    pub selected: bool,
    /// Whether it is marked.
    pub marked: bool,
    /// Whether the service lists it no longer.
    pub gone: bool,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct List<T> {
    rows: Vec<T>,
    slots: Vec<Slot>,
    held: Range<usize>,
    selected: usize,
    top: usize,
    height: usize,
    touched: bool,
    fresh: usize,
    marks: BTreeSet<Uuid>,
    anchor: Option<Uuid>,
    gone: BTreeSet<Uuid>,
    dry: u8,
    restarting: bool,
    asking: Option<Wanted>,
    /// When it was fetched, and whether it is being fetched.
    pub pane: Pane<()>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            slots: Vec::new(),
            held: 0..0,
            selected: 0,
            top: 0,
            height: 1,
            touched: false,
            fresh: 0,
            marks: BTreeSet::new(),
            anchor: None,
            gone: BTreeSet::new(),
            dry: 0,
            restarting: false,
            asking: None,
            pane: Pane::default(),
        }
    }
}

impl<T: Row> List<T> {
    /// The rows that are held.
    pub fn rows(&self) -> &[T] {
        &self.rows
    }

    /// The rows that fit on the screen.
    pub fn shown(&self) -> impl Iterator<Item = Shown<'_, T>> {
        let end = (self.top + self.height).min(self.rows.len());
        let start = self.top.min(end);
        let rows = self.rows[start..end].iter().enumerate();
        rows.map(move |(at, row)| Shown {
            row,
            selected: start + at == self.selected,
            marked: self.marks.contains(&row.id()),
            gone: self.gone.contains(&row.id()),
        })
    }

    /// The row the cursor is on.
    pub fn selected(&self) -> Option<&T> {
        self.rows.get(self.selected)
    }

    /// The marked rows, in the list's order.
    pub fn marked(&self) -> impl Iterator<Item = &T> {
        self.rows
            .iter()
            .filter(|row| self.marks.contains(&row.id()))
    }

    /// The marks.
    pub fn marks(&self) -> &BTreeSet<Uuid> {
        &self.marks
    }

    /// Rows that came on top since the list was touched.
    pub fn fresh(&self) -> usize {
        self.fresh
    }

    /// Number of the first and last visible row, from one, and how many rows
    /// are known; with whether there may be more.
    pub fn extent(&self) -> (usize, usize, usize, bool) {
        let above: usize = self.slots[..self.held.start].iter().map(|s| s.count).sum();
        let known: usize = self.slots.iter().map(|slot| slot.count).sum();
        let end = (self.top + self.height).min(self.rows.len());
        let first = (above + self.top + 1).min(above + end);
        let more = self.slots.last().is_some_and(|slot| slot.next.is_some());
        (first, above + end, known, more)
    }

    /// Whether it looked through many rows without finding one that fits.
    pub fn is_dry(&self) -> bool {
        self.dry >= DRY_MAX
    }

    /// The page to ask for now, if one is missing.
    pub fn wanted(&self) -> Option<Wanted> {
        if self.restarting || self.slots.is_empty() {
            return Some(Wanted {
                page: 0,
                after: None,
            });
        }
        let pages_max = if self.marks.is_empty() {
            PAGES_MAX
        } else {
            PAGES_MARKED
        };
        let last = self.held.end.saturating_sub(1);
        if self.selected + AHEAD.max(self.height) >= self.rows.len()
            && !self.is_dry()
            && self.held.len() < pages_max
            && self.held.end < PAGES_MAX
            && let Some(next) = self.slots.get(last).and_then(|slot| slot.next.clone())
        {
            return Some(Wanted {
                page: self.held.end,
                after: Some(next),
            });
        }
        if self.held.start > 0 && self.selected < AHEAD.max(self.height) {
            return Some(self.page(self.held.start - 1));
        }
        None
    }

    fn page(&self, page: usize) -> Wanted {
        let slot = self.slots.get(page);
        Wanted {
            page,
            after: slot.and_then(|slot| slot.after.clone()),
        }
    }

    /// The page to ask for again, to see what has changed: the one that holds
    /// the first visible row.
    pub fn again(&self) -> Wanted {
        let mut rows = 0;
        for page in self.held.clone() {
            rows += self.slots[page].count;
            if self.top < rows {
                return self.page(page);
            }
        }
        self.page(self.held.start)
    }

    /// Notes which page was asked for.
    pub fn ask(&mut self, wanted: Wanted) {
        self.asking = Some(wanted);
    }

    /// The page that was asked for, if any; it is waited for no longer.
    pub fn answered(&mut self) -> Option<Wanted> {
        self.asking.take()
    }

    /// Begins from the top, with whatever is there now.
    pub fn restart(&mut self) {
        self.restarting = true;
        self.touched = false;
        self.fresh = 0;
        self.dry = 0;
        self.pane.expire();
    }

    /// Forgets everything, for another filter.
    pub fn reset(&mut self) {
        let height = self.height;
        *self = Self {
            height,
            ..Self::default()
        };
    }

    fn select(&mut self, index: usize) {
        let index = index.min(self.rows.len().saturating_sub(1));
        self.touched = true;
        if index != self.selected {
            let id = self.rows.get(index).map(Row::id);
            self.selected = index;
            self.sweep(id);
        }
    }

    /// Removes the rows that are listed no longer, and goes to a row.
    fn sweep(&mut self, id: Option<Uuid>) {
        if self.gone.is_empty() {
            return;
        }
        let mut gone = std::mem::take(&mut self.gone);
        if let Some(id) = id
            && gone.remove(&id)
        {
            self.gone.insert(id);
        }
        self.remove(&gone);
        self.find(id);
    }

    /// Puts the cursor on a row, if it is held.
    fn find(&mut self, id: Option<Uuid>) {
        let found = id.and_then(|id| self.rows.iter().position(|row| row.id() == id));
        let last = self.rows.len().saturating_sub(1);
        self.selected = found.unwrap_or(self.selected.min(last));
    }

    /// Moves the cursor by so many rows.
    pub fn step(&mut self, rows: isize) {
        self.select(self.selected.saturating_add_signed(rows));
    }

    /// Moves the cursor to the first row; what came meanwhile comes into view.
    pub fn go_to_top(&mut self) {
        if self.fresh > 0 || self.held.start > 0 {
            self.restart();
        }
        self.select(0);
        self.top = 0;
        self.touched = !self.restarting;
    }

    /// Moves the cursor to the last row that is held, and goes on looking.
    pub fn go_to_bottom(&mut self) {
        self.dry = 0;
        self.select(self.rows.len().saturating_sub(1));
    }

    /// Rows that fit on the screen.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Keeps the cursor visible on a screen of so many rows.
    pub fn settle(&mut self, height: usize) {
        self.height = height.max(1);
        let last_top = self.rows.len().saturating_sub(self.height);
        let lowest = (self.selected + 1).saturating_sub(self.height);
        self.top = self.top.max(lowest).min(self.selected).min(last_top);
    }

    /// Marks the row of the cursor, or takes its mark away.
    pub fn toggle(&mut self) -> Result<(), String> {
        let Some(id) = self.selected().map(Row::id) else {
            return Ok(());
        };
        self.touched = true;
        if !self.marks.remove(&id) {
            self.mark([id])?;
            self.anchor = Some(id);
        }
        Ok(())
    }

    /// Marks from the row that was marked last to the cursor.
    pub fn mark_range(&mut self) -> Result<(), String> {
        self.touched = true;
        let place = |id: Uuid| self.rows.iter().position(|row| row.id() == id);
        let from = self.anchor.and_then(place).unwrap_or(self.selected);
        let range = from.min(self.selected)..=from.max(self.selected);
        let ids: Vec<Uuid> = self
            .rows
            .get(range)
            .into_iter()
            .flatten()
            .map(Row::id)
            .collect();
        self.mark(ids)
    }

    /// Marks all rows that are held and fit.
    pub fn mark_all(&mut self, fits: impl Fn(&T) -> bool) -> Result<(), String> {
        self.touched = true;
        let fitting = self.rows.iter().filter(|row| fits(row));
        let ids: Vec<Uuid> = fitting.map(Row::id).collect();
        self.mark(ids)
    }

    fn mark(&mut self, ids: impl IntoIterator<Item = Uuid>) -> Result<(), String> {
        for id in ids {
            if self.marks.len() >= TARGETS_MAX && !self.marks.contains(&id) {
                return Err(format!("{TARGETS_MAX} marks at most"));
            }
            self.marks.insert(id);
        }
        Ok(())
    }

    /// Takes all marks away.
    pub fn clear_marks(&mut self) {
        self.marks.clear();
        self.anchor = None;
    }
}
