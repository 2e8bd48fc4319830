//! A private nats-server and a private Postgres in a data directory, as
//! supervised children of this process.
//!
//! `countersign dev` and the tests run on it. A [`Stack`] finds the two
//! programs, creates what they need, starts them side by side, starts a child
//! again that ends, and takes both down with it: by [`Stack::stop`], when it
//! is dropped, and, where the system can do that (Linux with util-linux), even
//! when this process is killed without warning.
//!
//! Ports and passwords are drawn once and kept in the directory, so clients
//! find the same servers again after a restart and in later runs:
//!
//! ```text
//! DIR/lock                held while a stack runs; names its process
//! DIR/stack.json          ports and passwords (0600)
//! DIR/logs/               nats.log, postgres.log
//! DIR/nats/               nats.conf (0600), jetstream/
//! DIR/postgres/data/      the cluster; its folder belongs to whom Postgres runs as
//! ```
//!
//! As root, Postgres runs as the user `postgres` or `nobody`, because it
//! refuses to run as root; see [`privilege`].

mod binaries;
mod child;
mod error;
mod folder;
mod logs;
mod nats;
mod postgres;
mod privilege;
mod processes;
mod ready;
mod state;
mod supervisor;
#[cfg(test)]
mod tests;
mod version;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use tokio::sync::watch;
use tokio::time::Instant;

pub use error::StackError;
/// A signal for a fault test, such as `Signal::KILL`, `Signal::STOP` or
/// `Signal::CONT`.
pub use rustix::process::Signal;

use binaries::{PostgresBinaries, Search};
use folder::DataDir;
use postgres::Cluster;
use privilege::{Helpers, Launcher};
use ready::{READY_TIMEOUT, Waiting, until_ready};
use state::State;
use supervisor::Supervisor;

/// How often another port is drawn for a server that lost its own to somebody
/// else between drawing and listening.
const PORT_ATTEMPTS: usize = 3;

/// What a stack is to be like.
#[derive(Clone, Debug)]
pub struct StackConfig {
    /// Where everything is kept; created if it is not there.
    pub data_dir: PathBuf,
    /// Whether acknowledged writes survive a power cut: nats-server syncs every
    /// append, Postgres every commit. Otherwise they survive the death of any
    /// process, but not of the machine.
    pub durable: bool,
    /// How many connections Postgres accepts.
    pub max_connections: u32,
}

/// One of the two children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Child {
    /// The nats-server.
    Nats,
    /// The Postgres server.
    Postgres,
}

impl fmt::Display for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nats => "nats-server",
            Self::Postgres => "Postgres",
        })
    }
}

/// How clients reach the two servers. Stays the same for the life of a stack.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// `nats://user:password@127.0.0.1:port`
    pub nats_url: SecretString,
    /// `postgres://user:password@127.0.0.1:port/countersign`; the user may
    /// create databases.
    pub postgres_url: SecretString,
}

/// The process ids of the two servers as they were last started. A server that
/// is down keeps the id that it had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pids {
    /// The nats-server.
    pub nats: u32,
    /// The postmaster, which is the parent of all Postgres processes.
    pub postgres: u32,
}

/// A running nats-server and a running Postgres.
///
/// Dropping it ends both within about a second, and blocks for that time;
/// [`stop`](Self::stop) is the friendlier way.
#[derive(Debug)]
pub struct Stack {
    nats: Supervisor,
    postgres: Supervisor,
    endpoints: Endpoints,
    pids: watch::Receiver<Pids>,
    state: State,
    // The last field: its lock is released when the children are gone.
    dir: DataDir,
}

/// What was found out about this machine before anything is started.
struct Site {
    helpers: Helpers,
    nats: PathBuf,
    postgres: PostgresBinaries,
    launcher: Launcher,
}

impl Stack {
    /// Starts both servers and returns when both accept connections.
    ///
    /// Fails if a program is missing or too old, if the directory is in use or
    /// was made by another Postgres, or if a server does not come up within a
    /// minute; then the error quotes the end of its log. Nothing is left
    /// running after a failure, nor when the future is dropped.
    pub async fn start(config: StackConfig) -> Result<Self, StackError> {
        let search = Search::from_env();
        let (helpers, nats, postgres) = tokio::join!(
            Helpers::find(),
            binaries::nats_server(&search),
            binaries::postgres(&search)
        );
        let (nats, postgres) = (nats?, postgres?);
        let dir = DataDir::open(&config.data_dir)?;
        sweep_leftovers(&dir, &nats).await;
        let launcher =
            Launcher::for_postgres(&helpers, dir.root(), &dir.postgres(), &postgres).await?;
        let site = Site {
            helpers,
            nats,
            postgres,
            launcher,
        };
        let mut state = State::open(&dir)?;
        let mut attempt = 1;
        let (nats, postgres, pids) = loop {
            let error = match bring_up(&dir, &state, &config, &site).await {
                Ok(children) => break children,
                Err(error) => error,
            };
            // Ours are gone now, so who listens there is somebody else.
            let nats_moved = state.move_if_taken(Child::Nats)?;
            let postgres_moved = state.move_if_taken(Child::Postgres)?;
            if attempt == PORT_ATTEMPTS || !(nats_moved || postgres_moved) {
                return Err(error);
            }
            state.save()?;
            attempt += 1;
        };
        let endpoints = Endpoints {
            nats_url: nats::url(&state),
            postgres_url: postgres::url(&state),
        };
        Ok(Self {
            nats,
            postgres,
            endpoints,
            pids,
            state,
            dir,
        })
    }

