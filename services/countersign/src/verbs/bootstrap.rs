//! `countersign bootstrap`

use std::io::Read;
use std::net::SocketAddr;

use countersign_api::{Clock, EmailAddress, TotpSeed};

use super::output::{Output, one};
use crate::parts::{self, Failure};
use crate::settings::Settings;
use crate::tell;

/// Makes an operator. Works beside running services. With `totp`, the operator
/// has an authenticator app from the start, whose seed is told once.
pub async fn bootstrap(
    settings: &Settings,
    email: &str,
    totp: bool,
    output: Output,
) -> Result<(), Failure> {
    let email = EmailAddress::parse(email).map_err(Failure::usage)?;
    tell("reading the password from stdin");
    let mut password = String::new();
    std::io::stdin()
        .lock()
        .take(4_096)
        .read_to_string(&mut password)
        .map_err(Failure::io("stdin"))?;
    let log = parts::log(settings).await?;
    // Nobody listens there; but without an `issuer` the service's own address
    // is one, and port 0 is no part of an origin.
    let address = SocketAddr::from(([127, 0, 0, 1], 80));
    let app = parts::app(settings, &log, Clock::system(), address).await?;
    log.gate().decided().await;
    let seed = totp.then(TotpSeed::draw).transpose()?;
    let id = app
        .bootstrap(
            &email,
            password.trim_end_matches(['\r', '\n']),
            &["user", "operator"],
            seed.as_ref(),
        )
        .await?;
    if let Some(seed) = &seed {
        tell(&format!("authenticator seed  {}", *seed.to_base32()));
    }
    one(
        output,
        &serde_json::json!({"id": id.to_string()}),
        id,
        || id.to_string(),
    )
}
