//! Checking access tokens: in the library, and over HTTP.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_verifier::{
    Algorithm, Audience, Claims, KeyRing, KeySet, RevocationSet, SigningKey, Verifier,
};
use uuid::{Builder, Uuid};

use crate::deployment::Servers;
use crate::load::drive;
use crate::options::Options;
use crate::people::register;
use crate::statistics::{median, quantile};
use crate::table::{Row, note, print};
use crate::users::Repeating;
use crate::{Outcome, machine};

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "https://api.example.com";
const REVOKED: usize = 1_000_000;
const TOKENS: usize = 500;
/// A turn lasts some milliseconds, so that slower and faster times of the
/// machine hit both.
const TOKENS_A_TURN: usize = 100;
const USERS: usize = 64;

/// Checks a second on one core beside bare signature checks.
pub fn local(options: &Options) -> Outcome<()> {
    let revocations = Arc::new(RevocationSet::default());
    for _ in 0..REVOKED {
        revocations.revoke_session(id(), NOW + 1_800)?;
    }
    let pkcs8 = SigningKey::generate_pkcs8(Algorithm::Es256)?;
    let key = SigningKey::from_pkcs8(Algorithm::Es256, &pkcs8)?;
    let keys = Arc::new(KeyRing::new(KeySet::from_keys([key.public_key().clone()])?));
    let verifier = Verifier::new(ISSUER, AUDIENCE, keys, revocations);
    let raw = URL_SAFE_NO_PAD.decode(key.public_key().to_base64url())?;
    let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &raw)?;
    let tokens: Vec<String> = (0..TOKENS)
        .map(|_| key.mint(&claims()))
        .collect::<Result<_, _>>()?;
    let parts: Vec<(&[u8], Vec<u8>)> = tokens
        .iter()
        .map(|token| taken_apart(token))
        .collect::<Outcome<_>>()?;
    let start = Instant::now();
    let (mut bare, mut checked) = (Vec::new(), Vec::new());
    for turn in 0.. {
        if start.elapsed() >= options.time / 2 {
            break;
        }
        let from = turn * TOKENS_A_TURN % TOKENS;
        let range = from..from + TOKENS_A_TURN;
        bare.push(rate(&parts[range.clone()], |(signed, signature)| {
            parsed.verify_sig(signed, signature).is_ok()
        })?);
        checked.push(rate(&tokens[range], |token| {
            verifier.check(token, NOW).is_ok()
        })?);
    }
    let mut ratios: Vec<f64> = checked
        .iter()
        .zip(&bare)
        .map(|(one, other)| one / other)
        .collect();
    let ratio = median(&mut ratios);
    let limit = median(&mut bare);
    let value = format!("{:.0}/s", median(&mut checked));
    let name = format!("local checks (ES256), one core, {REVOKED} revoked");
    print(&Row::new(name, value).of_limit(ratio * limit, limit, 0.9));
    let (low, high) = (quantile(&mut ratios, 0.1), quantile(&mut ratios, 0.9));
    note(&format!(
        "median of {} turns; the ratio's middle 80 % of turns: {:.1} to {:.1} %",
        ratios.len(),
        low * 100.0,
        high * 100.0
    ));
    Ok(())
}

/// `GET /v1/auth/verify` a second.
pub async fn over_http(options: &Options, servers: &Servers) -> Outcome<()> {
    let deployment = servers.deploy("verifying").await?;
    let service = deployment.serve().await?;
    let people = register(service.target.address, USERS).await?;
    let users = people.iter().map(Repeating::verify).collect();
    let mut load = drive(&service.target, users, options.time / 2).await?;
    let name = format!("GET /v1/auth/verify, {USERS} connections");
    print(&Row::new(name, format!("{:.0}/s", load.rate)));
    note(&load.percentiles());
    note(&load.shares);
    service.process.stop().await
}

/// `GET /healthz` a second: what the HTTP shell itself costs.
pub async fn shell(options: &Options, servers: &Servers) -> Outcome<()> {
    let deployment = servers.deploy("alive").await?;
    let service = deployment.serve().await?;
    let users = (0..USERS).map(|_| Repeating::alive()).collect();
    let mut load = drive(&service.target, users, options.time / 2).await?;
    let name = format!("GET /healthz, {USERS} connections");
    print(&Row::new(name, format!("{:.0}/s", load.rate)));
    note(&load.percentiles());
    note(&load.shares);
    service.process.stop().await
}

/// How often in a second of this thread's processor time `works` does its
/// work, over `inputs` once.
fn rate<T>(inputs: &[T], mut works: impl FnMut(&T) -> bool) -> Outcome<f64> {
    let start = machine::thread_seconds()?;
    let good = inputs
        .iter()
        .filter(|input| works(black_box(input)))
        .count();
    let rate = inputs.len() as f64 / (machine::thread_seconds()? - start);
    if good < inputs.len() {
        return Err("a good token was refused".into());
    }
    Ok(rate)
}

fn taken_apart(token: &str) -> Outcome<(&[u8], Vec<u8>)> {
    let (signed, signature) = token.rsplit_once('.').ok_or("no token")?;
    Ok((signed.as_bytes(), URL_SAFE_NO_PAD.decode(signature)?))
}

/// A UUIDv7 of the last minute, as the issuer makes them.
fn id() -> Uuid {
    let random = Uuid::new_v4().into_bytes();
    let millis = NOW * 1_000 - u64::from(random[0]) * 230;
    let mut tail = [0; 10];
    tail.copy_from_slice(&random[6..]);
    Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

/// Claims as the service mints them.
fn claims() -> Claims {
    Claims {
        iss: ISSUER.into(),
        sub: id(),
        aud: Audience::from(AUDIENCE),
        exp: NOW + 900,
        iat: NOW,
        nbf: NOW,
        jti: id().to_string(),
        client_id: "first-party".into(),
        sid: id(),
        epoch: 8_412,
        scope: String::new(),
        roles: vec!["user".into()],
        acr: Some("aal1".into()),
        amr: vec!["pwd".into()],
        auth_time: Some(NOW - 60),
        cnf: None,
        act: None,
    }
}
