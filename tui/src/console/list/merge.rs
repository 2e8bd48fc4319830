//! How pages become part of the list.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{List, ROWS_HELD, Row, Slot, Wanted};

impl<T: Row> List<T> {
    /// Takes a page in. `items` are those of its rows that fit; `next` is its
    /// cursor to the page behind.
    pub fn absorb(&mut self, wanted: &Wanted, items: Vec<T>, next: Option<String>) {
        let page = wanted.page;
        if self.slots.is_empty() || (self.restarting && page == 0) {
            self.begin(items, next);
        } else if page == self.held.end {
            self.append(wanted, items, next);
        } else if page + 1 == self.held.start {
            self.prepend(items, next);
        } else if self.held.contains(&page) {
            self.renew(page, items, next);
        }
        self.marks
            .retain(|mark| self.rows.iter().any(|row| row.id() == *mark));
    }

    /// Takes a newer version of one row in, if it is held.
    pub fn renew_row(&mut self, row: T) {
        let id = row.id();
        if let Some(old) = self.rows.iter_mut().find(|old| old.id() == id) {
            *old = row;
        }
    }

    fn begin(&mut self, items: Vec<T>, next: Option<String>) {
        self.restarting = false;
        self.dry = u8::from(items.is_empty());
        self.slots = vec![Slot {
            after: None,
            count: items.len(),
            next,
        }];
        self.held = 0..1;
        self.rows = items;
        self.gone.clear();
        self.selected = 0;
        self.top = 0;
    }

    fn append(&mut self, wanted: &Wanted, mut items: Vec<T>, next: Option<String>) {
        // What moved down meanwhile is held already.
        let known: BTreeSet<Uuid> = self.rows.iter().map(Row::id).collect();
        items.retain(|item| !known.contains(&item.id()));
        self.dry = if items.is_empty() { self.dry + 1 } else { 0 };
        let slot = Slot {
            after: wanted.after.clone(),
            count: items.len(),
            next,
        };
        if let Some(old) = self.slots.get_mut(wanted.page) {
            *old = slot;
        } else {
            self.slots.push(slot);
        }
        self.held.end += 1;
        self.rows.extend(items);
        self.evict();
    }

    fn prepend(&mut self, mut items: Vec<T>, next: Option<String>) {
        let known: BTreeSet<Uuid> = self.rows.iter().map(Row::id).collect();
        items.retain(|item| !known.contains(&item.id()));
        self.held.start -= 1;
        let slot = &mut self.slots[self.held.start];
        slot.count = items.len();
        slot.next = next.or(slot.next.take());
        self.selected += items.len();
        self.top += items.len();
        self.rows.splice(0..0, items);
        self.evict();
    }

    /// Drops the page that is farther from the cursor.
    fn evict(&mut self) {
        while self.rows.len() > ROWS_HELD && self.held.len() > 1 && self.marks.is_empty() {
            if self.selected < self.rows.len() / 2 {
                let last = self.slots[self.held.end - 1].count;
                self.rows.truncate(self.rows.len() - last);
                self.held.end -= 1;
            } else {
                let first = self.slots[self.held.start].count;
                self.rows.drain(..first);
                self.selected = self.selected.saturating_sub(first);
                self.top = self.top.saturating_sub(first);
                self.held.start += 1;
            }
        }
    }

    /// Where a page's rows are.
    fn place(&self, page: usize) -> std::ops::Range<usize> {
        let before = &self.slots[self.held.start..page];
        let start: usize = before.iter().map(|slot| slot.count).sum();
        start..start + self.slots[page].count
    }

    /// Takes a page in that is held already.
    fn renew(&mut self, page: usize, items: Vec<T>, next: Option<String>) {
        let id = self.selected().map(Row::id);
        let on_it = id.is_none_or(|id| items.iter().any(|item| item.id() == id));
        if page == 0 && !self.touched && self.held == (0..1) && on_it {
            self.begin(items, next);
            self.find(id);
            return;
        }
        let place = self.place(page);
        let known: BTreeSet<Uuid> = self.rows[place.clone()].iter().map(Row::id).collect();
        let leading = items.iter().take_while(|item| !known.contains(&item.id()));
        let leading = leading.count();
        if page == 0 {
            self.fresh = leading;
        }
        let mut incoming: BTreeMap<Uuid, T> =
            items.into_iter().map(|item| (item.id(), item)).collect();
        let rows = &mut self.rows[place];
        let is_last = next.is_none();
        let listed = rows
            .iter()
            .rposition(|row| incoming.contains_key(&row.id()));
        let mut missing = BTreeSet::new();
        for (at, row) in rows.iter_mut().enumerate() {
            if let Some(newer) = incoming.remove(&row.id()) {
                self.gone.remove(&newer.id());
                *row = newer;
            } else if is_last || listed.is_some_and(|listed| at < listed) {
                missing.insert(row.id());
            }
        }
        if let Some(id) = id
            && missing.remove(&id)
        {
            self.gone.insert(id);
            self.marks.remove(&id);
        }
        self.remove(&missing);
        self.find(id);
    }

    /// Takes rows away, wherever they are.
    pub(super) fn remove(&mut self, ids: &BTreeSet<Uuid>) {
        if ids.is_empty() {
            return;
        }
        let mut at = 0;
        for page in self.held.clone() {
            let slot = &mut self.slots[page];
            let rows = &self.rows[at..at + slot.count];
            at += slot.count;
            slot.count -= rows.iter().filter(|row| ids.contains(&row.id())).count();
        }
        let before = self.rows[..self.selected.min(self.rows.len())]
            .iter()
            .filter(|row| ids.contains(&row.id()))
            .count();
        self.selected -= before;
        self.rows.retain(|row| !ids.contains(&row.id()));
        self.marks.retain(|mark| !ids.contains(mark));
        self.selected = self.selected.min(self.rows.len().saturating_sub(1));
    }
}
