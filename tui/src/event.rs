//! Calls about events.

use countersign_openapi::{Event, Page};
use uuid::Uuid;

use crate::client::{Client, ClientError, path};
use crate::event_stream::EventsQuery;

impl Client {
    /// One page of the log, newest first. With a filter it may be short, or
    /// empty, and still have a next one.
    pub async fn events(
        &self,
        query: &EventsQuery,
        limit: u16,
        after: Option<&str>,
    ) -> Result<Page<Event>, ClientError> {
        let subject = query.subject_id.map(|id| id.to_string());
        let parameters = [
            ("noun", query.noun.as_deref()),
            ("subject_id", subject.as_deref()),
            ("name", query.name.as_deref()),
            ("after", after),
        ];
        self.get(&path("/v1/admin/events", limit, &parameters))
            .await
    }

    /// One page of what happened to a session, oldest first.
    pub async fn session_events(
        &self,
        id: Uuid,
        limit: u16,
        after: Option<&str>,
    ) -> Result<Page<Event>, ClientError> {
        let of = format!("/v1/admin/sessions/{id}/events");
        self.get(&path(&of, limit, &[("after", after)])).await
    }
}
