//! Refreshes, and the appends they are made of.

use std::net::SocketAddr;

use bytes::Bytes;
use countersign_events::SessionId;

use crate::Outcome;
use crate::append_limit::{self, Sample};
use crate::deployment::{Deployment, Servers};
use crate::http::Connection;
use crate::load::drive;
use crate::options::Options;
use crate::people::{Person, register};
use crate::table::{Row, note, print};
use crate::users::{Refreshing, refresh};

/// Connections, each with a session of its own.
const USERS: usize = 64;

/// Refreshes a second beside appends a second.
pub async fn measure(options: &Options, servers: &Servers) -> Outcome<()> {
    let deployment = servers.deploy("refreshing").await?;
    let service = deployment.serve().await?;
    let people = register(service.target.address, USERS + 1).await?;
    let (sample, people) = sample(&deployment, service.target.address, &people).await?;
    let plain = deployment.beside("plain", options.shards);
    let half = options.time / 2;
    let users = people.iter().map(Refreshing::new).collect();
    let before = append_limit::measure(&plain, &sample, half).await?;
    let mut load = drive(&service.target, users, options.time).await?;
    let after = append_limit::measure(&plain, &sample, half).await?;
    let limit = f64::midpoint(before.rate, after.rate);
    let others = load.others.max(before.others).max(after.others);
    let value = format!("{:.0}/s", load.rate);
    let name = format!(
        "refreshes, {} connections, {} shards",
        people.len(),
        options.shards
    );
    print(
        &Row::new(name, value)
            .of_limit(load.rate, limit, 0.8)
            .beside(others),
    );
    note(&load.percentiles());
    note(&format!("refreshing: {}", load.shares));
    note(&format!("appending:  {}", after.shares));
    let (low, high) = (before.rate.min(after.rate), before.rate.max(after.rate));
    note(&format!(
        "appends of {} bytes: {low:.0} and {high:.0}/s",
        sample.payload.len()
    ));
    service.process.stop().await
}

/// Appends a second in logs of other numbers of shards.
pub async fn by_shards(options: &Options, servers: &Servers) -> Outcome<()> {
    let deployment = servers.deploy("sharding").await?;
    let service = deployment.serve().await?;
    let people = register(service.target.address, USERS + 1).await?;
    let (sample, _) = sample(&deployment, service.target.address, &people).await?;
    service.process.stop().await?;
    for (name, shards) in [("one", 1), ("four", 4), ("eight", 8), ("sixteen", 16)] {
        let log = deployment.beside(name, shards);
        let limit = append_limit::measure(&log, &sample, options.time / 4).await?;
        let name = format!("appends, {USERS} writers, shards: {shards}");
        print(&Row::new(name, format!("{:.0}/s", limit.rate)));
    }
    Ok(())
}

/// The bytes of a real refresh, which the first person gives, and where the
/// sessions of the others are.
async fn sample<'a>(
    deployment: &Deployment,
    address: SocketAddr,
    people: &'a [Person],
) -> Outcome<(Sample, &'a [Person])> {
    let (first, people) = people.split_first().ok_or("nobody has registered")?;
    let mut connection = Connection::open(address).await?;
    connection.exchange(&refresh(&first.refresh_token)).await?;
    let log = deployment.log().await?;
    let session = SessionId::from_uuid(first.session);
    let history = log.history(log.subject_of(session), 1).await?;
    let payload = history
        .last()
        .ok_or("no refresh in the log")?
        .payload
        .to_vec();
    let sample = Sample {
        payload: Bytes::from(payload),
        ttl_seconds: 120 * 24 * 3_600,
        placements: people
            .iter()
            .map(|person| person.session.as_bytes()[15])
            .collect(),
    };
    Ok((sample, people))
}
