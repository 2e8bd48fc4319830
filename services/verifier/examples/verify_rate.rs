//! How fast access tokens are checked and minted, on one core.
//!
//! `cargo run --release -p countersign-verifier --example verify_rate`
//!
//! "bare" is `aws-lc-rs` checking the same signatures over the same bytes
//! with keys that are parsed already: the least that can be done. "check" is
//! [`Verifier::check`], claims and revocation and all, with a million
//! sessions revoked and a million accounts raised. The two take turns, and
//! the ratio is the median of the turns, so that other work on the machine
//! hits both.

#![expect(clippy::print_stdout, reason = "it prints what it measured")]
#![expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_verifier::{
    Algorithm, Audience, Claims, KeyRing, KeySet, RevocationSet, SigningKey, Verifier,
};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::{Builder, Uuid};

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "https://api.example.com";
const REVOKED: usize = 1_000_000;
/// Many sessions, so that lookups miss the caches as they do in a service.
const TOKENS: usize = 500;
/// A turn lasts about two milliseconds; a median over many is little moved
/// by what else runs.
const TOKENS_A_TURN: usize = 25;
const TURNS: usize = 400;

fn main() -> Result<(), Box<dyn Error>> {
    let revocations = Arc::new(RevocationSet::default());
    measure_lookups(&revocations)?;
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256] {
        measure_algorithm(algorithm, &revocations)?;
    }
    Ok(())
}

