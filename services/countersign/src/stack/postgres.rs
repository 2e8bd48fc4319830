//! The private Postgres: its database cluster, its settings, whether it is up.

use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use countersign_tui::{sync_folder_of, write_private};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, Connection};

use super::binaries::PostgresBinaries;
use super::child::Program;
use super::folder::DataDir;
use super::privilege::Launcher;
use super::ready::Probe;
use super::state::{State, USER};
use super::{Child, Signal, StackConfig, StackError, logs, processes};

/// The database that the service uses; tests create others beside it.
const DATABASE: &str = "countersign";

/// Orders text by code point everywhere; the second knows letters beyond
/// ASCII, but not every system has it.
const LOCALES: [&str; 2] = ["C.UTF-8", "C"];

/// Where the client library finds the database.
pub(super) fn url(state: &State) -> SecretString {
    let password = state.postgres.password.expose_secret();
    format!(
        "postgres://{USER}:{password}@127.0.0.1:{}/{DATABASE}",
        state.postgres.port
    )
    .into()
}

/// Everything that is needed to create and run the cluster.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    /// Belongs to the user that Postgres runs as.
    folder: PathBuf,
    log: PathBuf,
    binaries: PostgresBinaries,
    launcher: Launcher,
    password: SecretString,
    settings: String,
    durable: bool,
}

impl Cluster {
    pub(super) fn new(
        dir: &DataDir,
        state: &State,
        config: &StackConfig,
        binaries: PostgresBinaries,
        launcher: Launcher,
    ) -> Self {
        Self {
            folder: dir.postgres(),
            log: dir.log_of(Child::Postgres),
            binaries,
            launcher,
            password: state.postgres.password.clone(),
            settings: settings(state.postgres.port, config),
            durable: config.durable,
        }
    }

    /// How to run the server, once the cluster is prepared.
    pub(super) fn program(&self) -> Program {
        let data = self.data();
        Program {
            child: Child::Postgres,
            launcher: self.launcher.clone(),
            binary: self.binaries.postgres(),
            arguments: vec!["-D".into(), data.clone().into()],
            environment: Vec::new(),
            family: self.folder.clone(),
            log: self.log.clone(),
            // Names a process that may have come to be somebody else's; the
            // data directory's lock and the sweep stand in for it.
            stale: processes::can_be_found().then(|| data.join("postmaster.pid")),
            directory: data,
            stop: Signal::INT,
            abort: Signal::QUIT,
        }
    }

    /// Creates the cluster unless it is there, and writes its settings.
    ///
    /// `initdb` works under another name, so a cluster that has its own name
    /// is whole, and one that was interrupted is recognised and thrown away.
    pub(super) async fn prepare(&self) -> Result<(), StackError> {
        let data = self.data();
        if data.exists() {
            self.check_major()?;
            self.launcher
                .give(&data)
                .map_err(StackError::io("give away", &data))?;
        } else {
            self.create().await?;
        }
        let file = data.join("postgresql.conf");
        write_private(&file, self.settings.as_bytes())
            .and_then(|()| self.launcher.give(&file))
            .map_err(StackError::io("write", &file))
    }

    async fn create(&self) -> Result<(), StackError> {
        let new = self.folder.join("data.new");
        let secret = self.folder.join("password");
        tracing::info!(folder = %self.folder.display(), "creating the Postgres database");
        let mut outcome = Ok(());
        for locale in LOCALES {
            remove_tree(&new).map_err(StackError::io("remove", &new))?;
            write_private(&secret, self.password.expose_secret().as_bytes())
                .and_then(|()| self.launcher.give(&secret))
                .map_err(StackError::io("write", &secret))?;
            outcome = self.initdb(&new, &secret, locale).await;
            fs::remove_file(&secret).map_err(StackError::io("remove", &secret))?;
            if outcome.is_ok() {
                break;
            }
        }
        outcome?;
        let data = self.data();
        fs::rename(&new, &data)
            .and_then(|()| sync_folder_of(&data))
            .map_err(StackError::io("create", &data))
    }

