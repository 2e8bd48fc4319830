//! Questions about clients.

use countersign_events::{ClientId, Position, SecretId, Timestamp};
use sqlx::{FromRow, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::page::Page;
use crate::{ViewError, number};

/// A client as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// The audiences of the tokens it accepts.
    pub serves: Vec<String>,
    /// The audiences it may ask tokens for.
    pub audiences: Vec<String>,
    /// The scopes it may ask for.
    pub scopes: Vec<String>,
    /// Its secrets, oldest first, expired ones among them.
    pub secrets: Vec<ClientSecret>,
    /// The ids of its public keys.
    pub key_ids: Vec<String>,
    /// Whether it gets no tokens.
    pub is_disabled: bool,
    /// Its tokens with an older epoch are over.
    pub min_epoch: u64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// The message that last wrote the row.
    pub position: Position,
}

/// A secret of a client, without what is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSecret {
    /// Its id.
    pub id: SecretId,
    /// When it was added.
    pub added_at: Timestamp,
    /// From when on it counts no more.
    pub expires_at: Option<Timestamp>,
}

/// Which clients to list, and from where on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientFilter {
    /// Only those older than this one: where the page before ended.
    pub after: Option<ClientId>,
    /// Rows a page, at least 1 and at most [`crate::PAGE_ROWS_MAX`].
    pub limit: u16,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    name: String,
    serves: Vec<String>,
    audiences: Vec<String>,
    scopes: Vec<String>,
    secret_ids: Vec<Uuid>,
    secrets_added: Vec<i64>,
    secrets_expire: Vec<Option<i64>>,
    key_ids: Vec<String>,
    is_disabled: bool,
    min_epoch: i64,
    created_at: OffsetDateTime,
    shard: i16,
    sequence: i64,
}

impl TryFrom<Row> for Client {
    type Error = ViewError;

    fn try_from(row: Row) -> Result<Self, ViewError> {
        let times = row.secrets_added.into_iter().zip(row.secrets_expire);
        let secrets = row.secret_ids.into_iter().zip(times);
        Ok(Self {
            id: ClientId::from_uuid(row.id),
            name: row.name,
            serves: row.serves,
            audiences: row.audiences,
            scopes: row.scopes,
            secrets: secrets
                .map(|(id, (added, expires))| ClientSecret {
                    id: SecretId::from_uuid(id),
                    added_at: Timestamp::from_millis(added),
                    expires_at: expires.map(Timestamp::from_millis),
                })
                .collect(),
            key_ids: row.key_ids,
            is_disabled: row.is_disabled,
            min_epoch: number::from_stored(row.min_epoch)?,
            created_at: row.created_at.into(),
            position: Position {
                shard: number::shard(row.shard)?,
                sequence: number::from_stored(row.sequence)?,
            },
        })
    }
}

/// Clients, newest first.
pub async fn list(
    pool: &PgPool,
    filter: &ClientFilter,
) -> Result<Page<Client, ClientId>, ViewError> {
    let rows = sqlx::query_as::<_, Row>(
        "select id, name, serves, audiences, scopes, is_disabled, min_epoch, created_at, shard,
             sequence,
             array(select key::uuid from jsonb_each(secrets)
                 order by (value->>'added')::bigint, key) as secret_ids,
             array(select (value->>'added')::bigint from jsonb_each(secrets)
                 order by (value->>'added')::bigint, key) as secrets_added,
             array(select (value->>'expires')::bigint from jsonb_each(secrets)
                 order by (value->>'added')::bigint, key) as secrets_expire,
             array(select key->>'kid' from jsonb_array_elements(jwks::jsonb->'keys') as key
                 order by 1) as key_ids
         from countersign.clients
         where ($1::uuid is null or id < $1)
         order by id desc limit $2",
    )
    .bind(filter.after.map(ClientId::uuid))
    .bind(Page::<Client, ClientId>::rows_to_ask(filter.limit))
    .fetch_all(pool)
    .await?;
    let clients = rows
        .into_iter()
        .map(Client::try_from)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Page::of(clients, filter.limit, |client| client.id))
}

/// One client.
pub async fn get(pool: &PgPool, id: ClientId) -> Result<Option<Client>, ViewError> {
    sqlx::query_as::<_, Row>(
        "select id, name, serves, audiences, scopes, is_disabled, min_epoch, created_at, shard,
             sequence,
             array(select key::uuid from jsonb_each(secrets)
                 order by (value->>'added')::bigint, key) as secret_ids,
             array(select (value->>'added')::bigint from jsonb_each(secrets)
                 order by (value->>'added')::bigint, key) as secrets_added,
             array(select (value->>'expires')::bigint from jsonb_each(secrets)
                 order by (value->>'added')::bigint, key) as secrets_expire,
             array(select key->>'kid' from jsonb_array_elements(jwks::jsonb->'keys') as key
                 order by 1) as key_ids
         from countersign.clients where id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(pool)
    .await?
    .map(Client::try_from)
    .transpose()
}
