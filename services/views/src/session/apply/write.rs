//! The statements that write sessions.

use countersign_events::{MessageId, Timestamp};
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Changes, NewSession, Seen, SessionEnd, SessionPatch};
use crate::{ViewError, actor, number, text};

/// Writes the rows of a shard: one statement for those that came to be and one
/// for those that changed.
///
/// Must run before the accounts of the same batch are written: a sign-in is
/// judged by what its account was *before* the batch, and what happened within
/// the batch is already folded in.
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

/// One value a row, in the order of the rows.
fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// The columns of optional ends.
struct EndColumns<'a> {
    at: Vec<Option<OffsetDateTime>>,
    by: Vec<Option<&'static str>>,
    by_id: Vec<Option<Uuid>>,
    reason: Vec<Option<&'static str>>,
    note: Vec<Option<&'a str>>,
    sequence: Vec<Option<i64>>,
    epoch: Vec<Option<i64>>,
    cause: Vec<Option<Uuid>>,
}

impl<'a> EndColumns<'a> {
    fn of<R>(rows: &'a [R], end: impl Fn(&'a R) -> Option<&'a SessionEnd>) -> Self {
        let mut columns = Self {
            at: Vec::with_capacity(rows.len()),
            by: Vec::with_capacity(rows.len()),
            by_id: Vec::with_capacity(rows.len()),
            reason: Vec::with_capacity(rows.len()),
            note: Vec::with_capacity(rows.len()),
            sequence: Vec::with_capacity(rows.len()),
            epoch: Vec::with_capacity(rows.len()),
            cause: Vec::with_capacity(rows.len()),
        };
        for row in rows {
            let end = end(row);
            let by = end.map(|end| actor::columns(end.by));
            columns.at.push(end.map(|end| end.at.to_datetime()));
            columns.by.push(by.map(|(kind, _)| kind));
            columns.by_id.push(by.and_then(|(_, id)| id));
            columns.reason.push(end.map(|end| end.reason.as_str()));
            columns.note.push(end.and_then(|end| end.note.as_deref()));
            columns
                .sequence
                .push(end.map(|end| number::to_stored(end.sequence)));
            let epoch = end.and_then(|end| end.epoch);
            columns.epoch.push(epoch.map(number::to_stored));
            let cause = end.and_then(|end| end.cause);
            columns.cause.push(cause.map(MessageId::uuid));
        }
        columns
    }
}

/// One text a row, borrowed.
fn texts<'a, R>(rows: &'a [R], text: impl Fn(&'a R) -> Option<&'a str>) -> Vec<Option<&'a str>> {
    rows.iter().map(text).collect()
}

