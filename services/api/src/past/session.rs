//! Sessions as of a moment.

use countersign_events::SessionId;
use countersign_log::HISTORY_MAX;
use countersign_openapi as wire;
use countersign_views::session::{self, AsOf, Candidate, Session, SessionFilter};
use futures_util::stream::{self, StreamExt};

use super::page::{Page, SIDE_BY_SIDE};
use super::story::unless_too_long;
use crate::app::App;
use crate::as_of::Moment;
use crate::denied::Denied;
use crate::routes::show;

impl App {
    /// A session as it was, with the cause of each field; none of whom is
    /// erased by now. It needs no Postgres.
    pub(crate) async fn session_as_of(
        &self,
        id: SessionId,
        moment: &Moment<'_>,
    ) -> Result<wire::Session, Denied> {
        let as_of = &moment.as_of;
        let story = self.session_story(id, as_of).await?;
        let (account, story) = story.ok_or(Denied::NotFound)?;
        self.not_forgotten(account).await?;
        let told = story.session_told(id, account, as_of.at).await?;
        let (row, causes) = told.ok_or(Denied::NotFound)?;
        Ok(wire::Session {
            causes: Some(causes),
            ..show::session(row, as_of.at)
        })
    }

    /// A page of sessions as they were, newest first.
    pub(crate) async fn sessions_as_of(
        &self,
        mut filter: SessionFilter,
        moment: &Moment<'_>,
    ) -> Result<wire::Page<wire::Session>, Denied> {
        let as_of = &moment.as_of;
        self.reached_all(&as_of.fence).await?;
        let newest = self.newest(as_of);
        let after = filter
            .after
            .map_or(newest, |after| after.uuid().min(newest));
        let mut page = Page::new(filter.limit, after);
        while let Some((rows, after)) = page.asks() {
            filter.limit = rows;
            filter.after = after.map(SessionId::from_uuid);
            let rows = session::candidates(&self.views, &filter, as_of, newest).await?;
            let is_last = rows.len() < usize::from(filter.limit);
            let judged = rows.into_iter().map(|row| self.session_was(row, as_of));
            let mut judged = stream::iter(judged).buffered(SIDE_BY_SIDE);
            while let Some(judged) = judged.next().await {
                let (id, was, messages) = judged?;
                let was = was.filter(|was| filter.holds(was, as_of.at));
                if page.take(id.uuid(), was, messages) {
                    break;
                }
            }
            if is_last {
                page.ended();
            }
        }
        let (items, next) = page.done(|was| show::session(was, as_of.at));
        Ok(wire::Page { items, next })
    }

    /// What a session was of which there is a row, and how many messages it
    /// took to know.
    async fn session_was(
        &self,
        candidate: Candidate,
        as_of: &AsOf,
    ) -> Result<(SessionId, Option<Session>, usize), Denied> {
        let Candidate {
            mut session,
            is_as_it_was,
            is_address_as_it_was,
        } = candidate;
        let id = session.id;
        if is_as_it_was && is_address_as_it_was {
            return Ok((id, Some(session), 0));
        }
        if is_as_it_was {
            let story = self.account_story(session.account, as_of).await;
            let Some(story) = unless_too_long(story)? else {
                return Ok((id, None, HISTORY_MAX));
            };
            let account = story.account(session.account).await?;
            session.email = account.and_then(|account| account.email);
            return Ok((id, Some(session), story.messages()));
        }
        let Some(found) = unless_too_long(self.session_story(id, as_of).await)? else {
            return Ok((id, None, HISTORY_MAX));
        };
        let Some((account, story)) = found else {
            return Ok((id, None, 0));
        };
        Ok((id, story.session(id, account).await?, story.messages()))
    }
}
