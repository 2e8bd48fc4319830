//! Rows that may have been of a list as of a moment.

use countersign_events::AccountId;
use sqlx::PgPool;

use super::query::Row;
use super::{Account, AccountFilter};
use crate::page::Page;
use crate::pool::{PATIENCE, patient};
use crate::session::AsOf;
use crate::{ViewError, number, text};

/// At most `limit` accounts that may have been what the filter asks for,
/// newest first. One whose position is not after the fence of its shard is
/// shown as it was; the others are judged by whoever folds their messages, and
/// may not have been registered yet.
pub async fn candidates(
    pool: &PgPool,
    filter: &AccountFilter,
    as_of: &AsOf,
) -> Result<Vec<Account>, ViewError> {
    let mut transaction = patient(pool, PATIENCE).await?;
    let fence: Vec<i64> = as_of.fence.iter().copied().map(number::to_stored).collect();
    let rows = sqlx::query_as::<_, Row>(
        "select id, email, display_name, email_verified, roles, created_at, state,
             suspended_note, min_epoch, shard, sequence, recovery_codes_left,
             array(select distinct value->>'kind' from jsonb_each(factors) order by 1) as factors,
             array(
                 select value->>'kind' from jsonb_each(factors) where (value->>'disabled')::boolean
                 union select 'password' where password_disabled
                 union select 'recovery_code' where recovery_disabled order by 1) as disabled
         from countersign.accounts
         where (sequence > ($5::bigint[])[shard + 1]
             or (($1::text is null or email_lower like $1 or display_name_lower like $1)
                 and ($2::text is null or state = $2)))
           and ($3::uuid is null or id < $3)
         order by id desc limit $4",
    )
    .bind(filter.q.as_deref().map(text::contains_pattern))
    .bind(filter.state.clone().map(text::storable))
    .bind(filter.after.map(AccountId::uuid))
    .bind(Page::<Account, AccountId>::rows_to_ask(filter.limit) - 1)
    .bind(fence)
    .fetch_all(&mut *transaction)
    .await?;
    rows.into_iter().map(Account::try_from).collect()
}
