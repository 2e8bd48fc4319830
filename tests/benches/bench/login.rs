//! Logins, and the hashes they are made of.

use crate::deployment::Servers;
use crate::load::drive;
use crate::options::Options;
use crate::people::register;
use crate::statistics::{percentiles, quantile};
use crate::table::{Row, note, print};
use crate::users::LoggingIn;
use crate::{Outcome, argon_limit, machine};

/// Accounts that take turns.
const PEOPLE: usize = 64;

/// Logins a second beside the hashes that the machine makes.
pub async fn measure(options: &Options, servers: &Servers) -> Outcome<()> {
    let deployment = servers.deploy("signing").await?;
    let service = deployment.serve().await?;
    let people = register(service.target.address, PEOPLE).await?;
    // Two for each core keep it busy, the others wait their turn.
    let users = 4 * machine::cores();
    let (mut limits, mut rates, mut times, mut shares) =
        (Vec::new(), Vec::new(), Vec::new(), String::new());
    for _ in 0..2 {
        limits.push(argon_limit::measure(options.time / 4).await?);
        let crowd = LoggingIn::crowd(&people, users);
        let load = drive(&service.target, crowd, options.time / 2).await?;
        rates.push(load.rate);
        times.extend(load.times);
        shares = load.shares;
    }
    limits.push(argon_limit::measure(options.time / 4).await?);
    let rate = rates.iter().sum::<f64>() / rates.len() as f64;
    let limit = limits.iter().sum::<f64>() / limits.len() as f64;
    let name = format!("logins, {users} connections");
    print(&Row::new(name, format!("{rate:.1}/s")).of_limit(rate, limit, 0.9));
    note(&percentiles(&mut times));
    note(&shares);
    note(&format!(
        "hashes: {:.1} to {:.1}/s",
        quantile(&mut limits, 0.0),
        quantile(&mut limits, 1.0)
    ));
    let load = drive(
        &service.target,
        LoggingIn::crowd(&people, 1),
        options.time / 2,
    )
    .await?;
    let mut times = load.times;
    print(&Row::new("a login, nobody else", percentiles(&mut times)));
    service.process.stop().await
}
