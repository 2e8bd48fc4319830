//! A process with several verifiers, and the line to it.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::super::process::command;
use super::super::wait::until;

/// How long the verifiers of a process may take to know everything.
const READY: Duration = Duration::from_secs(30);

/// What a process says.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Ready,
    Accepted {
        id: String,
    },
    Refused {
        id: String,
        verifier: usize,
        at: u64,
        last_accepted: u64,
        code: String,
    },
    Again {
        id: String,
        verifier: usize,
    },
    Stale {},
}

/// How one verifier came to refuse one token. Times are Unix nanoseconds.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    /// When it first did.
    pub(super) at: u64,
    /// When the last check began that accepted it; 0 if none did.
    pub(super) last_accepted: u64,
    /// Why.
    pub(super) code: String,
}

/// What is known of one token.
#[derive(Debug, Default)]
struct Known {
    accepted: usize,
    refused: HashMap<usize, Refused>,
}

#[derive(Debug, Default)]
struct Heard {
    is_ready: bool,
    tokens: HashMap<String, Known>,
    /// What must never be said.
    wrong: Vec<String>,
    stale: usize,
}

/// How the verifiers of a process are set up.
pub(super) struct Setup {
    pub(super) name: String,
    pub(super) verifiers: usize,
    pub(super) settings: Vec<(&'static str, String)>,
}

/// The process.
pub(super) struct Host {
    pub(super) name: String,
    pub(super) verifiers: usize,
    child: Child,
    input: Option<ChildStdin>,
    heard: Arc<Mutex<Heard>>,
}

impl Host {
    /// Starts it, and returns when all its verifiers know everything.
    pub(super) async fn start(setup: Setup, logs: &Path) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_countersign-test-verifiers"));
        let log = logs.join(format!("{}.log", setup.name));
        let log = std::fs::File::create(log).expect("a file for its log");
        let mut command = Command::from(command(program, &[]));
        command
            .env("NAME", &setup.name)
            .env("VERIFIERS", setup.verifiers.to_string())
            .envs(setup.settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the verifiers start");
        let output = child.stdout.take().expect("it is piped");
        let input = child.stdin.take();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let listener = Arc::clone(&heard);
        // Ends with the process.
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                hear(&mut listener.lock().expect("no listener panics"), &line);
            }
        });
        let host = Self {
            name: setup.name,
            verifiers: setup.verifiers,
            child,
            input,
            heard,
        };
        let what = format!("{} is ready", host.name);
        until(&what, READY, async || host.look(|heard| heard.is_ready)).await;
        host
    }

    fn look(&self, is_so: impl FnOnce(&Heard) -> bool) -> Result<(), String> {
        let heard = self.heard.lock().expect("no listener panics");
        if is_so(&heard) {
            return Ok(());
        }
        Err(format!("{}: {heard:?}", self.name))
    }

    async fn order(&mut self, order: serde_json::Value) {
        let line = format!("{order}\n");
        let input = self.input.as_mut().expect("it was not stopped");
        let written = input.write_all(line.as_bytes()).await;
        written.expect("it listens");
    }

    /// Has all its verifiers check a token from now on.
    pub(super) async fn watch(&mut self, id: &str, token: &str) {
        self.order(json!({"watch": {"id": id, "token": token}}))
            .await;
    }

    /// Has them stop.
    pub(super) async fn forget(&mut self, id: &str) {
        self.order(json!({"forget": {"id": id}})).await;
        self.heard
            .lock()
            .expect("no listener panics")
            .tokens
            .remove(id);
    }

    /// Whether every verifier has accepted the token.
    pub(super) fn has_accepted(&self, id: &str) -> Result<(), String> {
        self.look(|heard| {
            let known = heard.tokens.get(id);
            known.is_some_and(|known| known.accepted == self.verifiers)
        })
    }

    /// How every verifier came to refuse the token, once all do.
    pub(super) fn refusals(&self, id: &str) -> Result<Vec<Refused>, String> {
        self.look(|heard| {
            let known = heard.tokens.get(id);
            known.is_some_and(|known| known.refused.len() == self.verifiers)
        })?;
        let heard = self.heard.lock().expect("no listener panics");
        Ok(heard.tokens[id].refused.values().cloned().collect())
    }

    /// What must never have been said.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.heard.lock().expect("no listener panics").wrong.clone()
    }

    /// How often a verifier began to refuse because it did not know enough.
    pub(super) fn stale(&self) -> usize {
        self.heard.lock().expect("no listener panics").stale
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) {
        let pid = self
            .child
            .id()
            .and_then(|id| Pid::from_raw(id.cast_signed()));
        kill_process(pid.expect("it runs"), signal).expect("it is signalled");
    }

    /// Lets its verifiers say good-bye.
    pub(super) async fn stop(mut self) {
        drop(self.input.take());
        let ended = tokio::time::timeout(READY, self.child.wait()).await;
        let status = ended.expect("it ends").expect("it is waited for");
        assert!(status.success(), "{}: {status}", self.name);
    }
}

fn hear(heard: &mut Heard, line: &str) {
    let word = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    match word {
        Word::Ready => heard.is_ready = true,
        Word::Accepted { id } => heard.tokens.entry(id).or_default().accepted += 1,
        Word::Refused {
            id,
            verifier,
            at,
            last_accepted,
            code,
        } => {
            let refused = Refused {
                at,
                last_accepted,
                code,
            };
            let known = heard.tokens.entry(id).or_default();
            known.refused.insert(verifier, refused);
        }
        Word::Again { id, verifier } => {
            let wrong = format!("verifier {verifier} accepted {id} after it had refused it");
            heard.wrong.push(wrong);
        }
        Word::Stale { .. } => heard.stale += 1,
    }
}
