//! Logins, and the hashes they are made of.

use crate::deployment::Servers;
use crate::load::{Load, drive};
use crate::options::Options;
use crate::people::register;
use crate::statistics::{mean, percentiles};
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
    let mut limits = vec![argon_limit::measure(options.time / 4).await?];
    let mut loads = Vec::new();
    for _ in 0..2 {
        let crowd = LoggingIn::crowd(&people, users);
        loads.push(drive(&service.target, crowd, options.time / 2).await?);
        limits.push(argon_limit::measure(options.time / 4).await?);
    }
    show(users, &limits, &loads);
    let crowd = LoggingIn::crowd(&people, 1);
    let mut load = drive(&service.target, crowd, options.time / 2).await?;
    print(&Row::new("a login, nobody else", load.percentiles()));
    service.process.stop().await
}

fn show(users: usize, limits: &[argon_limit::Limit], loads: &[Load]) {
    let rate = mean(loads.iter().map(|load| load.rate));
    let limit = mean(limits.iter().map(|limit| limit.rate));
    // By the clock, and by processor time, which other people's work moves
    // less. On a quiet machine they agree; the lower one counts.
    let hashes = mean(limits.iter().map(|limit| limit.rate_of_core));
    let logins = mean(loads.iter().map(|load| load.rate / load.cores_used));
    let ratio = (rate / limit).min(logins / hashes);
    let others = loads.iter().map(|load| load.others).fold(0.0, f64::max);
    let name = format!("logins, {users} connections");
    print(
        &Row::new(name, format!("{rate:.1}/s"))
            .of_limit(ratio * limit, limit, 0.9)
            .beside(others),
    );
    let times = loads.iter().flat_map(|load| load.times.iter().copied());
    note(&percentiles(&mut times.collect::<Vec<_>>()));
    for load in loads {
        note(&load.shares);
    }
    note(&format!(
        "a second of processor time: {logins:.1} logins, {hashes:.1} hashes, {:.1} %; \
         by the clock {:.1} %",
        logins / hashes * 100.0,
        rate / limit * 100.0
    ));
    let rates = limits.iter().map(|limit| format!("{:.1}", limit.rate));
    let rates = rates.collect::<Vec<_>>().join(", ");
    note(&format!("hashes before, between and after: {rates}/s"));
}
