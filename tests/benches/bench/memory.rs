//! Resident memory.

use std::time::Duration;

use crate::deployment::Servers;
use crate::load::{Target, User, drive};
use crate::options::Options;
use crate::people::register;
use crate::statistics::{median, pass, quantile};
use crate::table::{Row, note, print};
use crate::users::{LoggingIn, Refreshing};
use crate::{Outcome, machine};

const PEOPLE: usize = 64;
const GOAL_MB: f64 = 60.0;

/// What the processes take, idle and at work.
pub async fn measure(options: &Options, servers: &Servers) -> Outcome<()> {
    let deployment = servers.deploy("remembering").await?;
    let projector = deployment.project().await?;
    let service = deployment.serve().await?;
    pass(Duration::from_secs(2)).await;
    for (name, pid) in [
        ("serve, idle", service.process.pid),
        ("project, idle", projector.pid),
    ] {
        let size = machine::resident_mb(pid);
        let row = Row::new(name, format!("{size:.1} MB"));
        print(&row.goal("< 60 MB", size < GOAL_MB));
    }
    let people = register(service.target.address, PEOPLE).await?;
    let refreshing = people.iter().map(Refreshing::new).collect();
    let time = options.time / 2;
    under(
        &service.target,
        service.process.pid,
        "serve, refreshing",
        refreshing,
        time,
    )
    .await?;
    let size = machine::resident_mb(projector.pid);
    print(&Row::new(
        "project, after those refreshes",
        format!("{size:.1} MB"),
    ));
    let logging_in = LoggingIn::crowd(&people, 4 * machine::cores());
    under(
        &service.target,
        service.process.pid,
        "serve, logging in",
        logging_in,
        time,
    )
    .await?;
    pass(Duration::from_secs(2)).await;
    let size = machine::resident_mb(service.process.pid);
    print(&Row::new("serve, idle again", format!("{size:.1} MB")));
    service.process.stop().await?;
    projector.stop().await
}

/// The memory of a process while users keep it busy.
async fn under<U: User>(
    target: &Target,
    pid: u32,
    name: &str,
    users: Vec<U>,
    time: Duration,
) -> Outcome<()> {
    let count = users.len();
    let load = drive(target, users, time);
    tokio::pin!(load);
    let mut sizes = Vec::new();
    let load = loop {
        tokio::select! {
            load = &mut load => break load?,
            () = pass(Duration::from_millis(100)) => sizes.push(machine::resident_mb(pid)),
        }
    };
    let (half, most) = (median(&mut sizes), quantile(&mut sizes, 1.0));
    let name = format!("{name}, {count} connections");
    print(&Row::new(name, format!("{half:.1} MB, at most {most:.1}")));
    note(&format!("at {:.0}/s; {}", load.rate, load.shares));
    Ok(())
}
