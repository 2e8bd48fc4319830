//! Private servers, and deployments on them: a prefix of the log and a
//! database each.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use countersign::stack::{Stack, StackConfig};
use countersign_log::{GateState, KeyEncryptionKey, Log, LogConfig};
use countersign_views::pool;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use tokio::io::AsyncWriteExt as _;

use crate::Outcome;
use crate::load::Target;
use crate::machine::Meter;
use crate::options::Options;
use crate::people::PASSWORD;
use crate::process::{Process, binary};

/// A nats-server and a Postgres in a folder.
pub struct Servers {
    stack: Stack,
    folder: PathBuf,
    shards: u8,
}

/// A deployment on them.
pub struct Deployment {
    name: &'static str,
    folder: PathBuf,
    nats_url: SecretString,
    postgres_url: String,
    kek: String,
    shards: u8,
    nats: u32,
    postgres: u32,
}

/// A service that was started.
pub struct Service {
    pub process: Process,
    pub target: Target,
}

impl Servers {
    pub async fn start(options: &Options, name: &str, durable: bool) -> Outcome<Self> {
        let folder = options.folder.path().join(name);
        let stack = Stack::start(StackConfig {
            data_dir: folder.clone(),
            durable,
            max_connections: 100,
        })
        .await?;
        Ok(Self {
            stack,
            folder,
            shards: options.shards,
        })
    }

    pub async fn stop(self) {
        self.stack.stop().await;
    }

    /// A deployment with an empty log and an empty database, unless it is
    /// there already.
    pub async fn deploy(&self, name: &'static str) -> Outcome<Deployment> {
        let endpoints = self.stack.endpoints();
        let url = endpoints.postgres_url.expose_secret();
        let mut connection = pool::connect_options(url)?.connect().await?;
        let exists: bool =
            sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
                .bind(name)
                .fetch_one(&mut connection)
                .await?;
        if !exists {
            let statement = AssertSqlSafe(format!("create database {name}"));
            connection.execute(statement).await?;
        }
        connection.close().await?;
        let (server, _) = url
            .rsplit_once('/')
            .ok_or("a Postgres URL without a database")?;
        let pids = *self.stack.pids().borrow();
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(Deployment {
            name,
            folder,
            nats_url: endpoints.nats_url.clone(),
            postgres_url: format!("{server}/{name}"),
            // Known, so that the same log opens again in the next run of a server.
            kek: "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=".to_owned(),
            shards: self.shards,
            nats: pids.nats,
            postgres: pids.postgres,
        })
    }

    /// The versions of both.
    pub async fn versions(&self) -> Outcome<(String, String)> {
        let url = self.stack.endpoints().postgres_url.expose_secret();
        let mut connection = pool::connect_options(url)?.connect().await?;
        let postgres: String = sqlx::query_scalar("show server_version")
            .fetch_one(&mut connection)
            .await?;
        connection.close().await?;
        let log = self.deploy("versions").await?.log().await?;
        Ok((log.client().server_info().version, postgres))
    }
}

impl Deployment {
    /// The same servers, with a log of its own in as many shards as told.
    pub fn beside(&self, name: &'static str, shards: u8) -> Self {
        Self {
            name,
            folder: self.folder.clone(),
            nats_url: self.nats_url.clone(),
            postgres_url: self.postgres_url.clone(),
            kek: self.kek.clone(),
            shards,
            ..*self
        }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn nats_url(&self) -> &SecretString {
        &self.nats_url
    }

    pub fn shards(&self) -> u8 {
        self.shards
    }

    pub fn postgres(&self) -> Outcome<PgConnectOptions> {
        Ok(pool::connect_options(&self.postgres_url)?)
    }

    /// Opens its log in this process.
    pub async fn log(&self) -> Outcome<Log> {
        let log = Log::open(LogConfig {
            nats_url: self.nats_url.clone(),
            prefix: self.name.to_owned(),
            shards: self.shards,
            replicas: 1,
            kek: KeyEncryptionKey::from_base64(&self.kek)?,
            deadline: Duration::from_secs(10),
            cache_entries: 20_000,
        })
        .await?;
        log.gate().set(GateState::Open);
        Ok(log)
    }

    /// Starts `countersign serve`.
    pub async fn serve(&self) -> Outcome<Service> {
        let process = Process::start(&self.folder, &["serve"], &self.environment()).await?;
        let url = process.line.rsplit('/').next().unwrap_or_default();
        let address: SocketAddr = url.parse()?;
        let meter = Meter(vec![
            ("generator", std::process::id()),
            ("serve", process.pid),
            ("nats-server", self.nats),
            ("Postgres", self.postgres),
        ]);
        Ok(Service {
            process,
            target: Target { address, meter },
        })
    }

    /// Makes an operator, who has a password and may look.
    pub async fn bootstrap(&self, email: &str) -> Outcome<()> {
        let mut command = tokio::process::Command::new(binary()?);
        command
            .args(["bootstrap", "--email", email])
            .envs(self.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().ok_or("no stdin")?;
        stdin.write_all(PASSWORD.as_bytes()).await?;
        drop(stdin);
        let ended = child.wait_with_output().await?;
        if ended.status.success() {
            Ok(())
        } else {
            let said = String::from_utf8_lossy(&ended.stderr);
            Err(format!("the operator was not made: {said}").into())
        }
    }

    /// Starts `countersign project`.
    pub async fn project(&self) -> Outcome<Process> {
        Process::start(&self.folder, &["project"], &self.environment()).await
    }

    /// What the meter of an append limit looks at.
    pub fn meter(&self) -> Meter {
        Meter(vec![
            ("generator", std::process::id()),
            ("nats-server", self.nats),
        ])
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("COUNTERSIGN_LISTEN", "127.0.0.1:0".to_owned()),
            (
                "COUNTERSIGN_NATS_URL",
                self.nats_url.expose_secret().to_owned(),
            ),
            ("COUNTERSIGN_POSTGRES_URL", self.postgres_url.clone()),
            ("COUNTERSIGN_KEK", self.kek.clone()),
            ("COUNTERSIGN_PREFIX", self.name.to_owned()),
            ("COUNTERSIGN_SHARDS", self.shards.to_string()),
            // Everybody comes from one address here: else it alone decided.
            ("COUNTERSIGN_FAILED_LOGINS_PER_MINUTE", "0".to_owned()),
        ]
    }
}
