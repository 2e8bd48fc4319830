//! `countersign serve` and `countersign project`

use countersign_api::Clock;
use countersign_projector::Projector;

use crate::mail;
use crate::parts::{self, Failure};
use crate::settings::Settings;
use crate::stopping;

/// Runs the service until it is told to stop.
pub async fn serve(settings: &Settings) -> Result<(), Failure> {
    let server = parts::bind(settings)?;
    let address = server.local_addr();
    let log = parts::log(settings).await?;
    let clock = Clock::system();
    let app = parts::app(settings, &log, clock.clone(), address).await?;
    let url = app.config.issuer.clone();
    let mailer = mail::start(settings, &log, &clock, &url).await?;
    tracing::info!(%address, issuer = url, "serving");
    crate::say(&format!("countersign ready http://{address}"));
    countersign_api::serve(server, app, parts::shell(settings)?, stopping::signal()).await?;
    mailer.stop().await;
    Ok(())
}

/// Runs a projector until it is told to stop.
pub async fn project(settings: &Settings) -> Result<(), Failure> {
    let log = parts::log(settings).await?;
    let options = parts::projector(settings, &log, &Clock::system()).await?;
    let projector = Projector::start(log, parts::postgres(settings)?, options);
    crate::say("countersign projecting");
    stopping::signal().await;
    projector.stop().await;
    Ok(())
}