async fn insert(
    connection: &mut PgConnection,
    shard: u8,
    rows: &[NewSession],
) -> Result<(), ViewError> {
    let ends = EndColumns::of(rows, |row| row.end.as_ref());
    sqlx::query(
        "insert into sessions as old (
             id, account_id, client, ip, ip_addr, user_agent, acr, amr, started_at, auth_time,
             last_seen_at, idle_expires_at, expires_at, forget_at, generation, epoch, ended_at,
             ended_by, ended_by_id, end_reason, end_note, ended_sequence, ended_epoch,
             elsewhere_at, ended_cause, first_ip_addr, first_user_agent, first_acr, shard,
             started_sequence, sequence)
         select new.id, new.account_id, new.client, new.ip, new.ip_addr::inet, new.user_agent,
             new.acr, new.amr::text[], new.started_at, new.auth_time, new.last_seen_at,
             new.idle_expires_at, new.expires_at, new.forget_at, new.generation, new.epoch,
             case when late.id is null then new.ended_at else new.started_at end,
             case when late.id is null then new.ended_by else late.sessions_ended_by end,
             case when late.id is null then new.ended_by_id else late.sessions_ended_by_id end,
             case when late.id is null then new.end_reason else late.sessions_ended_reason end,
             case when late.id is null then new.end_note end,
             case when late.id is null then new.ended_sequence else new.started_sequence end,
             case when late.id is null then new.ended_epoch else late.min_epoch end,
             new.elsewhere_at, case when late.id is null then new.ended_cause end,
             new.first_ip_addr::inet, new.first_user_agent, new.first_acr, $31,
             new.started_sequence, new.sequence
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::text[], $8::text[], $9::timestamptz[], $10::timestamptz[],
             $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[],
             $15::bigint[], $16::bigint[], $17::timestamptz[], $18::text[], $19::uuid[],
             $20::text[], $21::text[], $22::bigint[], $23::bigint[], $24::timestamptz[],
             $25::bigint[], $26::bigint[], $27::uuid[], $28::text[], $29::text[],
             $30::text[])
             as new (id, account_id, client, ip, ip_addr, user_agent, acr, amr, started_at,
             auth_time, last_seen_at, idle_expires_at, expires_at, forget_at, generation,
             epoch, ended_at, ended_by, ended_by_id, end_reason, end_note, ended_sequence,
             ended_epoch, elsewhere_at, started_sequence, sequence, ended_cause,
             first_ip_addr, first_user_agent, first_acr)
         -- A sign-in that raced the end of its account's sessions is over as it
         -- begins. An end within the batch is later than any in the table.
         left join accounts as late
             on late.id = new.account_id and late.min_epoch > new.epoch
             and new.ended_sequence is distinct from new.started_sequence
         where not exists (select from erased where erased.account_id = new.account_id)
         on conflict (id) do update set
             account_id = excluded.account_id, client = excluded.client, ip = excluded.ip,
             ip_addr = excluded.ip_addr, user_agent = excluded.user_agent,
             acr = excluded.acr, amr = excluded.amr, started_at = excluded.started_at,
             auth_time = excluded.auth_time, last_seen_at = excluded.last_seen_at,
             idle_expires_at = excluded.idle_expires_at, expires_at = excluded.expires_at,
             forget_at = excluded.forget_at, generation = excluded.generation,
             epoch = excluded.epoch, ended_at = excluded.ended_at,
             ended_by = excluded.ended_by, ended_by_id = excluded.ended_by_id,
             end_reason = excluded.end_reason, end_note = excluded.end_note,
             ended_sequence = excluded.ended_sequence, ended_epoch = excluded.ended_epoch,
             elsewhere_at = excluded.elsewhere_at, ended_cause = excluded.ended_cause,
             first_ip_addr = excluded.first_ip_addr,
             first_user_agent = excluded.first_user_agent, first_acr = excluded.first_acr,
             shard = excluded.shard,
             started_sequence = excluded.started_sequence, sequence = excluded.sequence
         where old.sequence < excluded.sequence",
    )
    .bind(column(rows, |row| row.id.uuid()))
    .bind(column(rows, |row| row.account.uuid()))
    .bind(texts(rows, |row| Some(row.client.as_str())))
    .bind(texts(rows, |row| row.ip.as_deref()))
    .bind(column(rows, |row| {
        row.ip.as_deref().and_then(text::canonical_ip)
    }))
    .bind(texts(rows, |row| row.user_agent.as_deref()))
    .bind(column(rows, |row| row.proof.acr.as_str()))
    .bind(column(rows, |row| text::array_literal(&row.proof.amr)))
    .bind(column(rows, |row| row.started_at.to_datetime()))
    .bind(column(rows, |row| row.proof.auth_time.to_datetime()))
    .bind(column(rows, |row| row.seen.at.to_datetime()))
    .bind(column(rows, |row| row.seen.idle_expires_at.to_datetime()))
    .bind(column(rows, |row| row.expires_at.to_datetime()))
    .bind(column(rows, |row| row.forget_at.to_datetime()))
    .bind(column(rows, |row| i64::from(row.generation)))
    .bind(column(rows, |row| number::to_stored(row.epoch)))
    .bind(ends.at)
    .bind(ends.by)
    .bind(ends.by_id)
    .bind(ends.reason)
    .bind(ends.note)
    .bind(ends.sequence)
    .bind(ends.epoch)
    .bind(column(rows, |row| {
        row.elsewhere_at.map(Timestamp::to_datetime)
    }))
    .bind(column(rows, |row| number::to_stored(row.started_sequence)))
    .bind(column(rows, |row| number::to_stored(row.sequence)))
    .bind(ends.cause)
    .bind(column(rows, |row| {
        row.first.ip.as_deref().and_then(text::canonical_ip)
    }))
    .bind(texts(rows, |row| row.first.user_agent.as_deref()))
    .bind(column(rows, |row| row.first.acr.as_str()))
    .bind(i16::from(shard))
    .execute(connection)
    .await?;
    Ok(())
}

