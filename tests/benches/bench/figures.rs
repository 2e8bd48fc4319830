//! All figures, one after the other.

use crate::deployment::Servers;
use crate::options::Options;
use crate::{
    Outcome, bound, console, lag, login, machine, memory, predicate, refresh, start_up, storm,
    table, verification,
};

/// Measures and prints what is wanted.
pub async fn all(options: &Options) -> Outcome<()> {
    let servers = Servers::start(options, "durable", true).await?;
    head(options, &servers).await?;
    table::head();
    if options.wants("login") {
        login::measure(options, &servers).await?;
    }
    if options.wants("storm") {
        storm::measure(options, &servers).await?;
    }
    if options.wants("refresh") {
        refresh::measure(options, &servers).await?;
    }
    if options.wants("append") {
        refresh::by_shards(options, &servers).await?;
    }
    if options.wants("verify") {
        verification::local(options)?;
        verification::over_http(options, &servers).await?;
    }
    if options.wants("shell") {
        verification::shell(options, &servers).await?;
    }
    if options.wants("bound") {
        bound::measure(&servers).await?;
    }
    if options.wants("lag") {
        lag::measure(options, &servers).await?;
    }
    if options.wants("startup") {
        start_up::empty(&servers).await?;
    }
    if options.wants("predicate") {
        predicate::measure(options, &servers).await?;
    }
    if options.wants("console") {
        console::measure(&servers).await?;
    }
    if options.wants("memory") {
        memory::measure(options, &servers).await?;
    }
    servers.stop().await;
    if options.wants("startup") {
        start_up::dev(options).await?;
    }
    if options.wants("startup") || options.wants("replay") {
        start_up::with_past(options).await?;
    }
    Ok(())
}

/// What the figures below depend on.
async fn head(options: &Options, servers: &Servers) -> Outcome<()> {
    let (nats, postgres) = servers.versions().await?;
    let (half, most) = machine::sync_latency(options.folder.path())?;
    table::note(&format!(
        "{} cores ({})",
        machine::cores(),
        machine::processor()
    ));
    table::note(&format!(
        "load average {} at the start",
        machine::load_average()
    ));
    table::note(&format!(
        "fdatasync of 400 bytes: p50 {half:.2} ms, p99 {most:.2} ms"
    ));
    table::note(&format!(
        "nats-server {nats}, Postgres {postgres}, sync_interval always"
    ));
    let seconds = options.time.as_secs();
    table::note(&format!("{seconds} s a figure, {} shards", options.shards));
    Ok(())
}
