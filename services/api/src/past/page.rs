//! One page of a list as of a moment, with an end to what it costs.

use std::time::Duration;

use countersign_events::Timestamp;
use countersign_views::PAGE_ROWS_MAX;
use countersign_views::session::AsOf;
use tokio::time::Instant;
use uuid::{Builder, Uuid};

use crate::app::App;
use crate::routes::page::Cursor;

/// How many rows are judged for one page at most.
const ROWS_MAX: usize = 1_000;

/// How many messages are read for one page, but for those of the last rows
/// that are judged side by side.
const MESSAGES_MAX: usize = 20_000;

/// For how long rows are judged for one page after the first: however slow they
/// are to find and to judge, every page has one.
const TIME_MAX: Duration = Duration::from_secs(2);

/// How many rows are judged side by side.
pub(super) const SIDE_BY_SIDE: usize = 16;

/// Rows that are asked for at once at least: most may not be of the list.
const ROWS_AT_ONCE: u16 = 50;

/// How much earlier than in the log an id may have been drawn by a clock that
/// is ahead.
const DRAWN_AHEAD: Duration = Duration::from_mins(5);

/// The id after every one that was drawn at a moment or before: ids begin with
/// their time (UUIDv7).
fn after_all(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.as_millis()).unwrap_or_default();
    Builder::from_unix_timestamp_millis(millis, &[u8::MAX; 10]).into_uuid()
}

impl App {
    /// Where a list as of a moment begins: what came later is not walked over.
    pub(super) fn newest(&self, as_of: &AsOf) -> Uuid {
        let ahead = self.config.clock_skew.saturating_add(DRAWN_AHEAD);
        after_all(as_of.at.plus(ahead))
    }
}

/// A page in the making. It may end before it is full and still have a next:
/// then so much was looked at.
pub(super) struct Page<T> {
    limit: u16,
    items: Vec<T>,
    after: Option<Uuid>,
    rows: usize,
    messages: usize,
    next: Option<Uuid>,
    is_over: bool,
    time: Duration,
    until: Option<Instant>,
}

impl<T> Page<T> {
    /// A page of `limit` items, of what is older than `after`.
    pub(super) fn new(limit: u16, after: Uuid) -> Self {
        Self::within(limit, after, TIME_MAX)
    }

    fn within(limit: u16, after: Uuid, time: Duration) -> Self {
        Self {
            limit,
            items: Vec::new(),
            after: Some(after),
            rows: 0,
            messages: 0,
            next: None,
            is_over: false,
            time,
            until: None,
        }
    }

    /// Whether so much time has passed that what was judged must do.
    fn is_late(&self) -> bool {
        self.until.is_some_and(|until| until <= Instant::now())
    }

    /// How many rows to ask for, and after which; none when the page is over.
    pub(super) fn asks(&mut self) -> Option<(u16, Option<Uuid>)> {
        if !self.is_over && self.is_late() {
            self.next = self.after;
            self.is_over = true;
        }
        let rows = self.limit.saturating_add(1);
        let rows = rows.clamp(ROWS_AT_ONCE, PAGE_ROWS_MAX);
        (!self.is_over).then_some((rows, self.after))
    }

    /// Takes the next row in: what it was, if it is of the list, and how many
    /// messages that took. Answers whether the page is over.
    pub(super) fn take(&mut self, id: Uuid, found: Option<T>, messages: usize) -> bool {
        let is_full = self.items.len() == usize::from(self.limit);
        let is_costly = self.rows == ROWS_MAX || self.messages >= MESSAGES_MAX;
        if is_full || is_costly || self.is_late() {
            self.next = self.after;
            self.is_over = true;
            return true;
        }
        self.until.get_or_insert(Instant::now() + self.time);
        self.after = Some(id);
        self.rows += 1;
        self.messages += messages;
        self.items.extend(found);
        false
    }

    /// There are no more rows.
    pub(super) fn ended(&mut self) {
        self.is_over = true;
    }

    /// Its items as they are answered, and the cursor of the next page.
    pub(super) fn done<W>(self, show: impl FnMut(T) -> W) -> (Vec<W>, Option<String>) {
        let items = self.items.into_iter().map(show).collect();
        (items, self.next.map(Cursor::show))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> Uuid {
        Uuid::from_u128(1_000_000 - n as u128)
    }

    #[test]
    fn ids_of_before_are_before_the_bound() {
        let at = Timestamp::from_millis(1_795_356_187_000);
        let drawn = |millis: i64| {
            let at = Timestamp::from_millis(at.as_millis() + millis);
            countersign_events::AccountId::generate(at, [u8::MAX; 10]).uuid()
        };
        assert!(drawn(0) <= after_all(at) && drawn(-1) < after_all(at));
        assert!(drawn(1) > after_all(at));
    }

    #[test]
    fn a_page_ends_when_it_is_full_and_goes_on_after_what_it_saw() {
        let mut page = Page::new(2, Uuid::max());
        assert_eq!(page.asks(), Some((50, Some(Uuid::max()))));
        assert!(!page.take(id(0), None, 3));
        assert!(!page.take(id(1), Some(1), 0));
        assert!(!page.take(id(2), Some(2), 0));
        assert!(page.take(id(3), Some(3), 0));
        assert_eq!(page.asks(), None);
        let (items, next) = page.done(|item| item);
        assert_eq!(items, [1, 2]);
        assert_eq!(next, Some(Cursor::show(id(2))));
    }

    #[test]
    fn a_page_ends_when_it_took_long_but_not_before_it_has_judged_a_row() {
        let mut page = Page::within(200, Uuid::max(), Duration::ZERO);
        assert_eq!(page.asks(), Some((200, Some(Uuid::max()))));
        assert!(!page.take(id(0), Some(1), 0));
        assert!(page.take(id(1), Some(2), 0));
        assert_eq!(page.asks(), None);
        assert_eq!(page.done(|item| item), (vec![1], Some(Cursor::show(id(0)))));

        // It does not ask for more rows either.
        let mut page = Page::within(200, Uuid::max(), Duration::ZERO);
        assert!(!page.take(id(0), None::<u8>, 0));
        assert_eq!(page.asks(), None);
        assert_eq!(page.done(|item| item).1, Some(Cursor::show(id(0))));

        // Where nothing is left there is no next, however long it took.
        let mut page = Page::within(200, Uuid::max(), Duration::ZERO);
        assert!(!page.take(id(0), Some(1), 0));
        page.ended();
        assert_eq!(page.asks(), None);
        assert_eq!(page.done(|item| item).1, None);
    }

    #[test]
    fn a_page_ends_when_it_cost_enough_and_where_nothing_is_left() {
        let mut page = Page::new(200, Uuid::max());
        assert_eq!(page.asks(), Some((200, Some(Uuid::max()))));
        for n in 0..ROWS_MAX {
            assert!(!page.take(id(n), None::<u8>, 0));
        }
        assert!(page.take(id(ROWS_MAX), None, 0));
        let (items, next) = page.done(|item| item);
        assert!(items.is_empty());
        assert_eq!(next, Some(Cursor::show(id(ROWS_MAX - 1))));

        let mut page = Page::new(200, Uuid::max());
        assert!(!page.take(id(0), Some(1), MESSAGES_MAX));
        assert!(page.take(id(1), Some(2), 0));
        assert_eq!(page.done(|item| item).1, Some(Cursor::show(id(0))));

        let mut page = Page::new(200, Uuid::max());
        assert!(!page.take(id(0), Some(1), 0));
        page.ended();
        assert_eq!(page.asks(), None);
        assert_eq!(page.done(|item| item).1, None);
    }
}
