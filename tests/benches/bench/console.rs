//! The console: how fast it draws, what the service takes to answer it at a
//! million sessions, and what the program itself takes.

mod frame;
mod million;
mod program;

use crate::Outcome;
use crate::deployment::Servers;
use crate::people::login_as;

const OPERATOR: &str = "operator@bench.example.com";

/// All of it. `BENCH_SESSIONS` is how many sessions there are in Postgres,
/// unless it is a million.
pub async fn measure(servers: &Servers) -> Outcome<()> {
    let count = match std::env::var("BENCH_SESSIONS") {
        Ok(text) => text.parse()?,
        Err(_) => 1_000_000,
    };
    for sessions in [100_000, 1_000_000] {
        frame::measure(sessions.min(count))?;
    }
    let deployment = servers.deploy("operating").await?;
    deployment.bootstrap(OPERATOR).await?;
    let projector = deployment.project().await?;
    let service = deployment.serve().await?;
    let token = login_as(service.target.address, OPERATOR).await?;
    million::fill(&deployment, count).await?;
    million::measure(service.target.address, &token, count).await?;
    let token = login_as(service.target.address, OPERATOR).await?;
    program::measure(&deployment, service.target.address, &token).await?;
    service.process.stop().await?;
    projector.stop().await
}
