//! Reading one's own writes: waiting until the read models have a position.

use std::sync::Arc;
use std::time::Duration;

use countersign_events::Position;
use countersign_log::Log;
use countersign_views::checkpoint;
use futures_util::StreamExt;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::denied::Denied;

/// How far the read models have come, as projectors announce it.
pub struct Projected {
    shards: Arc<[watch::Sender<u64>]>,
    wait: Duration,
    stop: CancellationToken,
}

/// How often Postgres is asked while nothing is announced: announcements are
/// core NATS messages and may be lost.
const ASK_EVERY: Duration = Duration::from_millis(100);

impl Projected {
    /// Starts listening; `wait` bounds every [`Self::reached`].
    pub fn listen(log: &Log, wait: Duration) -> Self {
        let shards: Arc<[_]> = (0..log.shards()).map(|_| watch::Sender::new(0)).collect();
        let stop = CancellationToken::new();
        let listening = listen(log.clone(), Arc::clone(&shards));
        tokio::spawn(stop.clone().run_until_cancelled_owned(listening));
        Self { shards, wait, stop }
    }

    /// Waits until everything up to `position` is in the read models.
    pub async fn reached(&self, pool: &PgPool, position: Position) -> Result<(), Denied> {
        let shard =
            self.shards
                .get(usize::from(position.shard))
                .ok_or(Denied::InvalidParameter {
                    name: "Countersign-Min-Position",
                    message: "no such shard",
                })?;
        let mut known = shard.subscribe();
        if *known.borrow_and_update() >= position.sequence {
            return Ok(());
        }
        let waiting = async {
            loop {
                let stored = checkpoint::positions(pool).await?;
                let here = stored.iter().find(|at| at.shard == position.shard);
                if here.is_some_and(|at| at.sequence >= position.sequence) {
                    return Ok(());
                }
                let announced = known.wait_for(|sequence| *sequence >= position.sequence);
                if let Ok(Ok(_)) = tokio::time::timeout(ASK_EVERY, announced).await {
                    return Ok(());
                }
            }
        };
        tokio::time::timeout(self.wait, waiting)
            .await
            .unwrap_or(Err(Denied::PositionNotReached))
    }
}

impl Drop for Projected {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn listen(log: Log, shards: Arc<[watch::Sender<u64>]>) {
    let subject = format!("{}.projected.*", log.prefix());
    let Ok(mut announcements) = log.client().subscribe(subject).await else {
        tracing::warn!("positions of read models are not heard, only asked for");
        return;
    };
    while let Some(message) = announcements.next().await {
        let shard = message
            .subject
            .rsplit('.')
            .next()
            .and_then(|token| token.parse::<usize>().ok());
        let sequence = std::str::from_utf8(&message.payload)
            .ok()
            .and_then(|text| text.parse::<u64>().ok());
        if let (Some(shard), Some(sequence)) = (shard.and_then(|shard| shards.get(shard)), sequence)
        {
            shard.send_if_modified(|known| {
                let newer = sequence > *known;
                *known = sequence.max(*known);
                newer
            });
        }
    }
}
