//! The statements that write the history.

use countersign_events::AccountId;
use sqlx::PgConnection;

use super::{Changes, Forget, NewEntry};
use crate::{ViewError, number};

/// Rows whose account and time to be forgotten are in the message.
const WHOLE: &str = "insert into history (
         account_id, shard, sequence, index_in_message, occurred_at, noun, subject_id, name,
         actor_account, forget_at)
     select new.account_id, $9, new.sequence, new.index, new.occurred_at, new.noun,
         new.subject_id, new.name, new.actor, new.forget_at
     from unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::timestamptz[], $5::text[],
         $6::uuid[], $7::text[], $8::uuid[], $10::timestamptz[])
         as new (account_id, sequence, index, occurred_at, noun, subject_id, name, actor,
         forget_at)
     where not exists (select from erased where erased.account_id = new.account_id)
     on conflict do nothing";

/// Rows about a session whose row says the rest. Where it is gone, its person
/// was forgotten or its time has passed: then there is nothing to tell.
const OF_SESSIONS: &str = "insert into history (
         account_id, shard, sequence, index_in_message, occurred_at, noun, subject_id, name,
         actor_account, forget_at)
     select session.account_id, $9, new.sequence, new.index, new.occurred_at, new.noun,
         new.subject_id, new.name, new.actor, session.forget_at
     from unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::timestamptz[], $5::text[],
         $6::uuid[], $7::text[], $8::uuid[])
         as new (account_id, sequence, index, occurred_at, noun, subject_id, name, actor)
     join sessions as session
         on session.id = new.subject_id and session.started_sequence <= new.sequence
     on conflict do nothing";

/// Rows about a sign-in that was not completed yet: the rest is in the row of
/// its beginning, which is found among the newest of its account.
const OF_ATTEMPTS: &str = "insert into history (
         account_id, shard, sequence, index_in_message, occurred_at, noun, subject_id, name,
         actor_account, forget_at)
     select new.account_id, $9, new.sequence, new.index, new.occurred_at, new.noun,
         new.subject_id, new.name, new.actor, attempt.forget_at
     from unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::timestamptz[], $5::text[],
         $6::uuid[], $7::text[], $8::uuid[])
         as new (account_id, sequence, index, occurred_at, noun, subject_id, name, actor)
     cross join lateral (
         select history.forget_at from history
         where history.account_id = new.account_id and history.sequence < new.sequence
             and history.subject_id = new.subject_id and history.name = 'attempted'
         order by history.sequence desc limit 1
     ) as attempt
     on conflict do nothing";

/// Writes the rows of a shard, with one statement for each way to know when a
/// row is to be forgotten.
///
/// Must run after the sessions of the same batch are written.
pub(crate) async fn write(
    connection: &mut PgConnection,
    shard: u8,
    changes: &Changes,
) -> Result<(), ViewError> {
    let of = |wanted: fn(Forget) -> bool| -> Vec<&NewEntry> {
        let entries = changes.entries.iter();
        entries.filter(|entry| wanted(entry.forget)).collect()
    };
    let whole = of(|forget| matches!(forget, Forget::Never | Forget::At(_)));
    insert(connection, shard, WHOLE, &whole).await?;
    let of_sessions = of(|forget| forget == Forget::WithSession);
    insert(connection, shard, OF_SESSIONS, &of_sessions).await?;
    let of_attempts = of(|forget| forget == Forget::WithAttempt);
    insert(connection, shard, OF_ATTEMPTS, &of_attempts).await
}

/// One value a row, in the order of the rows.
fn column<T>(rows: &[&NewEntry], value: impl Fn(&NewEntry) -> T) -> Vec<T> {
    rows.iter().map(|row| value(row)).collect()
}

async fn insert(
    connection: &mut PgConnection,
    shard: u8,
    statement: &'static str,
    rows: &[&NewEntry],
) -> Result<(), ViewError> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = sqlx::query(statement)
        .bind(column(rows, |row| row.account.map(AccountId::uuid)))
        .bind(column(rows, |row| number::to_stored(row.sequence)))
        .bind(column(rows, |row| row.index))
        .bind(column(rows, |row| row.occurred_at.to_datetime()))
        .bind(column(rows, |row| row.noun))
        .bind(column(rows, |row| row.subject))
        .bind(column(rows, |row| row.name))
        .bind(column(rows, |row| row.actor.map(AccountId::uuid)))
        .bind(i16::from(shard));
    let query = if statement == WHOLE {
        query.bind(column(rows, |row| match row.forget {
            Forget::At(at) => Some(at.to_datetime()),
            Forget::Never | Forget::WithSession | Forget::WithAttempt => None,
        }))
    } else {
        query
    };
    query.execute(connection).await?;
    Ok(())
}
