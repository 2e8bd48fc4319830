//! Pages of a list.

/// The most rows a page may hold.
pub const PAGE_ROWS_MAX: u16 = 200;

/// One page, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The rows.
    pub items: Vec<T>,
    /// What to continue after, if there is more.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// How many rows to ask for: one more than will be shown, to know whether
    /// there is more.
    pub(crate) fn rows_to_ask(limit: u16) -> i64 {
        i64::from(limit.clamp(1, PAGE_ROWS_MAX)) + 1
    }

    /// The page of the rows that [`Page::rows_to_ask`] brought.
    pub(crate) fn of(mut rows: Vec<T>, limit: u16, cursor: impl Fn(&T) -> C) -> Self {
        let limit = usize::from(limit.clamp(1, PAGE_ROWS_MAX));
        let more = rows.len() > limit;
        rows.truncate(limit);
        Self {
            next: rows.last().filter(|_| more).map(cursor),
            items: rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_knows_whether_there_is_more() {
        let page = Page::of(vec![9, 8, 7], 2, |row| *row);
        assert_eq!((page.items, page.next), (vec![9, 8], Some(8)));
        let page = Page::of(vec![9, 8], 2, |row| *row);
        assert_eq!((page.items, page.next), (vec![9, 8], None));
        let page = Page::of(Vec::<u8>::new(), 0, |row| *row);
        assert_eq!((page.items, page.next), (vec![], None));
        assert_eq!(Page::<u8, u8>::rows_to_ask(9_999), 201);
    }
}