    async fn initdb(&self, data: &Path, secret: &Path, locale: &str) -> Result<(), StackError> {
        let program = self.binaries.initdb();
        let mut command = self.launcher.command(&program);
        command
            .arg("-D")
            .arg(data)
            .args(["-U", USER, "--auth=scram-sha-256", "--encoding=UTF8"]);
        command
            .arg(format!("--pwfile={}", secret.display()))
            .arg(format!("--locale={locale}"));
        command.arg("--no-instructions").current_dir(&self.folder);
        if !self.durable {
            command.arg("--no-sync");
        }
        let output = command
            .output()
            .await
            .map_err(StackError::io("run", &program))?;
        if output.status.success() {
            return Ok(());
        }
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        let status = match output.status.signal() {
            Some(signal) => format!("signal {signal}"),
            None => output.status.to_string(),
        };
        let output = logs::last_lines(&text, &[&self.password]);
        Err(StackError::InitDb { status, output })
    }

    fn check_major(&self) -> Result<(), StackError> {
        let data = self.data();
        let file = data.join("PG_VERSION");
        let found = fs::read_to_string(&file).map_err(StackError::io("read", &file))?;
        let (found, installed) = (found.trim().to_owned(), self.binaries.major);
        if found == installed.to_string() {
            return Ok(());
        }
        let binaries = self.binaries.folder.clone();
        Err(StackError::OtherMajor {
            data,
            found,
            binaries,
            installed,
        })
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

/// The whole `postgresql.conf`; what it does not name has its default.
///
/// `synchronous_commit` stays on always: without `fsync` it costs nothing that
/// can be measured, and off it would lose commits when Postgres is killed.
fn settings(port: u16, config: &StackConfig) -> String {
    let safety = if config.durable {
        "fsync = on\nfull_page_writes = on\n"
    } else {
        "fsync = off\nfull_page_writes = off\nwal_level = minimal\nmax_wal_senders = 0\n"
    };
    format!(
        "# Written by countersign at every start: changes made here are lost.\n\
         listen_addresses = '127.0.0.1'\n\
         port = {port}\n\
         unix_socket_directories = ''\n\
         max_connections = {connections}\n\
         synchronous_commit = on\n\
         password_encryption = 'scram-sha-256'\n\
         shared_buffers = 64MB\n\
         dynamic_shared_memory_type = mmap\n\
         jit = off\n\
         {safety}\
         timezone = 'UTC'\n\
         log_timezone = 'UTC'\n\
         log_destination = 'stderr'\n\
         logging_collector = off\n\
         log_line_prefix = '%m [%p] %q%d '\n",
        connections = config.max_connections.max(1),
    )
}

fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether the database answers a query; creates it in a new cluster.
pub(super) async fn probe(state: &State) -> Probe {
    match answers(state, DATABASE).await {
        Ok(()) => Probe::Ready,
        Err(error) => match code(&error).as_deref() {
            // The database is not there: the server has just been created.
            Some("3D000") => match create_database(state).await {
                Ok(()) => Probe::NotYet("its database has just been created".to_owned()),
                Err(error) => Probe::NotYet(error.to_string()),
            },
            // The password is refused, which waiting does not mend.
            Some("28P01" | "28000") => Probe::Never(error.to_string()),
            _ => Probe::NotYet(error.to_string()),
        },
    }
}

async fn answers(state: &State, database: &str) -> sqlx::Result<()> {
    let mut connection = connect(state, database).await?;
    sqlx::query("select 1").execute(&mut connection).await?;
    connection.close().await
}

async fn create_database(state: &State) -> sqlx::Result<()> {
    let mut connection = connect(state, "postgres").await?;
    let statement = AssertSqlSafe(format!("create database {DATABASE}"));
    sqlx::raw_sql(statement).execute(&mut connection).await?;
    connection.close().await
}

async fn connect(state: &State, database: &str) -> sqlx::Result<PgConnection> {
    let options = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(state.postgres.port)
        .username(USER)
        .password(state.postgres.password.expose_secret())
        .database(database)
        .ssl_mode(PgSslMode::Disable);
    PgConnection::connect_with(&options).await
}

fn code(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?;
    error.code().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(durable: bool) -> StackConfig {
        StackConfig {
            data_dir: PathBuf::new(),
            durable,
            max_connections: 70,
        }
    }

    #[test]
    fn the_settings_follow_the_configuration() {
        let fast = settings(5555, &config(false));
        for line in [
            "listen_addresses = '127.0.0.1'",
            "port = 5555",
            "unix_socket_directories = ''",
            "max_connections = 70",
            "fsync = off",
            "synchronous_commit = on",
            "full_page_writes = off",
        ] {
            assert!(
                fast.lines().any(|it| it == line),
                "{line} is not in\n{fast}"
            );
        }
        let durable = settings(5555, &config(true));
        assert!(durable.contains("\nfsync = on\n") && !durable.contains("wal_level"));
    }
}
