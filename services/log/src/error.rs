//! What can go wrong with the log, kept apart from what a rule refuses.

use std::fmt;

use countersign_events::{DecodeError, Position, Subject};

use crate::SealError;

/// The log could not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// NATS did not answer in time, or is not connected. Nothing was changed,
    /// unless it is [`LogError::Unknown`].
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// An append was sent and no answer came, and reading back did not tell
    /// either. It may be stored; repeating the command with its id is safe.
    #[error("the append's outcome is unknown")]
    Unknown,
    /// Too many others changed the same subject at the same time.
    #[error("too many concurrent changes of {0}")]
    Contended(Subject),
    /// The log must not be appended to: it has not been compared with its
    /// anchor yet, or it is damaged.
    #[error("the log is read-only: {0}")]
    ReadOnly(String),
    /// More messages are on the subject than the question may hold at once.
    #[error("more than {max} messages on {subject}")]
    TooLong {
        /// What they are about.
        subject: Subject,
        /// How many messages it may be.
        max: usize,
    },
    /// A message cannot be read.
    #[error("message {position} on {subject}: {error}")]
    Decode {
        /// Where it stands.
        position: Position,
        /// What it is about.
        subject: Subject,
        /// Why it cannot be read.
        error: DecodeError,
    },
    /// JetStream refused for a reason that will not pass by itself.
    #[error("JetStream refused: {description} ({code})")]
    Refused {
        /// The server's error code.
        code: u64,
        /// The server's words.
        description: String,
    },
    /// The log on the server is not the one this program can work with.
    #[error("{0}")]
    Unfit(String),
    /// A sealed value cannot be sealed or opened.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What was to be stored cannot be encoded.
    #[error("encoding: {0}")]
    Encode(#[from] serde_json::Error),
}

impl LogError {
    /// Whether trying again later can help without anybody's intervention.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Unknown | Self::Contended(_)
        )
    }

    pub(crate) fn unavailable(error: impl fmt::Display) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// A command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R: std::error::Error + 'static> {
    /// A rule said no.
    #[error(transparent)]
    Refused(R),
    /// Something broke.
    #[error(transparent)]
    Failed(#[from] LogError),
}