async fn update(connection: &mut PgConnection, rows: &[SessionPatch]) -> Result<(), ViewError> {
    let ends = EndColumns::of(rows, |row| row.end.as_ref());
    let seen =
        |value: fn(&Seen) -> OffsetDateTime| column(rows, |row| row.seen.as_ref().map(value));
    sqlx::query(
        "update sessions as old set
             last_seen_at = coalesce(new.last_seen_at, old.last_seen_at),
             idle_expires_at = coalesce(new.idle_expires_at, old.idle_expires_at),
             generation = coalesce(new.generation, old.generation),
             ip = case when new.moved then new.ip else old.ip end,
             ip_addr = case when new.moved then new.ip_addr::inet else old.ip_addr end,
             user_agent = case when new.changed then new.user_agent else old.user_agent end,
             acr = coalesce(new.acr, old.acr),
             amr = coalesce(new.amr::text[], old.amr),
             auth_time = coalesce(new.auth_time, old.auth_time),
             elsewhere_at = coalesce(new.elsewhere_at, old.elsewhere_at),
             ended_at = coalesce(old.ended_at, new.ended_at),
             ended_by = case when old.ended_at is null then new.ended_by else old.ended_by end,
             ended_by_id = case when old.ended_at is null then new.ended_by_id
                 else old.ended_by_id end,
             end_reason = case when old.ended_at is null then new.end_reason
                 else old.end_reason end,
             end_note = case when old.ended_at is null then new.end_note
                 else old.end_note end,
             ended_cause = case when old.ended_at is null then new.ended_cause
                 else old.ended_cause end,
             ended_sequence = coalesce(old.ended_sequence, new.ended_sequence),
             sequence = new.sequence
         from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::bigint[],
             $5::boolean[], $6::text[], $7::text[], $8::boolean[], $9::text[], $10::text[],
             $11::text[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[],
             $15::text[], $16::uuid[], $17::text[], $18::text[], $19::bigint[], $20::bigint[],
             $21::uuid[])
             as new (id, last_seen_at, idle_expires_at, generation, moved, ip, ip_addr,
             changed, user_agent, acr, amr, auth_time, elsewhere_at, ended_at, ended_by,
             ended_by_id, end_reason, end_note, ended_sequence, sequence, ended_cause)
         where old.id = new.id and old.sequence < new.sequence",
    )
    .bind(column(rows, |row| row.id.uuid()))
    .bind(seen(|seen| seen.at.to_datetime()))
    .bind(seen(|seen| seen.idle_expires_at.to_datetime()))
    .bind(column(rows, |row| row.generation.map(i64::from)))
    .bind(column(rows, |row| row.ip.is_change()))
    .bind(texts(rows, |row| row.ip.text()))
    .bind(column(rows, |row| {
        row.ip.text().and_then(text::canonical_ip)
    }))
    .bind(column(rows, |row| row.user_agent.is_change()))
    .bind(texts(rows, |row| row.user_agent.text()))
    .bind(column(rows, |row| {
        row.proof.as_ref().map(|proof| proof.acr.as_str())
    }))
    .bind(column(rows, |row| {
        let proof = row.proof.as_ref();
        proof.map(|proof| text::array_literal(&proof.amr))
    }))
    .bind(column(rows, |row| {
        let proof = row.proof.as_ref();
        proof.map(|proof| proof.auth_time.to_datetime())
    }))
    .bind(column(rows, |row| {
        row.elsewhere_at.map(Timestamp::to_datetime)
    }))
    .bind(ends.at)
    .bind(ends.by)
    .bind(ends.by_id)
    .bind(ends.reason)
    .bind(ends.note)
    .bind(ends.sequence)
    .bind(column(rows, |row| number::to_stored(row.sequence)))
    .bind(ends.cause)
    .execute(connection)
    .await?;
    Ok(())
}
