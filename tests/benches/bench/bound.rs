//! From an acknowledged revocation to its refusal by the last of many
//! verifiers in several processes.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::Outcome;
use crate::deployment::{Deployment, Servers};
use crate::http::{Connection, post};
use crate::people::register;
use crate::statistics::{percentiles, quantile};
use crate::table::{Row, note, print};

const HOSTS: usize = 5;
const VERIFIERS: usize = 10;
const REVOCATIONS: usize = 300;

/// Longer than the stated bound, so that what breaks it is seen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process with verifiers; killed when dropped.
struct Host {
    _child: Child,
    input: ChildStdin,
}

impl Host {
    fn start(
        deployment: &Deployment,
        issuer: &str,
        number: usize,
        heard: mpsc::Sender<Value>,
    ) -> Outcome<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign-test-verifiers"));
        command
            .env("SOURCE", "nats")
            .env("NATS_URL", deployment.nats_url().expose_secret())
            .env("PREFIX", deployment.name())
            .env("ISSUER", issuer)
            .env("AUDIENCE", "countersign")
            .env("JWKS_URL", format!("{issuer}/.well-known/jwks.json"))
            .env("NAME", format!("bench-{number}"))
            .env("VERIFIERS", VERIFIERS.to_string())
            .env("MAX_STALENESS_MS", "10000")
            .env("BEAT_MS", "10")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let input = child.stdin.take().ok_or("no stdin")?;
        let output = child.stdout.take().ok_or("no stdout")?;
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let word = serde_json::from_str(&line).unwrap_or(Value::Null);
                if heard.send(word).await.is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            _child: child,
            input,
        })
    }

    async fn order(&mut self, order: &Value) -> Outcome<()> {
        Ok(self
            .input
            .write_all(format!("{order}\n").as_bytes())
            .await?)
    }
}

/// Waits for so many words of one kind, and returns what they say.
async fn words(heard: &mut mpsc::Receiver<Value>, kind: &str, count: usize) -> Outcome<Vec<Value>> {
    let mut found = Vec::with_capacity(count);
    let all = async {
        while found.len() < count {
            let word = heard.recv().await.ok_or("the verifiers have ended")?;
            if word == kind {
                found.push(Value::Null);
            } else if let Some(said) = word.get(kind) {
                found.push(said.clone());
            }
        }
        Outcome::Ok(())
    };
    timeout(PATIENCE, all).await??;
    Ok(found)
}

#[expect(clippy::disallowed_methods, reason = "processes compare these times")]
fn nanos() -> Outcome<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(u64::try_from(since.as_nanos())?)
}

/// The time from the answer of a revocation to its refusal, for every
/// verifier; each checks a hundred times a second.
pub async fn measure(servers: &Servers) -> Outcome<()> {
    let deployment = Arc::new(servers.deploy("bounded").await?);
    let service = deployment.serve().await?;
    let address = service.target.address;
    let people = register(address, REVOCATIONS).await?;
    let issuer = format!("http://{address}");
    let (sender, mut heard) = mpsc::channel(4_096);
    let mut hosts = Vec::new();
    for number in 0..HOSTS {
        hosts.push(Host::start(&deployment, &issuer, number, sender.clone())?);
    }
    words(&mut heard, "ready", HOSTS).await?;
    let mut connection = Connection::open(address).await?;
    let (mut all, mut last, mut late) = (Vec::new(), Vec::new(), 0_u64);
    for person in &people {
        let id = person.session.to_string();
        let watch = json!({"watch": {"id": id, "token": person.access_token}});
        for host in &mut hosts {
            host.order(&watch).await?;
        }
        words(&mut heard, "accepted", HOSTS * VERIFIERS).await?;
        let body = json!({"refresh_token": person.refresh_token}).to_string();
        let answer = connection.exchange(&post("/v1/auth/logout", &body)).await?;
        let acknowledged = nanos()?;
        if answer.status != 204 {
            return Err(format!("a logout was answered {}", answer.status).into());
        }
        let mut slowest = 0.0_f64;
        for refused in words(&mut heard, "refused", HOSTS * VERIFIERS).await? {
            let time = |name: &str| refused[name].as_u64().ok_or("no time");
            let took = time("at")?.saturating_sub(acknowledged) as f64 / 1e6;
            late = late.max(time("last_accepted")?.saturating_sub(acknowledged));
            slowest = slowest.max(took);
            all.push(took);
        }
        last.push(slowest);
        let forget = json!({"forget": {"id": id}});
        for host in &mut hosts {
            host.order(&forget).await?;
        }
    }
    let (p99, most) = (quantile(&mut all, 0.99), quantile(&mut all, 1.0));
    let name = format!(
        "revoke to refusal, {} verifiers in {HOSTS} processes",
        HOSTS * VERIFIERS
    );
    print(&Row::new(name, percentiles(&mut all)).goal("p99 <= 50 ms", p99 <= 50.0));
    print(
        &Row::new("the same, the longest", format!("{most:.1} ms")).goal("<= 2 s", most <= 2_000.0),
    );
    note(&format!(
        "to the last verifier: {}; the last acceptance came {:.1} ms after an answer",
        percentiles(&mut last),
        late as f64 / 1e6
    ));
    drop(hosts);
    service.process.stop().await
}
