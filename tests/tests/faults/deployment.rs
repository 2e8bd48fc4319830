//! A private deployment: nats-server, Postgres, and as many services and
//! projectors as a test wants, each a process of its own.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use countersign::stack::{Child, Stack, StackConfig};
use countersign_log::{KeyEncryptionKey, random};
use secrecy::ExposeSecret as _;

use super::http::{PASSWORD, Person, Service};
use super::process::{Process, Scratch, binary, command};
use super::wait::until;

/// The operator's address.
const OPERATOR: &str = "operator@example.com";

/// How many shards the log has.
pub(super) const SHARDS: u8 = 4;

/// A port that the system does not hand out to outgoing connections: a client
/// that retries such a one while nobody listens may get connected to itself.
pub(super) fn free_port() -> u16 {
    for _ in 0..200 {
        let drawn = u16::from_le_bytes(random::<2>().expect("randomness"));
        let port = 15_000 + drawn % 17_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

/// An instance of the service.
pub(super) struct Instance {
    pub(super) process: Process,
    pub(super) service: Service,
    pub(super) port: u16,
}

pub(super) struct Deployment {
    pub(super) stack: Stack,
    kek: String,
    nats_url: String,
    pub(super) postgres_url: String,
    /// The seed of the operator's authenticator app, once there is one.
    operator_secret: OnceLock<String>,
    /// Removed last.
    scratch: Scratch,
}

impl Deployment {
    pub(super) async fn start(label: &str) -> Self {
        Self::with(label, false).await
    }

    pub(super) async fn with(label: &str, durable: bool) -> Self {
        // Before anything is started: it may be missing.
        binary();
        let scratch = Scratch::new(label);
        let stack = Stack::start(StackConfig {
            data_dir: scratch.path().join("data"),
            durable,
            max_connections: 100,
        });
        let stack = stack.await.unwrap_or_else(|error| panic!("{error}"));
        let endpoints = stack.endpoints();
        Self {
            nats_url: endpoints.nats_url.expose_secret().to_owned(),
            postgres_url: endpoints.postgres_url.expose_secret().to_owned(),
            kek: KeyEncryptionKey::generate()
                .expect("randomness")
                .to_string(),
            stack,
            operator_secret: OnceLock::new(),
            scratch,
        }
    }

    pub(super) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// Where nats-server keeps the streams.
    pub(super) fn store(&self) -> PathBuf {
        self.folder().join("data/nats/jetstream")
    }

    pub(super) fn checkpoint_file(&self) -> PathBuf {
        self.folder().join("checkpoint")
    }

    pub(super) fn nats_url(&self) -> &str {
        &self.nats_url
    }

    /// The program with the settings of this deployment.
    /// Its streams, past everything of ours.
    pub(super) async fn streams(&self) -> async_nats::jetstream::Context {
        let url: async_nats::ServerAddr = self.nats_url.parse().expect("a NATS URL");
        let login = (
            url.username().unwrap_or_default().to_owned(),
            url.password().unwrap_or_default().to_owned(),
        );
        let options = async_nats::ConnectOptions::with_user_and_password(login.0, login.1);
        let client = options.connect(url).await.expect("NATS answers");
        async_nats::jetstream::new(client)
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(&binary(), &[]);
        command
            .args(arguments)
            .env("COUNTERSIGN_NATS_URL", &self.nats_url)
            .env("COUNTERSIGN_POSTGRES_URL", &self.postgres_url)
            .env("COUNTERSIGN_KEK", &self.kek)
            .env("COUNTERSIGN_PREFIX", "faults")
            .env("COUNTERSIGN_SHARDS", SHARDS.to_string())
            .env("COUNTERSIGN_ISSUER", "http://countersign.test")
            // Everybody comes from this machine, and whoever does not know
            // whether they were registered may fail to log in.
            .env("COUNTERSIGN_FAILED_LOGINS_PER_MINUTE", "0")
            .env("COUNTERSIGN_CHECKPOINT_FILE", self.checkpoint_file());
        // What the programs log is shown when a test fails.
        if let Some(filter) = std::env::var_os("COUNTERSIGN_FAULTS_LOG") {
            command.env("COUNTERSIGN_LOG", filter);
        }
        command
    }

    /// Starts the service on a port, and returns when it listens.
    pub(super) async fn serve_on(&self, port: u16) -> Instance {
        let started = self.try_serve_on(port).await;
        started.unwrap_or_else(|why| panic!("{why}"))
    }

    /// The same, or why it does not listen.
    pub(super) async fn try_serve_on(&self, port: u16) -> Result<Instance, String> {
        let command = self.command(&["serve", "--listen", &format!("127.0.0.1:{port}")]);
        let mut process = Process::start("serve", command, self.folder());
        let line = process.try_ready().await?;
        let url = line
            .strip_prefix("countersign ready ")
            .unwrap_or_else(|| panic!("{line}"));
        Ok(Instance {
            process,
            service: Service::new(url),
            port,
        })
    }

    /// Starts the service, and returns when it says that it is ready.
    pub(super) async fn serve(&self) -> Instance {
        let instance = self.serve_on(free_port()).await;
        ready(&instance.service).await;
        instance
    }

    /// Starts a projector, and returns when it works.
    pub(super) async fn project(&self) -> Process {
        let mut process = Process::start("project", self.command(&["project"]), self.folder());
        process.ready().await;
        process
    }

    /// Makes the operator, who logs in and sets up a second factor.
    pub(super) async fn operator(&self, service: &Service) -> Person {
        let mut command = self.command(&["bootstrap", "--email", OPERATOR]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let bootstrap = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn()?;
            child
                .stdin
                .take()
                .expect("it is piped")
                .write_all(PASSWORD.as_bytes())?;
            child.wait_with_output()
        });
        let output = bootstrap.await.expect("no panic").expect("it runs");
        assert!(output.status.success(), "{output:?}");
        let mut operator = service.login(OPERATOR).await;
        let secret = service.enrol(&mut operator).await;
        self.operator_secret.set(secret).expect("one operator");
        operator
    }

    /// Signs in the operator that was made, with both factors.
    pub(super) async fn sign_in_operator(&self, service: &Service) -> Person {
        let secret = self.operator_secret.get().expect("an operator");
        service.login_with_code(OPERATOR, PASSWORD, secret).await
    }

    /// Runs a verb to its end.
    pub(super) async fn run(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null());
        let run = tokio::task::spawn_blocking(move || command.output());
        run.await.expect("no panic").expect("it runs")
    }

    pub(super) async fn hold_down(&self, child: Child) {
        self.stack
            .hold_down(child)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }

    pub(super) async fn release(&self, child: Child) {
        self.stack
            .release(child)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }

    pub(super) async fn signal(&self, child: Child, signal: countersign::stack::Signal) {
        self.stack
            .signal(child, signal)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Takes everything down. Otherwise the processes are killed.
    pub(super) async fn stop(self) {
        self.stack.stop().await;
    }
}

/// Waits until an instance says that it is ready.
pub(super) async fn ready(service: &Service) -> Duration {
    let call = super::http::get("/readyz");
    let what = format!("{} is ready", service.url);
    let (_, took) = until(&what, Duration::from_secs(30), async || {
        service.wants(&call, 200).await
    })
    .await;
    took
}

/// Copies a folder and all in it, and nothing else of it.
pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().expect("a type").is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).expect("it is copied");
        }
    }
}
