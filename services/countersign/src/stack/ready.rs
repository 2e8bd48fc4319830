//! Waiting until a child accepts connections, or is seen to fail.

use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;
use tokio::time::Instant;

use super::supervisor::Life;
use super::{Child, StackError, logs};

/// A first start creates the database, which a slow disk makes slow; a big
/// log is read back before nats-server listens.
pub(super) const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause between attempts grows with the time that was waited.
const POLL_MIN: Duration = Duration::from_millis(20);

/// The longest pause between attempts.
const POLL_MAX: Duration = Duration::from_millis(250);

/// A child that ended so often while it was waited for does not stay up.
const ENDINGS_MAX: u32 = 3;

/// What one attempt to use a server found.
pub(super) enum Probe {
    /// It serves.
    Ready,
    /// Not yet, and why.
    NotYet(String),
    /// It will not, and why.
    Never(String),
}

/// Whose readiness is waited for, and what to quote if it does not come.
pub(super) struct Waiting<'a> {
    pub(super) child: Child,
    pub(super) log: &'a Path,
    pub(super) secrets: &'a [&'a SecretString],
    pub(super) life: watch::Receiver<Life>,
    pub(super) deadline: Instant,
}

/// Tries until the server serves.
pub(super) async fn until_ready(
    mut waiting: Waiting<'_>,
    probe: impl AsyncFn() -> Probe,
) -> Result<(), StackError> {
    let Waiting {
        child,
        log,
        secrets,
        deadline,
        ..
    } = waiting;
    let endings_before = waiting.life.borrow().endings;
    let started = Instant::now();
    let mut poll = tokio::time::interval(POLL_MIN);
    loop {
        let attempt = tokio::select! {
            attempt = tokio::time::timeout(ATTEMPT_TIMEOUT, probe()) => attempt,
            // It ended: what answers now, or keeps silent, is not it.
            changed = waiting.life.changed() => match changed {
                Ok(()) => Ok(Probe::NotYet("it ended".to_owned())),
                Err(_) => return Err(StackError::SupervisorGone { child }),
            },
        };
        let last = match attempt {
            Ok(Probe::Ready) => return Ok(()),
            Ok(Probe::Never(reason)) => return Err(StackError::Refused { child, reason }),
            Ok(Probe::NotYet(reason)) => reason,
            Err(_) => "it does not answer".to_owned(),
        };
        let life = waiting.life.borrow().clone();
        if life.endings.saturating_sub(endings_before) >= ENDINGS_MAX {
            let (log, tail) = (log.to_owned(), logs::tail(log, secrets));
            return Err(StackError::Ended {
                child,
                status: life.last,
                log,
                tail,
            });
        }
        if Instant::now() >= deadline {
            let (log, tail) = (log.to_owned(), logs::tail(log, secrets));
            let seconds = READY_TIMEOUT.as_secs();
            return Err(StackError::NotReady {
                child,
                seconds,
                last,
                log,
                tail,
            });
        }
        poll.reset_after((started.elapsed() / 8).clamp(POLL_MIN, POLL_MAX));
        poll.tick().await;
    }
}
