//! Is it still the same log after a reconnect?

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_events::Position;
use tokio::sync::watch;

use crate::gate::GateState;
use crate::{Log, LogError};

/// What this process has seen of each shard, and for which connection that was
/// compared with what the shard holds.
///
/// A server that comes back with less than it had acknowledged gives sequences
/// a second time. So after every new connection nothing is appended until every
/// shard was found to reach at least as far as it was seen.
pub(crate) struct Continuity {
    seen: Box<[AtomicU64]>,
    compared: watch::Sender<u64>,
}

/// How long the comparison waits before it asks a silent server again.
const AGAIN: Duration = Duration::from_millis(100);

impl Continuity {
    /// Nothing seen yet; the connection of the opening counts as compared, as
    /// the anchor covers it.
    pub(crate) fn new(shards: u8, connects: u64) -> Self {
        Self {
            seen: (0..shards).map(|_| AtomicU64::new(0)).collect(),
            compared: watch::Sender::new(connects),
        }
    }

    /// A message was stored or read at this position.
    pub(crate) fn saw(&self, position: Position) {
        if let Some(seen) = self.seen.get(usize::from(position.shard)) {
            seen.fetch_max(position.sequence, Ordering::Relaxed);
        }
    }

    /// Waits until the current connection was compared.
    pub(crate) async fn compared(&self, connects: u64, within: Duration) -> Result<(), LogError> {
        if *self.compared.borrow() >= connects {
            return Ok(());
        }
        let mut compared = self.compared.subscribe();
        let reached = compared.wait_for(|compared| *compared >= connects);
        match tokio::time::timeout(within, reached).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(LogError::Unavailable(
                "the log is being compared after a reconnect".into(),
            )),
        }
    }
}

/// Compares after each new connection, for as long as the log is open.
pub(crate) async fn watch(log: Log, continuity: Arc<Continuity>) {
    let mut connects = log.connects();
    loop {
        let connection = *connects.borrow_and_update();
        if *continuity.compared.borrow() < connection {
            match compare(&log, &continuity).await {
                Ok(None) => {
                    continuity.compared.send_replace(connection);
                }
                Ok(Some((first_bad, finding))) => {
                    tracing::error!(%first_bad, finding, "the log is damaged; nothing will be appended");
                    log.gate().set(GateState::Damaged { first_bad, finding });
                    return;
                }
                Err(error) => {
                    tracing::debug!(%error, "the log cannot be compared yet");
                    let _ = tokio::time::timeout(AGAIN, connects.changed()).await;
                    continue;
                }
            }
        }
        if connects.changed().await.is_err() {
            return;
        }
    }
}

async fn compare(
    log: &Log,
    continuity: &Continuity,
) -> Result<Option<(Position, String)>, LogError> {
    for (shard, seen) in (0u8..).zip(&continuity.seen) {
        let end = log.last_sequence(shard).await?;
        let seen = seen.load(Ordering::Relaxed);
        if end < seen {
            let first_bad = Position {
                shard,
                sequence: end + 1,
            };
            let finding = format!("shard {shard} ends at {end}, but {seen} was in it");
            return Ok(Some((first_bad, finding)));
        }
    }
    Ok(None)
}
