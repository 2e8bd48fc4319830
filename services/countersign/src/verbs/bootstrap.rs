//! `countersign bootstrap`

use std::io::{self, Read};
use std::net::SocketAddr;
use std::thread;

use countersign_api::{Clock, EmailAddress, TotpSeed};
use tokio::sync::oneshot;

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
    let password = first_of_stdin().await.map_err(Failure::io("stdin"))?;
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

/// What is typed or piped. On a thread of its own, which is left behind when
/// the program ends: nobody waits for a line after Ctrl-C.
async fn first_of_stdin() -> io::Result<String> {
    let (tell, told) = oneshot::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = io::stdin().lock().take(4_096).read_to_string(&mut text);
        let _ = tell.send(read.map(|_| text));
    });
    told.await.map_err(io::Error::other)?
}
