//! What may be used once, beside the log of record: shared by every service
//! on it.

use bytes::Bytes;

use crate::append::{Appended, ack, expecting};
use crate::wire::{self, NoAnswer};
use crate::{Log, LogError};

/// The stream of what was used.
pub(crate) fn stream(prefix: &str) -> String {
    format!("{prefix}_USED")
}

/// What its subjects begin with, the last dot included.
pub(crate) fn subjects(prefix: &str) -> String {
    format!("{prefix}.used.")
}

impl Log {
    /// Uses `key` up; false if it was used before, here or by another service.
    /// It is remembered for [`crate::USED_REMEMBERED`] and may be one token of
    /// a subject: letters, digits and hyphens.
    ///
    /// [`LogError::Unknown`] says that it may be used up: it must then not be
    /// taken for unused.
    pub async fn use_up(&self, key: &str) -> Result<bool, LogError> {
        let headers = expecting(0, None);
        let subject = subjects(self.prefix()) + key;
        let answer = wire::request(
            self.client(),
            subject,
            Some(headers),
            Bytes::new(),
            self.deadline(),
        );
        match answer.await {
            Ok(answer) => Ok(matches!(ack(&answer.payload)?, Appended::At(_))),
            Err(NoAnswer::NotSent(error)) => Err(error),
            Err(NoAnswer::Unknown) => Err(LogError::Unknown),
        }
    }
}
