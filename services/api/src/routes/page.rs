//! Pages of a list.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_views::PAGE_ROWS_MAX;
use uuid::Uuid;

use crate::denied::Denied;

/// Rows of a page unless the caller says otherwise.
pub(super) fn default_limit() -> u16 {
    50
}

/// Refuses a page size that no list has.
pub(super) fn limit(limit: u16) -> Result<u16, Denied> {
    if (1..=PAGE_ROWS_MAX).contains(&limit) {
        Ok(limit)
    } else {
        Err(Denied::InvalidParameter {
            name: "limit",
            message: "expected 1 to 200",
        })
    }
}

/// Where a page begins: the id of the row before it. It selects nothing that
/// the list's own conditions do not, so a forged one shows nothing new.
pub(crate) struct Cursor;

impl Cursor {
    /// As it stands in `next`.
    pub(crate) fn show(id: Uuid) -> String {
        URL_SAFE_NO_PAD.encode(id.as_bytes())
    }

    /// As it comes back in `after`.
    pub(super) fn parse(text: Option<&str>) -> Result<Option<Uuid>, Denied> {
        let Some(text) = text else {
            return Ok(None);
        };
        let bytes = Some(text)
            .filter(|text| text.len() == 22)
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
            .and_then(|bytes| Uuid::from_slice(&bytes).ok());
        match bytes {
            Some(id) => Ok(Some(id)),
            None => Err(Denied::InvalidParameter {
                name: "after",
                message: "not a cursor of this list",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ab_84_a_cursor_that_was_not_issued_is_refused() {
        let id = Uuid::from_u128(0x0190_c7a2_5b1e_7a6e_9d5b_6b1f_3e2d_4c5a);
        let shown = Cursor::show(id);
        assert_eq!(Cursor::parse(Some(&shown)).expect("reads back"), Some(id));
        for forged in [
            "",
            "x",
            "' or 1=1 --",
            &shown[1..],
            "====",
            &"A".repeat(100_000),
        ] {
            assert!(Cursor::parse(Some(forged)).is_err(), "{forged:.40}");
        }
    }
}
