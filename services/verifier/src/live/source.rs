//! Following the feed and reporting back, over whichever way.

mod nats;
mod sse;

use super::backoff::Backoff;
use super::config::{ConfigError, Source};
use super::http::Trouble;
use super::service::Service;
use super::shared::Shared;
use crate::feed::{Report, ReportAnswer};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// How often a report is sent when nothing happens.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// How far apart reports are when much happens.
const REPORT_GAP: Duration = Duration::from_millis(20);
/// How long a good-bye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// With nothing for so long, not even a beat, the connection is dead.
const SILENCE: Duration = Duration::from_secs(5);
/// How often to look whether the follower wants something.
const LOOK: Duration = Duration::from_millis(250);

/// A way to the deployment.
#[derive(Debug)]
pub(crate) enum Link {
    Nats(Box<nats::Nats>),
    Sse(Arc<Service>),
}

/// Why reading ended.
enum Ended {
    /// Go on after the last message.
    Resume(Option<Trouble>),
    /// Read from the start.
    Restart,
}

impl Link {
    pub(crate) fn new(source: Source, service: Option<Arc<Service>>) -> Result<Self, ConfigError> {
        match (source, service) {
            (
                Source::Nats {
                    url,
                    prefix,
                    credentials,
                },
                _,
            ) => {
                let nats = nats::Nats::new(&url, prefix, credentials)?;
                Ok(Self::Nats(Box::new(nats)))
            }
            (Source::Sse { .. }, Some(service)) => Ok(Self::Sse(service)),
            (Source::Sse { .. }, None) => Err(ConfigError::Url("the URL of the feed")),
        }
    }

    async fn report(&self, report: &Report) -> Result<ReportAnswer, Trouble> {
        match self {
            Self::Nats(nats) => nats.report(report).await,
            Self::Sse(service) => service.report(report).await,
        }
    }

    /// Reads once, until something ends it.
    async fn read(&self, shared: &Shared, from_start: bool) -> Ended {
        match self {
            Self::Nats(nats) => nats.read(shared, from_start).await,
            Self::Sse(service) => sse::read(service, shared, from_start).await,
        }
    }

    /// Follows until it is cancelled.
    pub(crate) async fn follow(self: Arc<Self>, shared: Arc<Shared>, stop: CancellationToken) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        let mut from_start = true;
        loop {
            let before = shared.last();
            // Boxed: it is large, and made anew seldom.
            let reading = Box::pin(self.read(&shared, from_start));
            let Some(ended) = stop.run_until_cancelled(reading).await else {
                return;
            };
            if shared.last() != before {
                backoff.reset();
            }
            if let Ended::Resume(Some(trouble)) = &ended {
                tracing::warn!(%trouble, "the feed of revocations is away");
            }
            from_start = matches!(ended, Ended::Restart) || shared.last().is_none();
            if timeout(backoff.next(), stop.cancelled()).await.is_ok() {
                return;
            }
        }
    }

    /// Reports until it is cancelled, and then says good-bye.
    pub(crate) async fn reports(self: Arc<Self>, shared: Arc<Shared>, stop: CancellationToken) {
        let mut is_away = false;
        loop {
            let begun = Instant::now();
            let (sent, report) = shared.report(false);
            let Some(answer) = stop.run_until_cancelled(self.report(&report)).await else {
                break;
            };
            match answer {
                Ok(answer) => {
                    shared.answered(sent, answer);
                    is_away = false;
                }
                Err(trouble) if !std::mem::replace(&mut is_away, true) => {
                    tracing::warn!(%trouble, "a report was not answered");
                }
                Err(_) => {}
            }
            let due = begun + REPORT_EVERY;
            let waited = tokio::select! {
                () = stop.cancelled() => break,
                waited = timeout_at(due, shared.applied.notified()) => waited,
            };
            let soon = begun + REPORT_GAP;
            if waited.is_ok() && timeout_at(soon, stop.cancelled()).await.is_ok() {
                break;
            }
        }
        let (_, report) = shared.report(true);
        let _ = timeout(GOODBYE, self.report(&report)).await;
    }
}
