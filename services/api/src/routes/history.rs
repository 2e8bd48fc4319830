//! What happened to one entity, from the log.

use countersign_events::{EntityId, Position};
use countersign_openapi as wire;
use countersign_views::session::AsOf;
use sqlx::PgPool;

use crate::app::App;
use crate::denied::Denied;

impl App {
    /// One page of an entity's history, oldest first, for an operator: what
    /// one of them wrote is opened. The cursor is the position of the last
    /// message of the page before.
    pub async fn history<I: EntityId>(
        &self,
        id: I,
        limit: u16,
        after: Option<&str>,
    ) -> Result<wire::Page<wire::Event>, Denied> {
        self.history_as_of(id, limit, after, None).await
    }

    /// The same, up to a moment if there is one.
    pub(crate) async fn history_as_of<I: EntityId>(
        &self,
        id: I,
        limit: u16,
        after: Option<&str>,
        as_of: Option<&AsOf>,
    ) -> Result<wire::Page<wire::Event>, Denied> {
        let subject = self.log.subject_of(id);
        let from = match after {
            None => 1,
            Some(text) => {
                let position = text.parse::<Position>().ok();
                let here = position.filter(|position| position.shard == subject.shard);
                here.ok_or(Denied::InvalidParameter {
                    name: "after",
                    message: "not a cursor of this list",
                })?
                .sequence
                .saturating_add(1)
            }
        };
        let count = usize::from(limit);
        let messages = match as_of {
            None => self.log.history_page(subject, from, count).await?,
            Some(as_of) => {
                let last = as_of.fence.get(usize::from(subject.shard)).copied();
                let last = last.unwrap_or_default();
                self.log.page_until(subject, from, last, count).await?
            }
        };
        if messages.is_empty() && after.is_none() {
            return Err(Denied::NotFound);
        }
        let full = messages.len() == usize::from(limit);
        let next = messages
            .last()
            .filter(|_| full)
            .map(|last| last.position.to_string());
        let mut items = Vec::new();
        for message in &messages {
            items.extend(self.events_with_notes(message).await?);
        }
        Ok(wire::Page { items, next })
    }

    /// Waits until the read models hold what the caller must see.
    pub async fn wait_for(&self, min_position: Option<&str>) -> Result<(), Denied> {
        let Some(text) = min_position else {
            return Ok(());
        };
        let position: Position = text.parse().map_err(|_| Denied::InvalidParameter {
            name: "Countersign-Min-Position",
            message: "expected <shard>.<sequence>, for example 3.8412",
        })?;
        let pool: &PgPool = &self.views;
        self.projected.reached(pool, position).await
    }
}
