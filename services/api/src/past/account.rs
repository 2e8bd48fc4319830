//! Accounts as of a moment.

use countersign_events::AccountId;
use countersign_log::HISTORY_MAX;
use countersign_openapi as wire;
use countersign_views::account::{self, Account, AccountFilter};
use countersign_views::session::AsOf;
use futures_util::stream::{self, StreamExt};

use super::page::{Page, SIDE_BY_SIDE};
use super::story::unless_too_long;
use crate::app::App;
use crate::as_of::Moment;
use crate::denied::Denied;
use crate::routes::show;

impl App {
    /// An account as it was, with the cause of each field; none of whom is
    /// erased by now. It needs no Postgres.
    pub(crate) async fn account_as_of(
        &self,
        id: AccountId,
        moment: &Moment<'_>,
    ) -> Result<wire::Account, Denied> {
        let as_of = &moment.as_of;
        let story = self.account_story(id, as_of).await?;
        self.not_forgotten(id).await?;
        let (row, causes) = story.account_told(id).await?.ok_or(Denied::NotFound)?;
        Ok(wire::Account {
            causes: Some(causes),
            ..show::account(row)
        })
    }

    /// A page of accounts as they were, newest first.
    pub(crate) async fn accounts_as_of(
        &self,
        mut filter: AccountFilter,
        moment: &Moment<'_>,
    ) -> Result<wire::Page<wire::Account>, Denied> {
        let as_of = &moment.as_of;
        self.reached_all(&as_of.fence).await?;
        let newest = AccountId::from_uuid(self.newest(as_of));
        let after = filter.after.map_or(newest, |after| after.min(newest));
        let mut page = Page::new(filter.limit, after.uuid());
        while let Some((rows, after)) = page.asks() {
            filter.limit = rows;
            filter.after = after.map(AccountId::from_uuid);
            let rows = account::candidates(&self.views, &filter, as_of).await?;
            let is_last = rows.len() < usize::from(filter.limit);
            let judged = rows.into_iter().map(|row| self.account_was(row, as_of));
            let mut judged = stream::iter(judged).buffered(SIDE_BY_SIDE);
            while let Some(judged) = judged.next().await {
                let (id, was, messages) = judged?;
                let was = was.filter(|was| filter.holds(was));
                if page.take(id.uuid(), was, messages) {
                    break;
                }
            }
            if is_last {
                page.ended();
            }
        }
        let (items, next) = page.done(show::account);
        Ok(wire::Page { items, next })
    }

    /// What an account was of which there is a row, and how many messages it
    /// took to know.
    async fn account_was(
        &self,
        row: Account,
        as_of: &AsOf,
    ) -> Result<(AccountId, Option<Account>, usize), Denied> {
        let id = row.id;
        let fence = as_of.fence.get(usize::from(row.position.shard));
        if fence.is_some_and(|fence| row.position.sequence <= *fence) {
            return Ok((id, Some(row), 0));
        }
        let Some(story) = unless_too_long(self.account_story(id, as_of).await)? else {
            return Ok((id, None, HISTORY_MAX));
        };
        Ok((id, story.account(id).await?, story.messages()))
    }
}
