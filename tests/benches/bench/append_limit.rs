//! The most appends that the same nats-server takes.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_nats::{HeaderMap, Request, header};
use bytes::Bytes;
use countersign_log::Log;
use serde::Deserialize;
use tokio::runtime;
use tokio::task::{LocalSet, spawn_blocking};
use uuid::Uuid;

use crate::Outcome;
use crate::deployment::Deployment;
use crate::machine::Meter;
use crate::statistics::pass;

/// What every writer appends: the bytes of a stored refresh, the headers it
/// was appended with, and where its writers' sessions are.
#[derive(Clone)]
pub struct Sample {
    pub payload: Bytes,
    pub ttl_seconds: u64,
    pub placements: Vec<u8>,
}

/// Appends a second, and who used the processors.
pub struct Limit {
    pub rate: f64,
    pub shares: String,
    pub others: f64,
}

#[derive(Deserialize)]
struct Ack {
    #[serde(default)]
    seq: u64,
    error: Option<serde_json::Value>,
}

const WARM_UP: Duration = Duration::from_millis(500);

/// Appends with one writer for each placement: each waits for its answer, and
/// expects its subject where it left it, as the service does. On one thread,
/// which is cheaper than two for a client that only waits for answers.
pub async fn measure(deployment: &Deployment, sample: &Sample, time: Duration) -> Outcome<Limit> {
    let (deployment, sample) = (
        deployment.beside(deployment.name(), deployment.shards()),
        sample.clone(),
    );
    spawn_blocking(move || {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        LocalSet::new().block_on(&runtime, run(&deployment, &sample, time))
    })
    .await?
}

async fn run(deployment: &Deployment, sample: &Sample, time: Duration) -> Outcome<Limit> {
    let log = deployment.log().await?;
    let meter = deployment.meter();
    let begin = Instant::now() + WARM_UP;
    let end = begin + time;
    let count = Rc::new(Cell::new(0_u64));
    let mut tasks = Vec::new();
    for placement in &sample.placements {
        let shard = placement % log.shards();
        let subject = format!("{}.evt.{shard}.session.{}", log.prefix(), Uuid::new_v4());
        let work = write(
            log.clone(),
            subject,
            sample.clone(),
            (begin, end),
            Rc::clone(&count),
        );
        tasks.push(tokio::task::spawn_local(work));
    }
    pass(begin.saturating_duration_since(Instant::now())).await;
    let before = meter.read();
    pass(end.saturating_duration_since(Instant::now())).await;
    let after = meter.read();
    for task in tasks {
        task.await??;
    }
    Ok(Limit {
        rate: count.get() as f64 / time.as_secs_f64(),
        shares: meter.shares(&before, &after),
        others: Meter::others(&before, &after),
    })
}

async fn write(
    log: Log,
    subject: String,
    sample: Sample,
    (begin, end): (Instant, Instant),
    count: Rc<Cell<u64>>,
) -> Outcome<()> {
    let client = log.client();
    let mut last = 0;
    loop {
        let mut headers = HeaderMap::new();
        headers.insert(header::NATS_MESSAGE_ID, Uuid::new_v4().to_string());
        headers.insert(
            header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
            last.to_string(),
        );
        headers.insert(header::NATS_MESSAGE_TTL, sample.ttl_seconds.to_string());
        let request = Request::new()
            .payload(sample.payload.clone())
            .headers(headers);
        let answer = client.send_request(subject.clone(), request).await?;
        let ack: Ack = serde_json::from_slice(&answer.payload)?;
        if let Some(error) = ack.error {
            return Err(format!("an append was refused: {error}").into());
        }
        last = ack.seq;
        let now = Instant::now();
        if now >= end {
            return Ok(());
        }
        if now >= begin {
            count.set(count.get() + 1);
        }
    }
}
