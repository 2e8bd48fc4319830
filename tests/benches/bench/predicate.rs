//! An order to end many sessions, beside the appends it is made of.

use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign_domain::{Revocation, RevocationCommand};
use countersign_events::{EntityId, RevocationEvent, RevocationId, RevocationRequested, SessionId};
use countersign_log::{Log, Repository, random};
use serde_json::json;

use crate::Outcome;
use crate::append_limit::{self, Sample};
use crate::deployment::{Deployment, Servers};
use crate::lag::{announcements, caught_up};
use crate::options::Options;
use crate::past::Past;
use crate::statistics::pass;
use crate::table::{Row, note, print};

const PEOPLE: usize = 2_000;
const SESSIONS: usize = 100_000;
/// What one instance has under way at once.
const WRITERS: usize = 64;
const GOAL: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_mins(5);
const LOOK: Duration = Duration::from_millis(20);

/// Seconds from the order to the event that it was carried out, by one
/// instance with a projector beside it. `BENCH_SESSIONS` is how many there
/// are.
pub async fn measure(options: &Options, servers: &Servers) -> Outcome<()> {
    let count = match std::env::var("BENCH_SESSIONS") {
        Ok(text) => text.parse()?,
        Err(_) => SESSIONS,
    };
    let deployment = servers.deploy("revoking").await?;
    let log = deployment.log().await?;
    let committed = announcements(&log).await?;
    let mut past = Past::new(&log);
    past.register(PEOPLE.min(count)).await?;
    let sessions = past.sign_in(count).await?;
    let projector = deployment.project().await?;
    caught_up(&log, &committed).await?;
    let service = deployment.serve().await?;
    let meter = deployment.meter();
    let before = meter.read();
    let began = Instant::now();
    let id = order(&log, &past).await?;
    let (ended, took) = carried_out(&log, id, began).await?;
    let after = meter.read();
    if ended != u64::try_from(count)? {
        return Err(format!("{ended} of {count} sessions ended").into());
    }
    service.process.stop().await?;
    projector.stop().await?;
    let limit = limit(options, &deployment, &log, sessions[0].id).await?;
    let rate = ended as f64 / took.as_secs_f64();
    let name = format!("{count} sessions ended by one order");
    let value = format!("{:.1} s, {rate:.0}/s", took.as_secs_f64());
    print(
        &Row::new(name, value)
            .against(rate, limit)
            .goal("100,000 in < 30 s", took < GOAL),
    );
    note(&format!("meanwhile: {}", meter.shares(&before, &after)));
    note(&format!("appends of an end: {limit:.0}/s"));
    Ok(())
}

/// Gives the order as the service would, without an operator to sign in.
async fn order(log: &Log, past: &Past) -> Outcome<RevocationId> {
    let (by, key) = past.person(0)?;
    let meta = past.meta(by)?;
    let mut fence = Vec::new();
    for shard in 0..log.shards() {
        fence.push(log.last_sequence(shard).await?);
    }
    let terms = json!({ "v": 1, "client": "first-party", "at": meta.now.as_millis() });
    let mut bytes: [u8; 10] = random()?;
    bytes[9] = by.placement();
    let id = RevocationId::generate(meta.now, bytes);
    let command = RevocationCommand::Request(RevocationRequested {
        predicate: key.seal(&terms.to_string(), by, meta.message, "predicate")?,
        fence,
        note: None,
    });
    let orders = Repository::<Revocation>::new(log);
    orders.execute(id, &meta, &command).await?;
    Ok(id)
}

/// Waits for the event that the order was carried out; how many sessions it
/// says, and how long it took.
async fn carried_out(log: &Log, id: RevocationId, began: Instant) -> Outcome<(u64, Duration)> {
    let subject = log.subject_of(id);
    while began.elapsed() < PATIENCE {
        for message in log.history(subject, 1).await? {
            for event in message.envelope()?.events::<RevocationEvent>()? {
                if let RevocationEvent::Completed(completed) = event {
                    return Ok((completed.ended, began.elapsed()));
                }
            }
        }
        pass(LOOK).await;
    }
    Err("the order was not carried out".into())
}

/// Appends a second of the bytes of a stored end, in a log beside.
async fn limit(
    options: &Options,
    deployment: &Deployment,
    log: &Log,
    ended: SessionId,
) -> Outcome<f64> {
    let history = log.history(log.subject_of(ended), 1).await?;
    let last = history.last().ok_or("the session is gone")?;
    let sample = Sample {
        payload: Bytes::clone(&last.payload),
        ttl_seconds: 90 * 24 * 3_600,
        placements: (0..WRITERS).map(|writer| writer.to_le_bytes()[0]).collect(),
    };
    let plain = deployment.beside("revoking-plain", options.shards);
    Ok(append_limit::measure(&plain, &sample, options.time)
        .await?
        .rate)
}
