//! The statements that write accounts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use countersign_events::CredentialId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::ends::EndColumns;
use super::{AccountPatch, AccountValues, Changes, FactorChange, NewAccount, Suspension};
use crate::{ViewError, number, text};

/// The columns of what is said about accounts, one value a row.
struct Columns<'a> {
    emails: Vec<Option<&'a str>>,
    emails_lower: Vec<Option<String>>,
    names: Vec<Option<&'a str>>,
    names_lower: Vec<Option<String>>,
    verified: Vec<bool>,
    roles: Vec<Option<String>>,
    states: Vec<Option<&'static str>>,
    notes: Vec<Option<&'a str>>,
    factors: Vec<String>,
    password_disabled: Vec<Option<bool>>,
    codes_left: Vec<Option<i16>>,
    codes_disabled: Vec<Option<bool>>,
    ends: EndColumns,
}

impl<'a> Columns<'a> {
    fn of(rows: impl Iterator<Item = &'a AccountValues> + Clone) -> Self {
        let emails: Vec<_> = rows.clone().map(|row| row.email.text()).collect();
        let names: Vec<_> = rows.clone().map(|row| row.display_name.text()).collect();
        let suspensions = rows.clone().map(|row| row.suspension.as_ref());
        Self {
            emails_lower: emails.iter().map(|text| lowered(*text)).collect(),
            emails,
            names_lower: names.iter().map(|text| lowered(*text)).collect(),
            names,
            verified: rows.clone().map(|row| row.is_verified).collect(),
            roles: rows
                .clone()
                .map(|row| row.roles.as_ref().map(text::array_literal))
                .collect(),
            states: suspensions
                .clone()
                .map(|suspension| suspension.map(Suspension::state))
                .collect(),
            notes: suspensions
                .map(|suspension| suspension.and_then(Suspension::note))
                .collect(),
            factors: rows.clone().map(|row| factors_json(&row.factors)).collect(),
            password_disabled: rows.clone().map(|row| row.password_disabled).collect(),
            codes_left: rows
                .clone()
                .map(|row| row.recovery_codes_left.map(i16::from))
                .collect(),
            codes_disabled: rows.clone().map(|row| row.recovery_disabled).collect(),
            ends: EndColumns::of(rows.map(|row| row.end)),
        }
    }
}

impl Suspension {
    fn state(&self) -> &'static str {
        match self {
            Self::Suspended { .. } => "suspended",
            Self::Lifted => "active",
        }
    }

    fn note(&self) -> Option<&str> {
        match self {
            Self::Suspended { note } => note.as_deref(),
            Self::Lifted => None,
        }
    }
}

/// The factors that are there after the change, by credential.
fn factors_json(factors: &BTreeMap<CredentialId, FactorChange>) -> String {
    let mut json = String::from("{");
    for (credential, change) in factors {
        if let FactorChange::Is { kind, disabled } = change {
            let comma = if json.len() > 1 { "," } else { "" };
            // Ids and kinds are made of letters that JSON takes as they are.
            let _ = write!(
                json,
                r#"{comma}"{credential}":{{"kind":"{kind}","disabled":{disabled}}}"#
            );
        }
    }
    json.push('}');
    json
}

fn removed(factors: &BTreeMap<CredentialId, FactorChange>) -> String {
    let removed = factors
        .iter()
        .filter(|(_, change)| **change == FactorChange::Removed);
    text::array_literal(removed.map(|(credential, _)| credential.to_string()))
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

fn lowered(text: Option<&str>) -> Option<String> {
    text.map(str::to_lowercase)
}

async fn insert(
    connection: &mut PgConnection,
    shard: u8,
    rows: &[NewAccount],
) -> Result<(), ViewError> {
    let columns = Columns::of(rows.iter().map(|row| &row.values));
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.uuid()).collect();
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
             id, email, email_lower, display_name, display_name_lower, email_verified, roles,
             state, suspended_note, factors, password_disabled, recovery_codes_left,
             recovery_disabled, created_at, min_epoch, sessions_ended_at, sessions_ended_by,
             sessions_ended_by_id, sessions_ended_reason, shard, sequence)
         select new.id, new.email, new.email_lower, new.display_name, new.display_name_lower,
             new.email_verified, coalesce(new.roles::text[], '{}'),
             coalesce(new.state, 'active'), new.note, new.factors::jsonb,
             coalesce(new.password_disabled, false), new.codes_left,
             coalesce(new.codes_disabled, false), new.created_at, coalesce(new.min_epoch, 0),
             new.ended_at, new.ended_by, new.ended_by_id, new.ended_reason, $21, new.sequence
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[],
             $7::text[], $8::text[], $9::text[], $10::text[], $11::boolean[], $12::smallint[],
             $13::boolean[], $14::bigint[], $15::timestamptz[], $16::text[], $17::uuid[],
             $18::text[], $19::bigint[], $20::timestamptz[])
             as new (id, email, email_lower, display_name, display_name_lower, email_verified,
             roles, state, note, factors, password_disabled, codes_left, codes_disabled,
             min_epoch, ended_at, ended_by, ended_by_id, ended_reason, sequence, created_at)
         where not exists (select from erased where erased.account_id = new.id)
         on conflict (id) do update set
             email = excluded.email, email_lower = excluded.email_lower,
             display_name = excluded.display_name,
             display_name_lower = excluded.display_name_lower,
             email_verified = excluded.email_verified, roles = excluded.roles,
             state = excluded.state, suspended_note = excluded.suspended_note,
             factors = excluded.factors, password_disabled = excluded.password_disabled,
             recovery_codes_left = excluded.recovery_codes_left,
             recovery_disabled = excluded.recovery_disabled,
             created_at = excluded.created_at, min_epoch = excluded.min_epoch,
             sessions_ended_at = excluded.sessions_ended_at,
             sessions_ended_by = excluded.sessions_ended_by,
             sessions_ended_by_id = excluded.sessions_ended_by_id,
             sessions_ended_reason = excluded.sessions_ended_reason,
             shard = excluded.shard, sequence = excluded.sequence
         where old.sequence < excluded.sequence",
    )
    .bind(ids)
    .bind(columns.emails)
    .bind(columns.emails_lower)
    .bind(columns.names)
    .bind(columns.names_lower)
    .bind(columns.verified)
    .bind(columns.roles)
    .bind(columns.states)
    .bind(columns.notes)
    .bind(columns.factors)
    .bind(columns.password_disabled)
    .bind(columns.codes_left)
    .bind(columns.codes_disabled)
    .bind(columns.ends.min_epoch)
    .bind(columns.ends.at)
    .bind(columns.ends.by)
    .bind(columns.ends.by_id)
    .bind(columns.ends.reason)
    .bind(sequences)
    .bind(created)
    .bind(i16::from(shard))
    .execute(connection)
    .await?;
    Ok(())
}

