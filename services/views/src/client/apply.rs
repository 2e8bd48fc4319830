//! Client events as changes of rows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use countersign_events::{ClientEvent, ClientId, ClientProfile, Envelope, SecretId, Timestamp};
use sqlx::PgConnection;

use crate::{ViewError, number, text};

/// What a batch says about a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SecretChange {
    Is {
        added_at: Timestamp,
        expires_at: Option<Timestamp>,
    },
    Removed,
}

/// What a batch says about a client; what it does not say is as it was, or as
/// it is at birth.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct ClientChange {
    created_at: Option<Timestamp>,
    profile: Option<ClientProfile>,
    secrets: BTreeMap<SecretId, SecretChange>,
    jwks: Option<String>,
    is_disabled: Option<bool>,
    min_epoch: Option<u64>,
    sequence: u64,
}

/// Everything a batch changes in clients, each client once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes(BTreeMap<ClientId, ClientChange>);

impl Changes {
    /// Folds one event in.
    pub(crate) fn add(&mut self, sequence: u64, header: &Envelope<()>, event: &ClientEvent) {
        let id = ClientId::from_uuid(header.subject_id);
        let row = self.0.entry(id).or_default();
        row.sequence = sequence;
        match event {
            ClientEvent::Registered(registered) => {
                row.created_at = Some(header.occurred_at);
                row.profile = Some(registered.profile.clone());
            }
            ClientEvent::Changed(changed) => row.profile = Some(changed.profile.clone()),
            ClientEvent::SecretAdded(added) => {
                let is = SecretChange::Is {
                    added_at: header.occurred_at,
                    expires_at: added.expires_at,
                };
                row.secrets.insert(added.secret, is);
            }
            ClientEvent::SecretRemoved(removed) => {
                row.secrets.insert(removed.secret, SecretChange::Removed);
            }
            ClientEvent::KeysSet(set) => row.jwks = Some(set.jwks.clone()),
            ClientEvent::TokensEnded(_) => row.min_epoch = Some(sequence),
            ClientEvent::Disabled(_) => row.is_disabled = Some(true),
            ClientEvent::Enabled(_) => row.is_disabled = Some(false),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl ClientChange {
    /// The secrets that are there after the change, by id.
    fn secrets_json(&self) -> String {
        let mut json = String::from("{");
        for (id, change) in &self.secrets {
            if let SecretChange::Is {
                added_at,
                expires_at,
            } = change
            {
                let comma = if json.len() > 1 { "," } else { "" };
                let added = added_at.as_millis();
                // Ids and numbers need no escapes.
                let _ = write!(json, r#"{comma}"{id}":{{"added":{added}"#);
                if let Some(expires_at) = expires_at {
                    let _ = write!(json, r#","expires":{}"#, expires_at.as_millis());
                }
                json.push('}');
            }
        }
        json.push('}');
        json
    }

    fn removed(&self) -> String {
        let removed = self
            .secrets
            .iter()
            .filter(|(_, change)| **change == SecretChange::Removed);
        text::array_literal(removed.map(|(id, _)| id.to_string()))
    }
}

/// Writes the rows. There are few clients and they change rarely: a statement
/// for each.
pub(crate) async fn write(
    connection: &mut PgConnection,
    shard: u8,
    changes: &Changes,
) -> Result<(), ViewError> {
    for (id, change) in &changes.0 {
        match change.created_at {
            Some(created_at) => insert(connection, shard, *id, created_at, change).await?,
            None => update(connection, *id, change).await?,
        }
    }
    Ok(())
}

async fn insert(
    connection: &mut PgConnection,
    shard: u8,
    id: ClientId,
    created_at: Timestamp,
    change: &ClientChange,
) -> Result<(), ViewError> {
    let profile = change.profile.as_ref();
    let list = |of: fn(&ClientProfile) -> &Vec<String>| {
        text::array_literal(profile.map(of).into_iter().flatten())
    };
    sqlx::query(
        "insert into clients as old (
             id, name, serves, audiences, scopes, secrets, jwks, is_disabled, min_epoch,
             created_at, shard, sequence)
         values ($1, $2, $3::text::text[], $4::text::text[], $5::text::text[], $6::text::jsonb,
             $7, $8, $9, $10, $11, $12)
         on conflict (id) do update set
             name = excluded.name, serves = excluded.serves, audiences = excluded.audiences,
             scopes = excluded.scopes, secrets = excluded.secrets, jwks = excluded.jwks,
             is_disabled = excluded.is_disabled, min_epoch = excluded.min_epoch,
             created_at = excluded.created_at, shard = excluded.shard,
             sequence = excluded.sequence
         where old.sequence < excluded.sequence",
    )
    .bind(id.uuid())
    .bind(profile.map_or_else(String::new, |profile| text::storable(profile.name.clone())))
    .bind(list(|profile| &profile.serves))
    .bind(list(|profile| &profile.audiences))
    .bind(list(|profile| &profile.scopes))
    .bind(change.secrets_json())
    .bind(change.jwks.clone().map(text::storable))
    .bind(change.is_disabled.unwrap_or_default())
    .bind(number::to_stored(change.min_epoch.unwrap_or_default()))
    .bind(created_at.to_datetime())
    .bind(i16::from(shard))
    .bind(number::to_stored(change.sequence))
    .execute(connection)
    .await?;
    Ok(())
}

async fn update(
    connection: &mut PgConnection,
    id: ClientId,
    change: &ClientChange,
) -> Result<(), ViewError> {
    let profile = change.profile.as_ref();
    let list = |of: fn(&ClientProfile) -> &Vec<String>| profile.map(of).map(text::array_literal);
    sqlx::query(
        "update clients set
             name = coalesce($2, name),
             serves = coalesce($3::text::text[], serves),
             audiences = coalesce($4::text::text[], audiences),
             scopes = coalesce($5::text::text[], scopes),
             secrets = (secrets || $6::text::jsonb) - $7::text::text[],
             jwks = coalesce($8, jwks),
             is_disabled = coalesce($9, is_disabled),
             min_epoch = coalesce($10, min_epoch),
             sequence = $11
         where id = $1 and sequence < $11",
    )
    .bind(id.uuid())
    .bind(profile.map(|profile| text::storable(profile.name.clone())))
    .bind(list(|profile| &profile.serves))
    .bind(list(|profile| &profile.audiences))
    .bind(list(|profile| &profile.scopes))
    .bind(change.secrets_json())
    .bind(change.removed())
    .bind(change.jwks.clone().map(text::storable))
    .bind(change.is_disabled)
    .bind(change.min_epoch.map(number::to_stored))
    .bind(number::to_stored(change.sequence))
    .execute(connection)
    .await?;
    Ok(())
}
