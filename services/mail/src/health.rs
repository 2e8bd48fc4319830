//! How the mailer is doing.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::trouble::Trouble;

/// How the mailer of this process is doing. Names no one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Mails that were accepted.
    pub sent: u64,
    /// Messages that were put off to try again.
    pub retried: u64,
    /// Mails that were given up: refused for good, or tried for too long.
    pub given_up: u64,
    /// Mails of which nobody knows whether they were accepted, and which are
    /// not sent again.
    pub unknown: u64,
    /// Messages of the log that wait for any mailer, as last counted.
    pub waiting: u64,
    /// What went wrong last.
    pub last_error: Option<String>,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) sent: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) given_up: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) waiting: AtomicU64,
    last_error: Mutex<Option<String>>,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn failed(&self, trouble: &Trouble) {
        self.note(trouble.to_string());
    }

    pub(crate) fn note(&self, text: String) {
        let mut last = self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last = Some(text);
    }

    pub(crate) fn health(&self) -> Health {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let last_error = self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Health {
            sent: read(&self.sent),
            retried: read(&self.retried),
            given_up: read(&self.given_up),
            unknown: read(&self.unknown),
            waiting: read(&self.waiting),
            last_error: last_error.clone(),
        }
    }
}