fn measure_lookups(revocations: &RevocationSet) -> Result<(), Box<dyn Error>> {
    let ids: Vec<Uuid> = (0..REVOKED).map(|_| id()).collect();
    let with_ids = resident_bytes();
    let start = Instant::now();
    for &sid in &ids {
        revocations.revoke_session(sid, NOW + 1800)?;
    }
    let insert = start.elapsed() / u32::try_from(REVOKED)?;
    let bytes = resident_bytes().saturating_sub(with_ids) / REVOKED;

    let accounts: Vec<Uuid> = (0..REVOKED).map(|_| id()).collect();
    for &account in &accounts {
        revocations.raise_epoch(account, 7, NOW + 1800)?;
    }

    // In an order that no cache foresees.
    let shuffled =
        |ids: &[Uuid]| -> Vec<Uuid> { (0..REVOKED).map(|n| ids[n * 7_919 % REVOKED]).collect() };
    let (revoked, raised) = (shuffled(&ids), shuffled(&accounts));
    let (other_sessions, others): (Vec<_>, Vec<_>) = (0..REVOKED).map(|_| (id(), id())).unzip();
    println!("revocation set of {REVOKED} sessions and as many accounts");
    println!("  memory              {bytes:>5} bytes a session");
    println!("  insert              {:>5} ns", insert.as_nanos());
    for (name, sessions, subjects, expected) in [
        ("nothing revoked", &other_sessions, &others, 0),
        ("session revoked", &revoked, &others, REVOKED),
        ("account raised", &other_sessions, &raised, REVOKED),
    ] {
        let mut costs: Vec<f64> = (0..9)
            .map(|_| {
                let start = Instant::now();
                let found = sessions
                    .iter()
                    .zip(subjects)
                    .filter(|(sid, sub)| revocations.is_revoked(**sid, **sub, 1))
                    .count();
                assert_eq!(found, expected);
                start.elapsed().as_secs_f64() * 1e9 / REVOKED as f64
            })
            .collect();
        println!("  {name:<18}  {:>5.0} ns", median(&mut costs));
    }
    let mut slices: Vec<f64> = (0..512)
        .map(|_| {
            let start = Instant::now();
            revocations.prune(NOW);
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    let worst = slices.iter().copied().fold(0.0, f64::max);
    println!(
        "  prune               {:>5.0} us a call (worst {worst:.0} us)\n",
        median(&mut slices)
    );
    Ok(())
}

fn measure_algorithm(
    algorithm: Algorithm,
    revocations: &Arc<RevocationSet>,
) -> Result<(), Box<dyn Error>> {
    let pkcs8 = SigningKey::generate_pkcs8(algorithm)?;
    let key = SigningKey::from_pkcs8(algorithm, &pkcs8)?;
    let keys = Arc::new(KeyRing::new(KeySet::from_keys([key.public_key().clone()])?));
    let verifier = Verifier::new(ISSUER, AUDIENCE, keys, Arc::clone(revocations));
    let tokens: Vec<String> = (0..TOKENS)
        .map(|_| key.mint(&claims()))
        .collect::<Result<_, _>>()?;
    let parts: Vec<(&[u8], Vec<u8>)> = tokens.iter().map(|token| taken_apart(token)).collect();

    let raw = URL_SAFE_NO_PAD.decode(key.public_key().to_base64url())?;
    let parameters: &'static dyn VerificationAlgorithm = match algorithm {
        Algorithm::EdDsa => &ED25519,
        Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        _ => &ECDSA_P256_SHA256_FIXED,
    };
    let parsed = ParsedPublicKey::new(parameters, &raw)?;
    let unparsed = UnparsedPublicKey::new(parameters, &raw);
    let jwt_key = DecodingKey::from_jwk(&key.public_key().to_jwk())?;
    let mut validation = Validation::new(algorithm.into());
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.validate_exp = false;

    let mut rows = [const { Vec::new() }; 4];
    for turn in 0..TURNS {
        let (tokens, parts) = (turn_of(turn, &tokens), turn_of(turn, &parts));
        rows[0].push(rate(parts, |(signed, signature)| {
            parsed.verify_sig(signed, signature).is_ok()
        }));
        rows[1].push(rate(tokens, |token| verifier.check(token, NOW).is_ok()));
        rows[2].push(rate(parts, |(signed, signature)| {
            unparsed.verify(signed, signature).is_ok()
        }));
        rows[3].push(rate(tokens, |token| {
            jsonwebtoken::decode::<Claims>(token, &jwt_key, &validation).is_ok()
        }));
    }
    println!(
        "{} verify, tokens of {} bytes",
        algorithm.name(),
        tokens[0].len()
    );
    print_row("bare, parsed key", &rows[0], &rows[0]);
    print_row("check", &rows[1], &rows[0]);
    print_row("bare, unparsed key", &rows[2], &rows[0]);
    print_row("jsonwebtoken::decode", &rows[3], &rows[0]);

    let mut jwt_header = Header::new(algorithm.into());
    jwt_header.kid = Some(key.key_id().to_owned());
    let encoding_key = match algorithm {
        Algorithm::Es256 => Some(EncodingKey::from_ec_der(&pkcs8)),
        Algorithm::EdDsa => Some(EncodingKey::from_ed_der(&pkcs8)),
        _ => None,
    };
    let all: Vec<Claims> = (0..TOKENS).map(|_| claims()).collect();
    let mut rows = [const { Vec::new() }; 3];
    for turn in 0..TURNS / 4 {
        let (all, parts) = (turn_of(turn, &all), turn_of(turn, &parts));
        rows[0].push(rate(parts, |(signed, _)| {
            jsonwebtoken::signature::Signer::try_sign(&key, signed).is_ok()
        }));
        rows[1].push(rate(all, |one| key.mint(one).is_ok()));
        if let Some(encoding_key) = &encoding_key {
            rows[2].push(rate(all, |one| {
                jsonwebtoken::encode(&jwt_header, one, encoding_key).is_ok()
            }));
        }
    }
    println!("{} sign", algorithm.name());
    print_row("bare, prepared key", &rows[0], &rows[0]);
    print_row("mint", &rows[1], &rows[0]);
    if encoding_key.is_some() {
        print_row("jsonwebtoken::encode", &rows[2], &rows[0]);
    }
    println!();
    Ok(())
}

/// The inputs of one turn: the turns go round all of them.
fn turn_of<T>(turn: usize, inputs: &[T]) -> &[T] {
    let start = turn * TOKENS_A_TURN % inputs.len();
    &inputs[start..start + TOKENS_A_TURN]
}

/// How often a second `works` does its work, over `inputs` once.
fn rate<T>(inputs: &[T], mut works: impl FnMut(&T) -> bool) -> f64 {
    let start = Instant::now();
    for input in inputs {
        assert!(works(black_box(input)));
    }
    inputs.len() as f64 / start.elapsed().max(Duration::from_nanos(1)).as_secs_f64()
}

fn print_row(name: &str, rates: &[f64], bare: &[f64]) {
    let mut ratios: Vec<f64> = rates
        .iter()
        .zip(bare)
        .map(|(rate, bare)| rate / bare)
        .collect();
    let rate = median(&mut rates.to_vec());
    println!(
        "  {name:<22} {rate:>8.0}/s  {:>6.1} %",
        median(&mut ratios) * 100.0
    );
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn taken_apart(token: &str) -> (&[u8], Vec<u8>) {
    let (signed, signature) = token.rsplit_once('.').unwrap_or_default();
    (
        signed.as_bytes(),
        URL_SAFE_NO_PAD.decode(signature).unwrap_or_default(),
    )
}

/// A UUIDv7 of the last minute, as the issuer makes them.
fn id() -> Uuid {
    let random = Uuid::new_v4().into_bytes();
    let millis = NOW * 1000 - u64::from(random[0]) * 230;
    let mut tail = [0; 10];
    tail.copy_from_slice(&random[6..]);
    Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

fn claims() -> Claims {
    Claims {
        iss: ISSUER.into(),
        sub: id(),
        aud: Audience::from(AUDIENCE),
        exp: NOW + 900,
        iat: NOW,
        nbf: NOW,
        jti: id().to_string(),
        client_id: id().to_string(),
        sid: id(),
        epoch: 8_412,
        scope: "openid profile orders:read orders:write".into(),
        roles: vec!["user".into(), "support".into()],
        acr: Some("aal2".into()),
        amr: vec!["pwd".into(), "otp".into()],
        auth_time: Some(NOW - 60),
        cnf: None,
        act: None,
    }
}

/// Resident memory on Linux, else 0.
fn resident_bytes() -> usize {
    std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|statm| statm.split(' ').nth(1)?.parse::<usize>().ok())
        .map_or(0, |pages| pages * 4096)
}
