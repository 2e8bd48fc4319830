//! How far the read models are behind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_domain::Session;
use countersign_events::Position;
use countersign_log::{Log, Repository};
use futures_util::StreamExt;
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use crate::Outcome;
use crate::deployment::{Deployment, Servers};
use crate::http::{Connection, get};
use crate::options::Options;
use crate::past::Past;
use crate::people::register;
use crate::statistics::{millis, pass, percentiles, quantile};
use crate::table::{Row, note, print};
use crate::users::refresh;

const EVENTS_A_SECOND: u64 = 500;
const TIME: Duration = Duration::from_secs(10);
/// So many that each rests about two seconds between its refreshes.
const SESSIONS: usize = 1_024;

pub type Moments = Arc<Mutex<Vec<(Position, Instant)>>>;

/// The time from an acknowledged append to its commit in the read models, with
/// a steady stream of events; then what a read waits for its own write.
pub async fn measure(options: &Options, servers: &Servers) -> Outcome<()> {
    let deployment = servers.deploy("lagging").await?;
    let log = deployment.log().await?;
    let committed = announcements(&log).await?;
    let mut past = Past::new(&log);
    past.register(64).await?;
    let sessions = past.sign_in(SESSIONS).await?;
    let projector = deployment.project().await?;
    caught_up(&log, &committed).await?;
    let (past, repository) = (Arc::new(past), Repository::<Session>::new(&log));
    for session in &sessions {
        repository.recent(session.id).await?;
    }
    let appended = Moments::default();
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(EVENTS_A_SECOND)?);
    // What the machine held up is sent later, not left out.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (start, mut tasks) = (Instant::now(), Vec::new());
    let turns = sessions.iter().cycle().enumerate();
    for (turn, session) in turns {
        ticks.tick().await;
        if start.elapsed() >= TIME {
            break;
        }
        let generation = u32::try_from(turn / SESSIONS)? + 1;
        let (meta, command) = past.refresh(session, generation)?;
        let (id, repository, appended) = (session.id, repository.clone(), Arc::clone(&appended));
        tasks.push(tokio::spawn(async move {
            let began = Instant::now();
            let done = repository.execute(id, &meta, &command).await?;
            let now = Instant::now();
            appended.lock().await.push((done.position, now));
            Outcome::Ok(millis(now - began))
        }));
    }
    let mut appends = Vec::new();
    for task in tasks {
        appends.push(task.await??);
    }
    caught_up(&log, &committed).await?;
    let mut lags = lags(&appended.lock().await, &committed.lock().await)?;
    let most = quantile(&mut lags, 0.99);
    let rate = lags.len() as f64 / TIME.as_secs_f64();
    let name = format!("projection lag at {rate:.0} events/s");
    print(&Row::new(name, percentiles(&mut lags)).goal("p99 < 50 ms", most < 50.0));
    note(&format!(
        "the appends themselves: {}",
        percentiles(&mut appends)
    ));
    read_own_writes(options, &deployment).await?;
    projector.stop().await
}

/// Collects what projectors announce.
pub async fn announcements(log: &Log) -> Outcome<Moments> {
    let committed = Moments::default();
    for shard in 0..log.shards() {
        let subject = format!("{}.projected.{shard}", log.prefix());
        let mut heard = log.client().subscribe(subject).await?;
        let committed = Arc::clone(&committed);
        tokio::spawn(async move {
            while let Some(message) = heard.next().await {
                let now = Instant::now();
                let text = std::str::from_utf8(&message.payload).unwrap_or_default();
                if let Ok(sequence) = text.parse() {
                    committed
                        .lock()
                        .await
                        .push((Position { shard, sequence }, now));
                }
            }
        });
    }
    log.client().flush().await?;
    Ok(committed)
}

/// Waits until the end of every shard has been announced.
pub async fn caught_up(log: &Log, committed: &Moments) -> Outcome<()> {
    let deadline = Instant::now() + Duration::from_mins(1);
    for shard in 0..log.shards() {
        let sequence = log.last_sequence(shard).await?;
        let end = Position { shard, sequence };
        let reached = |(position, _): &(Position, Instant)| {
            position.shard == end.shard && position.sequence >= end.sequence
        };
        while sequence > 0 && !committed.lock().await.iter().any(reached) {
            if Instant::now() > deadline {
                return Err(format!("{end} was not projected within a minute").into());
            }
            pass(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

/// From each append to the first announcement that covers it, in milliseconds.
fn lags(appended: &[(Position, Instant)], committed: &[(Position, Instant)]) -> Outcome<Vec<f64>> {
    let shards = usize::from(u8::MAX) + 1;
    let mut by_shard = vec![Vec::new(); shards];
    for (position, at) in committed {
        by_shard[usize::from(position.shard)].push((position.sequence, *at));
    }
    let lag = |(position, at): &(Position, Instant)| -> Outcome<f64> {
        let announced = &by_shard[usize::from(position.shard)];
        let first = announced.partition_point(|(sequence, _)| *sequence < position.sequence);
        let (_, seen) = announced
            .get(first)
            .ok_or("an append was never projected")?;
        Ok(millis(seen.saturating_duration_since(*at)))
    };
    appended.iter().map(lag).collect()
}

/// A write, and a read that must see it, one after the other.
async fn read_own_writes(options: &Options, deployment: &Deployment) -> Outcome<()> {
    let service = deployment.serve().await?;
    let mut people = register(service.target.address, 1).await?;
    let person = people.pop().ok_or("nobody has registered")?;
    let mut connection = Connection::open(service.target.address).await?;
    let mut request = refresh(&person.refresh_token);
    let (mut both, mut reads, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    let start = Instant::now();
    while start.elapsed() < options.time / 2 {
        let began = Instant::now();
        let answer = connection.exchange(&request).await?;
        let position = answer
            .header("countersign-position")
            .ok_or("a write without a position")?;
        request = refresh(answer.text(b"refresh_token").ok_or("no refresh token")?);
        let written = Instant::now();
        let bearer = format!("authorization: Bearer {}\r\n", person.access_token);
        let headers = format!("{bearer}countersign-min-position: {position}\r\n");
        for (headers, times) in [(&headers, &mut reads), (&bearer, &mut plain)] {
            let began = Instant::now();
            let read = connection
                .exchange(&get("/v1/me/sessions", headers))
                .await?;
            if read.status != 200 {
                let body = String::from_utf8_lossy(read.body);
                return Err(format!("a read was answered {}: {body}", read.status).into());
            }
            times.push(millis(began.elapsed()));
        }
        let read = reads.last().copied().unwrap_or_default();
        both.push(millis(written - began) + read);
    }
    print(&Row::new(
        "a write and a read that sees it",
        percentiles(&mut both),
    ));
    note(&format!("the read that waits: {}", percentiles(&mut reads)));
    note(&format!(
        "the same read, not waiting: {}",
        percentiles(&mut plain)
    ));
    service.process.stop().await
}
