//! The statements that write accounts, and the end of all sessions of one.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{AccountEnd, AccountPatch, Changes, NameChange, NewAccount};
use crate::{ViewError, actor, number, text};

/// The columns of optional ends.
struct EndColumns {
    min_epoch: Vec<Option<i64>>,
    at: Vec<Option<OffsetDateTime>>,
    by: Vec<Option<&'static str>>,
    by_id: Vec<Option<Uuid>>,
    reason: Vec<Option<&'static str>>,
}

impl EndColumns {
    fn of(ends: impl Iterator<Item = Option<AccountEnd>> + Clone) -> Self {
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
            reason: ends.map(|end| end.map(|end| end.reason.as_str())).collect(),
        }
    }
}

/// Writes the rows of a shard: one statement for those that came to be and one
/// for those that changed.
pub(crate) async fn write(
    connection: &mut PgConnection,
    shard: u8,
    changes: &Changes,
) -> Result<(), ViewError> {
    if !changes.created.is_empty() {
        insert(connection, shard, &changes.created).await?;
    }
    if !changes.patched.is_empty() {
        update(connection, &changes.patched).await?;
    }
    Ok(())
}

fn lowered(text: Option<&String>) -> Option<String> {
    text.map(|text| text.to_lowercase())
}

async fn insert(
    connection: &mut PgConnection,
    shard: u8,
    rows: &[NewAccount],
) -> Result<(), ViewError> {
    let ends = EndColumns::of(rows.iter().map(|row| row.end));
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.uuid()).collect();
    let emails: Vec<Option<&str>> = rows.iter().map(|row| row.email.as_deref()).collect();
    let emails_lower: Vec<_> = rows.iter().map(|row| lowered(row.email.as_ref())).collect();
    let names: Vec<Option<&str>> = rows.iter().map(|row| row.display_name.as_deref()).collect();
    let names_lower: Vec<_> = rows
        .iter()
        .map(|row| lowered(row.display_name.as_ref()))
        .collect();
    let roles: Vec<_> = rows
        .iter()
        .map(|row| text::array_literal(&row.roles))
        .collect();
    let created: Vec<_> = rows
        .iter()
        .map(|row| row.created_at.to_datetime())
        .collect();
    let sequences: Vec<_> = rows
        .iter()
        .map(|row| number::to_stored(row.sequence))
        .collect();
    sqlx::query(
        "insert into accounts as old (
             id, email, email_lower, display_name, display_name_lower, roles, created_at,
             min_epoch, sessions_ended_at, sessions_ended_by, sessions_ended_by_id,
             sessions_ended_reason, shard, sequence)
         select new.id, new.email, new.email_lower, new.display_name, new.display_name_lower,
             new.roles::text[], new.created_at, coalesce(new.min_epoch, 0), new.ended_at,
             new.ended_by, new.ended_by_id, new.ended_reason, $14, new.sequence
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::timestamptz[], $8::bigint[], $9::timestamptz[], $10::text[], $11::uuid[],
             $12::text[], $13::bigint[])
             as new (id, email, email_lower, display_name, display_name_lower, roles, created_at,
             min_epoch, ended_at, ended_by, ended_by_id, ended_reason, sequence)
         on conflict (id) do update set
             email = excluded.email, email_lower = excluded.email_lower,
             display_name = excluded.display_name,
             display_name_lower = excluded.display_name_lower, roles = excluded.roles,
             created_at = excluded.created_at, min_epoch = excluded.min_epoch,
             sessions_ended_at = excluded.sessions_ended_at,
             sessions_ended_by = excluded.sessions_ended_by,
             sessions_ended_by_id = excluded.sessions_ended_by_id,
             sessions_ended_reason = excluded.sessions_ended_reason,
             shard = excluded.shard, sequence = excluded.sequence
         where old.sequence < excluded.sequence",
    )
    .bind(ids)
    .bind(emails)
    .bind(emails_lower)
    .bind(names)
    .bind(names_lower)
    .bind(roles)
    .bind(created)
    .bind(ends.min_epoch)
    .bind(ends.at)
    .bind(ends.by)
    .bind(ends.by_id)
    .bind(ends.reason)
    .bind(sequences)
    .bind(i16::from(shard))
    .execute(connection)
    .await?;
    Ok(())
}

async fn update(connection: &mut PgConnection, rows: &[AccountPatch]) -> Result<(), ViewError> {
    let ends = EndColumns::of(rows.iter().map(|row| row.end));
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.uuid()).collect();
    let mut renamed = Vec::with_capacity(rows.len());
    let mut names: Vec<Option<&str>> = Vec::with_capacity(rows.len());
    let mut names_lower = Vec::with_capacity(rows.len());
    for row in rows {
        let name = match &row.display_name {
            NameChange::Kept => None,
            NameChange::To(name) => name.as_ref(),
        };
        renamed.push(row.display_name != NameChange::Kept);
        names.push(name.map(String::as_str));
        names_lower.push(lowered(name));
    }
    let sequences: Vec<_> = rows
        .iter()
        .map(|row| number::to_stored(row.sequence))
        .collect();
    sqlx::query(
        "update accounts as old set
             display_name = case when new.renamed then new.display_name
                 else old.display_name end,
             display_name_lower = case when new.renamed then new.display_name_lower
                 else old.display_name_lower end,
             min_epoch = coalesce(new.min_epoch, old.min_epoch),
             sessions_ended_at = case when new.min_epoch is null then old.sessions_ended_at
                 else new.ended_at end,
             sessions_ended_by = case when new.min_epoch is null then old.sessions_ended_by
                 else new.ended_by end,
             sessions_ended_by_id = case when new.min_epoch is null
                 then old.sessions_ended_by_id else new.ended_by_id end,
             sessions_ended_reason = case when new.min_epoch is null
                 then old.sessions_ended_reason else new.ended_reason end,
             sequence = new.sequence
         from unnest($1::uuid[], $2::boolean[], $3::text[], $4::text[], $5::bigint[],
             $6::timestamptz[], $7::text[], $8::uuid[], $9::text[], $10::bigint[])
             as new (id, renamed, display_name, display_name_lower, min_epoch, ended_at,
             ended_by, ended_by_id, ended_reason, sequence)
         where old.id = new.id and old.sequence < new.sequence",
    )
    .bind(ids)
    .bind(renamed)
    .bind(names)
    .bind(names_lower)
    .bind(ends.min_epoch)
    .bind(ends.at)
    .bind(ends.by)
    .bind(ends.by_id)
    .bind(ends.reason)
    .bind(sequences)
    .execute(connection)
    .await?;
    Ok(())
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
             sequence = greatest(session.sequence, cause.sequence)
         from (
             select distinct on (hit.id) hit.id, ended.*
             from unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::text[], $5::uuid[],
                 $6::text[]) as ended (account_id, sequence, at, by, by_id, reason)
             cross join lateral (
                 select id, epoch, started_sequence from sessions
                 where account_id = ended.account_id and ended_sequence is null
                 union all
                 select id, epoch, started_sequence from sessions
                 where account_id = ended.account_id and ended_sequence > ended.sequence
             ) as hit
             where hit.epoch < ended.sequence and hit.started_sequence < ended.sequence
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
    .execute(connection)
    .await?;
    Ok(())
}
