//! Several verifiers in one process, as other people's services embed them,
//! which check the tokens they are told to as fast as their beat allows and
//! say when each was refused. The tests of the bound start some of these.
//!
//! stdin and stdout are lines of JSON; see [`Order`] and [`Word`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_verifier::Refusal;
use countersign_verifier::live::{
    ClientCredentials, LiveConfig, LiveVerifier, NatsCredentials, Rejection, Requirement, Source,
};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::MissedTickBehavior;

/// What the test says.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// Check this token from now on.
    Watch { id: String, token: String },
    /// Stop checking it.
    Forget { id: String },
}

/// What is answered.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Word<'a> {
    /// All verifiers know everything and can begin.
    Ready,
    /// This verifier has accepted the token for the first time.
    Accepted { id: &'a str, verifier: usize },
    /// This verifier refuses the token, and accepted it last in a check that
    /// began at `last_accepted`. Times are Unix nanoseconds.
    Refused {
        id: &'a str,
        verifier: usize,
        at: u64,
        last_accepted: u64,
        code: &'a str,
    },
    /// This verifier accepted a token that it had refused as revoked.
    Again { id: &'a str, verifier: usize },
    /// This verifier will refuse everything until it knows more again.
    Stale { verifier: usize, at: u64 },
}

#[expect(clippy::print_stdout, reason = "that is how it speaks")]
fn say(word: &Word<'_>) {
    if let Ok(line) = serde_json::to_string(word) {
        println!("{line}");
    }
}

/// What one verifier has found of one token.
#[derive(Default)]
struct Found {
    last_accepted: u64,
    refused: bool,
}

type Watched = Arc<Mutex<HashMap<String, String>>>;

fn setting(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("{name} is not set"))
}

fn config(number: usize) -> Result<LiveConfig, String> {
    let source = match setting("SOURCE")?.as_str() {
        "nats" => Source::Nats {
            url: setting("NATS_URL")?.into(),
            prefix: setting("PREFIX")?,
            credentials: NatsCredentials::Url,
        },
        _ => Source::Sse {
            base_url: setting("BASE_URL")?,
            credentials: ClientCredentials {
                client_id: setting("CLIENT_ID")?,
                client_secret: setting("CLIENT_SECRET")?.into(),
            },
        },
    };
    let config = LiveConfig::new(setting("ISSUER")?, setting("AUDIENCE")?, source)
        .with_name(&format!("{}-{number}", setting("NAME")?))
        .with_jwks_url(setting("JWKS_URL")?)
        .with_max_staleness(millis("MAX_STALENESS_MS")?);
    Ok(config)
}

#[expect(clippy::disallowed_methods, reason = "processes compare these times")]
fn nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

fn millis(name: &'static str) -> Result<Duration, String> {
    let millis = setting(name)?.parse().map_err(|_| name)?;
    Ok(Duration::from_millis(millis))
}

async fn check_all(verifier: LiveVerifier, number: usize, beat: Duration, watched: Watched) {
    let mut found: HashMap<String, Found> = HashMap::new();
    let mut was_stale = false;
    let mut ticks = tokio::time::interval(beat);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now: Vec<(String, String)> = {
            let watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
            found.retain(|id, _| watched.contains_key(id));
            let all = watched.iter();
            all.map(|(id, token)| (id.clone(), token.clone())).collect()
        };
        let mut is_stale = false;
        for (id, token) in now {
            let began = nanos();
            let outcome = verifier.check(&token, &Requirement::new()).await;
            let found = found.entry(id.clone()).or_default();
            match outcome {
                Ok(_) => {
                    if found.refused {
                        say(&Word::Again {
                            id: &id,
                            verifier: number,
                        });
                    } else if found.last_accepted == 0 {
                        say(&Word::Accepted {
                            id: &id,
                            verifier: number,
                        });
                    }
                    found.last_accepted = began;
                }
                Err(Rejection::Stale | Rejection::Keys) => is_stale = true,
                Err(rejection) if !found.refused => {
                    found.refused = true;
                    let code = match &rejection {
                        Rejection::Token(Refusal::Revoked) => "token_revoked",
                        Rejection::Token(refusal) => refusal.code(),
                        _ => "other",
                    };
                    say(&Word::Refused {
                        id: &id,
                        verifier: number,
                        at: nanos(),
                        last_accepted: found.last_accepted,
                        code,
                    });
                }
                Err(_) => {}
            }
        }
        if is_stale && !was_stale {
            say(&Word::Stale {
                verifier: number,
                at: nanos(),
            });
        }
        was_stale = is_stale;
    }
}

async fn run() -> Result<(), String> {
    let count: usize = setting("VERIFIERS")?.parse().map_err(|_| "VERIFIERS")?;
    let beat = millis("BEAT_MS")?;
    let watched = Watched::default();
    let mut verifiers = Vec::new();
    for number in 0..count {
        let verifier = LiveVerifier::start(config(number)?).map_err(|error| error.to_string())?;
        verifiers.push(verifier);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for (number, verifier) in verifiers.iter().enumerate() {
        verifier.caught_up().await;
        tasks.spawn(check_all(
            verifier.clone(),
            number,
            beat,
            Arc::clone(&watched),
        ));
    }
    say(&Word::Ready);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let order: Order = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
        match order {
            Order::Watch { id, token } => watched.insert(id, token),
            Order::Forget { id } => watched.remove(&id),
        };
    }
    tasks.shutdown().await;
    for verifier in verifiers {
        verifier.stop().await;
    }
    Ok(())
}

fn main() -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(run())
}
