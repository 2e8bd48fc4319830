//! Hearing reports over NATS, answering them, and reporting oneself.

use std::sync::Arc;
use std::time::Duration;

use countersign_log::Log;
use countersign_verifier::feed::{FEED_VERSION, Report, ReportAnswer, subject};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::freshness::{Freshness, Proof};
use crate::receipts::Receipts;
use crate::told::Told;

/// How often a service reports itself, and at most how often beside that.
const EVERY: Duration = Duration::from_secs(1);
const AT_MOST_EVERY: Duration = Duration::from_millis(20);

/// What services tell each other of a verifier they have heard of.
#[derive(Debug, Serialize, Deserialize)]
struct Heard {
    client: Option<String>,
    report: Report,
}

/// Everything that has to do with reports, for one service.
pub(crate) struct Reports {
    pub(crate) log: Log,
    pub(crate) told: Arc<Told>,
    pub(crate) receipts: Arc<Receipts>,
    pub(crate) proof: watch::Receiver<Option<Proof>>,
    pub(crate) applied: Vec<watch::Receiver<u64>>,
    /// Sent when something revoked was applied.
    pub(crate) revoked: watch::Sender<()>,
    pub(crate) freshness: Freshness,
    pub(crate) kids: watch::Receiver<Vec<String>>,
    /// This service as a verifier.
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) max_staleness: Duration,
}

impl Reports {
    /// What a report is answered with; nothing before the stream was proven to
    /// be complete.
    pub(crate) fn answer(&self) -> Option<ReportAnswer> {
        let proof = self.proof.borrow();
        let proof = proof.as_ref()?;
        let age = proof.asked.elapsed().as_millis();
        Some(ReportAnswer {
            v: FEED_VERSION,
            stream: proof.id.stream,
            seq: proof.id.seq,
            cursor: proof.cursor.clone(),
            // Rounded up: nobody is told to be fresher than is known.
            age_ms: u64::try_from(age).unwrap_or(u64::MAX).saturating_add(1),
            since: proof.since,
        })
    }

    /// The same, waiting for the first proof of a service that has just
    /// started.
    pub(crate) async fn answer_within(&self, patience: Duration) -> Option<ReportAnswer> {
        let mut proof = self.proof.clone();
        let proven = proof.wait_for(Option::is_some);
        let _ = tokio::time::timeout(patience, proven).await;
        self.answer()
    }

    /// Takes in a report that came over HTTP, and tells the other services.
    pub(crate) async fn take(&self, report: Report, client: &str) {
        self.receipts.heard(&report, Some(client));
        self.pass_on(report, Some(client.to_owned())).await;
    }

    async fn pass_on(&self, report: Report, client: Option<String>) {
        if !self.log.is_connected() {
            return;
        }
        if let Ok(payload) = serde_json::to_vec(&Heard { client, report }) {
            let subject = subject::heard(self.log.prefix());
            let sent = self.log.client().publish(subject, payload.into()).await;
            if let Err(error) = sent {
                tracing::debug!(%error, "a report was not passed on");
            }
        }
    }

    /// Hears and answers what verifiers report over NATS.
    pub(crate) async fn hear(self: Arc<Self>) {
        let subject = subject::report(self.log.prefix());
        let Ok(mut reports) = self.log.client().subscribe(subject).await else {
            tracing::error!("reports of verifiers are not heard");
            return;
        };
        while let Some(message) = reports.next().await {
            let Ok(report) = serde_json::from_slice::<Report>(&message.payload) else {
                continue;
            };
            self.receipts.heard(&report, None);
            let (Some(reply), Some(answer)) = (message.reply, self.answer()) else {
                continue;
            };
            if let Ok(payload) = serde_json::to_vec(&answer) {
                let _ = self.log.client().publish(reply, payload.into()).await;
            }
        }
    }

    /// Hears what other services have heard.
    pub(crate) async fn overhear(self: Arc<Self>) {
        let subject = subject::heard(self.log.prefix());
        let Ok(mut heard) = self.log.client().subscribe(subject).await else {
            tracing::error!("what other services hear of verifiers is not heard");
            return;
        };
        while let Some(message) = heard.next().await {
            if let Ok(heard) = serde_json::from_slice::<Heard>(&message.payload)
                && heard.report.id != self.id
            {
                self.receipts.heard(&heard.report, heard.client.as_deref());
            }
        }
    }

    /// Reports this service, which is a verifier like any other: once a
    /// second, and soon after it has applied something.
    pub(crate) async fn report_self(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pace = tokio::time::interval(AT_MOST_EVERY);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut revoked = self.revoked.subscribe();
        let mut kids = self.kids.clone();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                // A new key waits for everybody to say that they hold it.
                Ok(()) = kids.changed() => { pace.tick().await; }
                // What follows at once is reported together.
                _ = revoked.changed() => { pace.tick().await; }
            }
            revoked.borrow_and_update();
            let report = self.own(false);
            self.receipts.heard(&report, None);
            self.pass_on(report, None).await;
        }
    }

    /// Says good-bye.
    pub(crate) async fn leave(&self) {
        let report = self.own(true);
        self.receipts.heard(&report, None);
        self.pass_on(report, None).await;
        // Left to itself the client would send it when it likes, and nobody
        // waits for that at the end of a process.
        let flushed = self.log.client().flush();
        let _ = tokio::time::timeout(EVERY, flushed).await;
    }

    fn own(&self, leaving: bool) -> Report {
        let staleness = self.freshness.staleness();
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Report {
            v: FEED_VERSION,
            id: self.id,
            name: self.name.clone(),
            seq: Some(self.told.last()),
            cursor: Some(self.applied.iter().map(|shard| *shard.borrow()).collect()),
            kids: self.kids.borrow().clone(),
            staleness_ms: staleness.map(millis),
            max_staleness_ms: millis(self.max_staleness),
            leaving,
        }
    }
}
