//! Why a rebuild or verification did not come to an end.

use countersign_log::LogError;
use countersign_views::{Refused, ViewError};

use crate::{Damage, StuckEvent};

/// Why a rebuild, a switch or a verification failed. What is served is what
/// was served before.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// It makes no sense now: another one is running, or there is nothing to
    /// switch back to.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The log is not what it was when it was projected.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// An event cannot be projected.
    #[error(transparent)]
    Stuck(#[from] StuckEvent),
    /// Postgres.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
}
