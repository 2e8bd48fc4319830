//! Revocation events as changes of rows.

use countersign_events::{
    Actor, Envelope, MessageId, RevocationEvent, RevocationId, RevocationRequested, Timestamp,
};
use sqlx::PgConnection;

use super::RevocationState;
use crate::{ViewError, actor, number};

/// One event as it changes its row. They are few, so each is a statement.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    id: RevocationId,
    sequence: u64,
    at: Timestamp,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    Requested {
        message: MessageId,
        by: Actor,
        fence: Vec<u64>,
    },
    Counted(u64),
    Finished(Finish),
}

/// What came of an order. An order that was cancelled says nothing of what was
/// over already.
#[derive(Debug, PartialEq, Eq)]
struct Finish {
    state: RevocationState,
    ended: u64,
    already_over: Option<u64>,
    failed: Option<u64>,
}

/// Everything a batch changes in revocations, in the order of the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes(Vec<Change>);

impl Changes {
    /// Folds one event in. What is sealed in it stays sealed: no row shows it.
    pub(crate) fn add(&mut self, sequence: u64, header: &Envelope<()>, event: &RevocationEvent) {
        let what = match event {
            RevocationEvent::Requested(RevocationRequested { fence, .. }) => What::Requested {
                message: header.id,
                by: header.actor,
                fence: fence.clone(),
            },
            RevocationEvent::Counted(counted) => What::Counted(counted.matched),
            RevocationEvent::Completed(completed) => What::Finished(Finish {
                state: match completed.failed {
                    0 => RevocationState::Completed,
                    _ => RevocationState::Failed,
                },
                ended: completed.ended,
                already_over: Some(completed.already_over),
                failed: Some(completed.failed),
            }),
            RevocationEvent::Cancelled(cancelled) => What::Finished(Finish {
                state: RevocationState::Cancelled,
                ended: cancelled.ended,
                already_over: None,
                failed: None,
            }),
        };
        self.0.push(Change {
            id: RevocationId::from_uuid(header.subject_id),
            sequence,
            at: header.occurred_at,
            what,
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Writes the rows of a shard.
pub(crate) async fn write(
    connection: &mut PgConnection,
    shard: u8,
    changes: &Changes,
) -> Result<(), ViewError> {
    for change in &changes.0 {
        match &change.what {
            What::Requested { message, by, fence } => {
                let (by, by_id) = actor::columns(*by);
                let fence: Vec<i64> = fence.iter().copied().map(number::to_stored).collect();
                sqlx::query(
                    "insert into revocations (id, message, requested_by, requested_by_id,
                         requested_at, fence, shard, sequence)
                     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing",
                )
                .bind(change.id.uuid())
                .bind(message.uuid())
                .bind(by)
                .bind(by_id)
                .bind(change.at.to_datetime())
                .bind(fence)
                .bind(i16::from(shard))
                .bind(number::to_stored(change.sequence))
                .execute(&mut *connection)
                .await?;
            }
            What::Counted(matched) => {
                sqlx::query(
                    "update revocations set matched = $2, counted_at = $3, state = $4,
                         sequence = $5
                     where id = $1 and sequence < $5",
                )
                .bind(change.id.uuid())
                .bind(number::to_stored(*matched))
                .bind(change.at.to_datetime())
                .bind(RevocationState::Running.as_str())
                .bind(number::to_stored(change.sequence))
                .execute(&mut *connection)
                .await?;
            }
            What::Finished(finish) => {
                sqlx::query(
                    "update revocations set state = $2, ended = $3, already_over = $4,
                         failed = $5, finished_at = $6, sequence = $7
                     where id = $1 and sequence < $7",
                )
                .bind(change.id.uuid())
                .bind(finish.state.as_str())
                .bind(number::to_stored(finish.ended))
                .bind(finish.already_over.map(number::to_stored))
                .bind(finish.failed.map(number::to_stored))
                .bind(change.at.to_datetime())
                .bind(number::to_stored(change.sequence))
                .execute(&mut *connection)
                .await?;
            }
        }
    }
    Ok(())
}
