//! Starting, and making the read models again: both with a past.

use std::time::Duration;

use countersign_projector::replay;

use crate::Outcome;
use crate::deployment::{Deployment, Servers};
use crate::options::Options;
use crate::past::Past;
use crate::process::Process;
use crate::statistics::{median, millis};
use crate::table::{Row, note, print};

/// How often a start is repeated; the median counts.
const STARTS: usize = 5;
const PEOPLE: usize = 2_000;
const EVENTS_BEFORE_START: u64 = 100_000;
const EVENTS_BEFORE_REPLAY: u64 = 200_000;

/// Starts on an empty log.
pub async fn empty(servers: &Servers) -> Outcome<()> {
    let deployment = servers.deploy("starting").await?;
    let first = deployment.serve().await?;
    let took = millis(first.process.took);
    print(&Row::new(
        "serve, first start: makes the streams",
        format!("{took:.0} ms"),
    ));
    first.process.stop().await?;
    starts(&deployment, "serve, start on an empty log").await
}

async fn starts(deployment: &Deployment, name: &str) -> Outcome<()> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let service = deployment.serve().await?;
        times.push(millis(service.process.took));
        service.process.stop().await?;
    }
    let took = median(&mut times);
    let range = format!(
        "{:.0} ms ({:.0} to {:.0})",
        took,
        times[0],
        times[times.len() - 1]
    );
    print(&Row::new(name, range).goal("< 500 ms", took < 500.0));
    Ok(())
}

/// `countersign dev` in an empty directory, and again.
pub async fn dev(options: &Options) -> Outcome<()> {
    let folder = options.folder.path().join("dev-run");
    std::fs::create_dir_all(&folder)?;
    let arguments = ["dev", "--data-dir", "data", "--listen", "127.0.0.1:0"];
    for name in ["dev, first start: makes a database", "dev, second start"] {
        let process = Process::start(&folder, &arguments, &[]).await?;
        print(&Row::new(name, format!("{:.0} ms", millis(process.took))));
        process.stop().await?;
    }
    Ok(())
}

/// Starts on a log with a past, and a replay of it. The log is filled by
/// servers that do not sync, which only the filling gains from.
pub async fn with_past(options: &Options) -> Outcome<()> {
    let filling = Servers::start(options, "past", false).await?;
    let deployment = filling.deploy("archive").await?;
    let log = deployment.log().await?;
    let mut past = Past::new(&log);
    let start = std::time::Instant::now();
    past.register(PEOPLE).await?;
    past.live(EVENTS_BEFORE_START - past.events).await?;
    let rate = past.events as f64 / start.elapsed().as_secs_f64();
    if options.wants("startup") {
        starts(&deployment, "serve, start on 100,000 events").await?;
        note(&format!(
            "all of the last minute; the log was filled with {rate:.0} events/s"
        ));
    }
    if options.wants("replay") {
        past.live(EVENTS_BEFORE_REPLAY - past.events).await?;
        drop((past, log));
        filling.stop().await;
        let servers = Servers::start(options, "past", true).await?;
        let deployment = servers.deploy("archive").await?;
        again(&deployment).await?;
        servers.stop().await;
    } else {
        filling.stop().await;
    }
    Ok(())
}

/// Replays twice: the second time beside a generation that is served.
async fn again(deployment: &Deployment) -> Outcome<()> {
    let log = deployment.log().await?;
    for name in [
        "replay into an empty database",
        "replay beside served read models",
    ] {
        let outcome = replay(&log, deployment.postgres()?, &|_| {}).await?;
        let rate =
            outcome.events as f64 / outcome.elapsed.max(Duration::from_millis(1)).as_secs_f64();
        let value = format!("{rate:.0} events/s");
        print(&Row::new(name, value).goal(">= 25,000/s", rate >= 25_000.0));
        let seconds = outcome.elapsed.as_secs_f64();
        note(&format!(
            "{} events in {seconds:.1} s, indexes and switch and all",
            outcome.events
        ));
    }
    Ok(())
}
