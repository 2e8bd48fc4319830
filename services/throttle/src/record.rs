//! What is stored of a count.

use countersign_events::Timestamp;
use countersign_log::LogError;
use serde::{Deserialize, Serialize};

use crate::rules::{Count, Window};

/// The value of a counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    /// Failures since the last success.
    Count(Count),
    /// Events of the last while.
    Window(Window),
}

impl Default for Record {
    fn default() -> Self {
        Self::Count(Count::default())
    }
}

impl Record {
    /// What another program wrote, and this one cannot read, counts as a
    /// failure of the log: nobody gets in by it.
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, LogError> {
        serde_json::from_slice(payload)
            .map_err(|_| LogError::Unfit("a counter cannot be read".into()))
    }

    pub(crate) fn count(&self) -> Count {
        match self {
            Self::Count(count) => *count,
            Self::Window(_) => Count::default(),
        }
    }

    pub(crate) fn window(&self) -> Window {
        match self {
            Self::Count(_) => Window::default(),
            Self::Window(window) => window.clone(),
        }
    }

    /// Whether it is as if there were none.
    pub(crate) fn is_clean(&self) -> bool {
        match self {
            Self::Count(count) => count.consecutive == 0,
            Self::Window(window) => window.last().is_none(),
        }
    }

    /// When it last changed for the worse.
    pub(crate) fn last(&self) -> Timestamp {
        match self {
            Self::Count(count) => count.last,
            Self::Window(window) => window.last().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_pinned() {
        let count = Record::Count(Count {
            consecutive: 7,
            run: 2,
            last: Timestamp::from_millis(5),
        });
        let stored = r#"{"count":{"consecutive":7,"run":2,"last":5}}"#;
        assert_eq!(serde_json::to_string(&count).expect("text"), stored);
        assert_eq!(Record::parse(stored.as_bytes()).expect("a record"), count);
        let stored = r#"{"window":[3,5]}"#;
        let window = Record::parse(stored.as_bytes()).expect("a record");
        assert_eq!(serde_json::to_string(&window).expect("text"), stored);
        assert_eq!(window.last(), Timestamp::from_millis(5));
    }

    #[test]
    fn what_cannot_be_read_is_not_clean() {
        for strange in ["", "{}", r#"{"count":{}}"#, r#"{"other":1}"#] {
            assert!(Record::parse(strange.as_bytes()).is_err(), "{strange}");
        }
    }
}