    /// How clients reach the servers.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The process ids, and a notice whenever a child was started again.
    pub fn pids(&self) -> watch::Receiver<Pids> {
        self.pids.clone()
    }

    /// Ends both servers well (Postgres by a fast shutdown), within five
    /// seconds, and returns when they are gone.
    pub async fn stop(self) {
        let (nats, postgres) = tokio::join!(self.nats.stop(), self.postgres.stop());
        for error in [nats.err(), postgres.err()].into_iter().flatten() {
            tracing::error!(%error, "not stopped well");
        }
    }

    /// Waits until a child accepts connections, for a minute at most.
    ///
    /// After [`signal`](Self::signal) with `KILL` this is when it has been
    /// started again.
    pub async fn ready(&self, child: Child) -> Result<(), StackError> {
        wait_for(&self.dir, &self.state, child, self.supervisor(child)).await
    }

    /// Sends a signal and returns when it was sent; for `STOP`, when the child
    /// stands still; for `KILL`, when it is dead, whereupon it is started again.
    ///
    /// `KILL`, `STOP` and `CONT` reach all processes of the child, as a power
    /// cut or a hang would; others reach only the one in [`Pids`]. Nothing
    /// happens to a child that is down.
    pub async fn signal(&self, child: Child, signal: Signal) -> Result<(), StackError> {
        self.supervisor(child).signal(signal).await
    }

    /// Ends a child well and leaves it down; returns when it is gone.
    pub async fn hold_down(&self, child: Child) -> Result<(), StackError> {
        self.supervisor(child).hold_down().await
    }

    /// Starts a child again that was held down; returns when it accepts
    /// connections.
    pub async fn release(&self, child: Child) -> Result<(), StackError> {
        self.supervisor(child).release().await?;
        self.ready(child).await
    }

    fn supervisor(&self, child: Child) -> &Supervisor {
        match child {
            Child::Nats => &self.nats,
            Child::Postgres => &self.postgres,
        }
    }
}

/// Ends what an earlier run may have left behind: it would hold the ports.
async fn sweep_leftovers(dir: &DataDir, nats: &std::path::Path) {
    let name = nats.file_name().unwrap_or_default().to_string_lossy();
    let (nats, postgres) = (dir.nats(), dir.postgres());
    let (nats, postgres) = tokio::join!(
        processes::sweep(&nats, &name),
        processes::sweep(&postgres, "postgres")
    );
    if nats + postgres > 0 {
        tracing::warn!(nats, postgres, "killed what an earlier run had left behind");
    }
}

type Children = (Supervisor, Supervisor, watch::Receiver<Pids>);

/// Starts both side by side. If one fails, the other is ended, too.
async fn bring_up(
    dir: &DataDir,
    state: &State,
    config: &StackConfig,
    site: &Site,
) -> Result<Children, StackError> {
    let (pids, pids_seen) = watch::channel(Pids::default());
    let pids = Arc::new(pids);
    let nats = async {
        let launcher = site.helpers.as_we_are();
        let program = nats::program(dir, state, config.durable, &site.nats, launcher)?;
        let nats = Supervisor::start(program, async || Ok(()), Arc::clone(&pids)).await?;
        wait_for(dir, state, Child::Nats, &nats).await?;
        Ok::<_, StackError>(nats)
    };
    let postgres = async {
        let (binaries, launcher) = (site.postgres.clone(), site.launcher.clone());
        let cluster = Cluster::new(dir, state, config, binaries, launcher);
        let program = cluster.program();
        let prepare = async move || cluster.prepare().await;
        let start = Supervisor::start(program, prepare, Arc::clone(&pids));
        let Ok(postgres) = tokio::time::timeout(READY_TIMEOUT, start).await else {
            return Err(StackError::NotReady {
                child: Child::Postgres,
                seconds: READY_TIMEOUT.as_secs(),
                last: "its database is still being created".to_owned(),
                log: dir.log_of(Child::Postgres),
                tail: "  (not started yet)".to_owned(),
            });
        };
        let postgres = postgres?;
        wait_for(dir, state, Child::Postgres, &postgres).await?;
        Ok::<_, StackError>(postgres)
    };
    let (nats, postgres) = tokio::try_join!(nats, postgres)?;
    Ok((nats, postgres, pids_seen))
}

async fn wait_for(
    dir: &DataDir,
    state: &State,
    child: Child,
    supervisor: &Supervisor,
) -> Result<(), StackError> {
    let waiting = Waiting {
        child,
        log: &dir.log_of(child),
        secrets: &state.secrets(),
        life: supervisor.life(),
        deadline: Instant::now() + READY_TIMEOUT,
    };
    match child {
        Child::Nats => until_ready(waiting, async || nats::probe(state).await).await,
        Child::Postgres => until_ready(waiting, async || postgres::probe(state).await).await,
    }
}