async fn update(connection: &mut PgConnection, rows: &[AccountPatch]) -> Result<(), ViewError> {
    let columns = Columns::of(rows.iter().map(|row| &row.values));
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.uuid()).collect();
    let readdressed: Vec<_> = rows
        .iter()
        .map(|row| row.values.email.is_change())
        .collect();
    let renamed: Vec<_> = rows
        .iter()
        .map(|row| row.values.display_name.is_change())
        .collect();
    let removed: Vec<_> = rows
        .iter()
        .map(|row| removed(&row.values.factors))
        .collect();
    let sequences: Vec<_> = rows
        .iter()
        .map(|row| number::to_stored(row.sequence))
        .collect();
    sqlx::query(
        "update accounts as old set
             email = case when new.readdressed then new.email else old.email end,
             email_lower = case when new.readdressed then new.email_lower
                 else old.email_lower end,
             display_name = case when new.renamed then new.display_name
                 else old.display_name end,
             display_name_lower = case when new.renamed then new.display_name_lower
                 else old.display_name_lower end,
             email_verified = old.email_verified or new.email_verified,
             roles = coalesce(new.roles::text[], old.roles),
             state = coalesce(new.state, old.state),
             suspended_note = case when new.state is null then old.suspended_note
                 else new.note end,
             factors = (old.factors || new.factors::jsonb) - new.removed::text[],
             password_disabled = coalesce(new.password_disabled, old.password_disabled),
             -- Who loses the last factor has no codes either. A removal is
             -- written alone, so that nothing else hides what is left.
             recovery_codes_left = case when new.removed <> '{}'
                 and (old.factors || new.factors::jsonb) - new.removed::text[] = '{}' then null
                 else coalesce(new.codes_left, old.recovery_codes_left) end,
             recovery_disabled = case when new.removed <> '{}'
                 and (old.factors || new.factors::jsonb) - new.removed::text[] = '{}' then false
                 else coalesce(new.codes_disabled, old.recovery_disabled) end,
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
         from unnest($1::uuid[], $2::boolean[], $3::text[], $4::text[], $5::boolean[],
             $6::text[], $7::text[], $8::boolean[], $9::text[], $10::text[], $11::text[],
             $12::text[], $13::text[], $14::boolean[], $15::smallint[], $16::boolean[],
             $17::bigint[], $18::timestamptz[], $19::text[], $20::uuid[], $21::text[],
             $22::bigint[])
             as new (id, readdressed, email, email_lower, renamed, display_name,
             display_name_lower, email_verified, roles, state, note, factors, removed,
             password_disabled, codes_left, codes_disabled, min_epoch, ended_at, ended_by,
             ended_by_id, ended_reason, sequence)
         where old.id = new.id and old.sequence < new.sequence",
    )
    .bind(ids)
    .bind(readdressed)
    .bind(columns.emails)
    .bind(columns.emails_lower)
    .bind(renamed)
    .bind(columns.names)
    .bind(columns.names_lower)
    .bind(columns.verified)
    .bind(columns.roles)
    .bind(columns.states)
    .bind(columns.notes)
    .bind(columns.factors)
    .bind(removed)
    .bind(columns.password_disabled)
    .bind(columns.codes_left)
    .bind(columns.codes_disabled)
    .bind(columns.ends.min_epoch)
    .bind(columns.ends.at)
    .bind(columns.ends.by)
    .bind(columns.ends.by_id)
    .bind(columns.ends.reason)
    .bind(sequences)
    .execute(connection)
    .await?;
    Ok(())
}
