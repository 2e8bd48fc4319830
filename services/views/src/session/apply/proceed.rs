//! A session that goes on where others of its account ended.

use countersign_events::SessionId;
use sqlx::PgConnection;

use crate::{ViewError, number};

/// A session outlives a change of its account that ended the others.
///
/// Whether that takes back an end depends on what ended it, and when: which is
/// in the table, and not in the batch. So it is written by itself, when all
/// that came before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Continuation {
    pub id: SessionId,
    /// The account's epoch that the session is of from now on.
    pub epoch: u64,
    pub sequence: u64,
}

/// Raises the session's epoch and takes back an end that came from its account
/// at that epoch or before. If the account has ended its sessions once more
/// since, that ends this one too.
pub(crate) async fn proceed(
    connection: &mut PgConnection,
    continuation: &Continuation,
) -> Result<(), ViewError> {
    sqlx::query(
        "update sessions as session set
             epoch = greatest(session.epoch, $2), continued_sequence = $3,
             ended_at = case when found.taken_back then found.at else session.ended_at end,
             ended_by = case when found.taken_back then found.by else session.ended_by end,
             ended_by_id = case when found.taken_back then found.by_id
                 else session.ended_by_id end,
             end_reason = case when found.taken_back then found.reason
                 else session.end_reason end,
             ended_sequence = case when found.taken_back then found.min_epoch
                 else session.ended_sequence end,
             ended_epoch = case when found.taken_back then found.min_epoch
                 else session.ended_epoch end,
             ended_cause = case when found.taken_back then null else session.ended_cause end,
             sequence = $3
         from (
             select old.id, coalesce(old.ended_epoch <= $2, false) as taken_back,
                 later.min_epoch, later.sessions_ended_at as at, later.sessions_ended_by as by,
                 later.sessions_ended_by_id as by_id, later.sessions_ended_reason as reason
             from sessions as old
             left join accounts as later on later.id = old.account_id and later.min_epoch > $2
             where old.id = $1
         ) as found
         where session.id = found.id and session.sequence <= $3",
    )
    .bind(continuation.id.uuid())
    .bind(number::to_stored(continuation.epoch))
    .bind(number::to_stored(continuation.sequence))
    .execute(connection)
    .await?;
    Ok(())
}
