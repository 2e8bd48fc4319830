//! The end of all sessions of an account.

use countersign_events::MessageId;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::AccountEnd;
use crate::{ViewError, actor, number};

/// The columns of optional ends.
pub(super) struct EndColumns {
    pub(super) min_epoch: Vec<Option<i64>>,
    pub(super) at: Vec<Option<OffsetDateTime>>,
    pub(super) by: Vec<Option<&'static str>>,
    pub(super) by_id: Vec<Option<Uuid>>,
    pub(super) reason: Vec<Option<&'static str>>,
    pub(super) cause: Vec<Option<Uuid>>,
}

impl EndColumns {
    pub(super) fn of(ends: impl Iterator<Item = Option<AccountEnd>> + Clone) -> Self {
        let by = ends
            .clone()
            .map(|end| end.map(|end| actor::columns(end.by)));
        Self {
            min_epoch: ends
                .clone()
                .map(|end| end.map(|end| number::to_stored(end.sequence)))
                .collect(),
            at: ends
                .clone()
                .map(|end| end.map(|end| end.at.to_datetime()))
                .collect(),
            by: by.clone().map(|by| by.map(|(kind, _)| kind)).collect(),
            by_id: by.map(|by| by.and_then(|(_, id)| id)).collect(),
            cause: ends
                .clone()
                .map(|end| end.and_then(|end| end.cause).map(MessageId::uuid))
                .collect(),
            reason: ends.map(|end| end.map(|end| end.reason.as_str())).collect(),
        }
    }
}

/// Ends the open sessions of the accounts, each by the first event that did.
///
/// Runs after the batch's own changes of sessions: an end of the batch that
/// came later than the account's is taken back, one that came earlier stays.
/// So the rows do not depend on where one batch ends and the next begins.
pub(crate) async fn write_ends(
    connection: &mut PgConnection,
    ends: &[AccountEnd],
) -> Result<(), ViewError> {
    if ends.is_empty() {
        return Ok(());
    }
    let accounts: Vec<Uuid> = ends.iter().map(|end| end.account.uuid()).collect();
    let columns = EndColumns::of(ends.iter().copied().map(Some));
    sqlx::query(
        "update sessions as session set
             ended_at = cause.at, ended_by = cause.by, ended_by_id = cause.by_id,
             end_reason = cause.reason, end_note = null, ended_sequence = cause.sequence,
             ended_epoch = cause.sequence, ended_cause = cause.cause,
             sequence = greatest(session.sequence, cause.sequence)
         from (
             select distinct on (hit.id) hit.id, ended.*
             from unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::text[], $5::uuid[],
                 $6::text[], $7::uuid[])
                 as ended (account_id, sequence, at, by, by_id, reason, cause)
             cross join lateral (
                 select id, epoch, started_sequence, continued_sequence from sessions
                 where account_id = ended.account_id and ended_sequence is null
                 union all
                 select id, epoch, started_sequence, continued_sequence from sessions
                 where account_id = ended.account_id and ended_sequence > ended.sequence
             ) as hit
             where hit.epoch < ended.sequence and hit.started_sequence < ended.sequence
                 and hit.continued_sequence < ended.sequence
             order by hit.id, ended.sequence
         ) as cause
         where session.id = cause.id",
    )
    .bind(accounts)
    .bind(columns.min_epoch)
    .bind(columns.at)
    .bind(columns.by)
    .bind(columns.by_id)
    .bind(columns.reason)
    .bind(columns.cause)
    .execute(connection)
    .await?;
    Ok(())
}
