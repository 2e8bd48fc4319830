//! Questions about accounts.

use countersign_events::{AccountId, Position, Timestamp};
use sqlx::{FromRow, PgPool};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::page::Page;
use crate::{ViewError, number, text};

/// An account as it is shown. What is erased is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The address as the person typed it.
    pub email: Option<String>,
    /// How the person wants to be shown.
    pub display_name: Option<String>,
    /// Whether the address was proven.
    pub email_verified: bool,
    /// Names of its roles.
    pub roles: Vec<String>,
    /// When it came to be.
    pub created_at: Timestamp,
    /// `active` or `suspended`. Who was erased has no account here.
    pub state: String,
    /// What the operator wrote who suspended it.
    pub suspended_note: Option<String>,
    /// The kinds of its second factors, each once, in the order of the
    /// alphabet.
    pub factors: Vec<String>,
    /// How many recovery codes are unused, if it has any set of them.
    pub recovery_codes_left: Option<u8>,
    /// What is not believed any more after too many failures: kinds of
    /// factors, and maybe `password` and `recovery_code`.
    pub disabled: Vec<String>,
    /// Sessions and tokens with an older epoch are over.
    pub min_epoch: u64,
    /// The message that last wrote the row.
    pub position: Position,
}

/// Which accounts to list, and from where on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// A part of the address or the name, in any case.
    pub q: Option<String>,
    /// Exactly this state.
    pub state: Option<String>,
    /// Only those older than this one: where the page before ended.
    pub after: Option<AccountId>,
    /// Rows a page, at least 1 and at most [`crate::PAGE_ROWS_MAX`].
    pub limit: u16,
}

impl AccountFilter {
    /// Whether the account is of the list, but for where a page begins.
    pub fn holds(&self, account: &Account) -> bool {
        let found = |part: &String| {
            let texts = [&account.email, &account.display_name];
            let mut texts = texts.into_iter().flatten();
            texts.any(|text| text::contains(text, part))
        };
        self.q.as_ref().is_none_or(found)
            && self
                .state
                .as_ref()
                .is_none_or(|state| *state == account.state)
    }
}

#[derive(FromRow)]
pub(super) struct Row {
    id: Uuid,
    email: Option<String>,
    display_name: Option<String>,
    email_verified: bool,
    roles: Vec<String>,
    created_at: OffsetDateTime,
    state: String,
    suspended_note: Option<String>,
    factors: Vec<String>,
    recovery_codes_left: Option<i16>,
    disabled: Vec<String>,
    min_epoch: i64,
    shard: i16,
    sequence: i64,
}

impl TryFrom<Row> for Account {
    type Error = ViewError;

    fn try_from(row: Row) -> Result<Self, ViewError> {
        Ok(Self {
            id: AccountId::from_uuid(row.id),
            email: row.email,
            display_name: row.display_name,
            email_verified: row.email_verified,
            roles: row.roles,
            created_at: row.created_at.into(),
            state: row.state,
            suspended_note: row.suspended_note,
            factors: row.factors,
            recovery_codes_left: row
                .recovery_codes_left
                .map(u8::try_from)
                .transpose()
                .map_err(|_| ViewError::broken("a stored number of codes is out of range"))?,
            disabled: row.disabled,
            min_epoch: number::from_stored(row.min_epoch)?,
            position: Position {
                shard: number::shard(row.shard)?,
                sequence: number::from_stored(row.sequence)?,
            },
        })
    }
}

/// Accounts, newest first.
pub async fn list(
    pool: &PgPool,
    filter: &AccountFilter,
) -> Result<Page<Account, AccountId>, ViewError> {
    let rows = sqlx::query_as::<_, Row>(
        "select id, email, display_name, email_verified, roles, created_at, state,
             suspended_note, min_epoch, shard, sequence, recovery_codes_left,
             array(select distinct value->>'kind' from jsonb_each(factors) order by 1) as factors,
             array(
                 select value->>'kind' from jsonb_each(factors) where (value->>'disabled')::boolean
                 union select 'password' where password_disabled
                 union select 'recovery_code' where recovery_disabled order by 1) as disabled
         from countersign.accounts
         where ($1::text is null or email_lower like $1 or display_name_lower like $1)
           and ($2::text is null or state = $2)
           and ($3::uuid is null or id < $3)
         order by id desc limit $4",
    )
    .bind(filter.q.as_deref().map(text::contains_pattern))
    .bind(filter.state.clone().map(text::storable))
    .bind(filter.after.map(AccountId::uuid))
    .bind(Page::<Account, AccountId>::rows_to_ask(filter.limit))
    .fetch_all(pool)
    .await?;
    let accounts = rows
        .into_iter()
        .map(Account::try_from)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Page::of(accounts, filter.limit, |account| account.id))
}

/// One account.
pub async fn get(pool: &PgPool, id: AccountId) -> Result<Option<Account>, ViewError> {
    sqlx::query_as::<_, Row>(
        "select id, email, display_name, email_verified, roles, created_at, state,
             suspended_note, min_epoch, shard, sequence, recovery_codes_left,
             array(select distinct value->>'kind' from jsonb_each(factors) order by 1) as factors,
             array(
                 select value->>'kind' from jsonb_each(factors) where (value->>'disabled')::boolean
                 union select 'password' where password_disabled
                 union select 'recovery_code' where recovery_disabled order by 1) as disabled
         from countersign.accounts where id = $1",
    )
    .bind(id.uuid())
    .fetch_optional(pool)
    .await?
    .map(Account::try_from)
    .transpose()
}
