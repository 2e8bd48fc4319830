//! Server-sent events: answers without end, and those who read them.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use poem::web::sse::{Event, SSE};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::app::App;
use crate::guard::Standing;

/// A stream of events; the `data` of the main one is a `T`.
pub(crate) struct Endless<T>(SSE, PhantomData<fn() -> T>);

impl<T> Endless<T> {
    pub(super) fn of(events: impl Stream<Item = Event> + Send + 'static) -> Self {
        Self(SSE::new(events), PhantomData)
    }
}

impl<T> IntoResponse for Endless<T> {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<T: Type> ApiResponse for Endless<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Server-sent events, without end; the `data` of the main one",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: "text/event-stream",
                    schema: T::schema_ref(),
                }],
                headers: vec![],
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// How often it is asked whether a reader may still read.
pub(super) const CHECK_EVERY: Duration = Duration::from_secs(1);

/// One who reads an answer without end, for as long as their token is
/// good and the service runs.
pub(super) struct Attendance {
    app: Arc<App>,
    standing: Standing,
    checked: Instant,
    _place: OwnedSemaphorePermit,
}

impl Attendance {
    pub(super) fn new(app: &Arc<App>, standing: Standing, place: OwnedSemaphorePermit) -> Self {
        Self {
            app: Arc::clone(app),
            standing,
            checked: Instant::now(),
            _place: place,
        }
    }

    pub(super) fn app(&self) -> &App {
        &self.app
    }

    /// Whether the reader may read on. The token is asked about once a second,
    /// and not for each event.
    pub(super) fn goes_on(&mut self) -> bool {
        if self.app.closing.is_cancelled() {
            return false;
        }
        if self.checked.elapsed() < CHECK_EVERY {
            return true;
        }
        self.checked = Instant::now();
        self.standing.check(&self.app).is_ok()
    }

    /// Waits for news, a second at most. No: the service stops.
    pub(super) async fn until<N>(&self, news: impl Future<Output = N>) -> bool {
        tokio::select! {
            () = self.app.closing.cancelled() => false,
            _ = tokio::time::timeout(CHECK_EVERY, news) => true,
        }
    }

    /// The last event: the token is not good any more, or the service stops.
    pub(super) fn end() -> Event {
        Event::message("{}").event_type("end")
    }
}
