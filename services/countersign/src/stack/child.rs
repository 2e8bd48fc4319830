//! One child process: how it is started, signalled, ended, and cleaned up
//! after. Who does that, and when, is the [supervisor](super::supervisor)'s.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Pid;
use tokio::process;

use super::privilege::Launcher;
use super::{Child, Signal, logs, processes};

/// What is run, and how.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) child: Child,
    pub(super) launcher: Launcher,
    pub(super) binary: PathBuf,
    /// Visible to everyone on the machine: nothing secret.
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(&'static str, &'static str)>,
    /// Where it is started.
    pub(super) directory: PathBuf,
    /// All its processes work somewhere in here, and nobody else's do.
    pub(super) family: PathBuf,
    pub(super) log: PathBuf,
    /// A file to remove before it starts.
    pub(super) stale: Option<PathBuf>,
    /// Asks it to end well.
    pub(super) stop: Signal,
    /// Asks it to end quickly.
    pub(super) abort: Signal,
}

impl Program {
    pub(super) fn spawn(&self) -> io::Result<process::Child> {
        if let Some(stale) = &self.stale {
            match fs::remove_file(stale) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let log = logs::open(&self.log)?;
        self.launcher
            .command(&self.binary)
            .args(&self.arguments)
            .envs(self.environment.iter().copied())
            .current_dir(&self.directory)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
    }

    /// Signals the child; what ends or freezes a machine ends or freezes the
    /// processes that the child started, too.
    /// Returns whom it signalled.
    pub(super) fn send(&self, process: &process::Child, signal: Signal) -> Vec<Pid> {
        let main = process
            .id()
            .and_then(|pid| Pid::from_raw(pid.try_into().ok()?));
        let mut pids: Vec<Pid> = main.into_iter().collect();
        if [Signal::KILL, Signal::STOP, Signal::CONT].contains(&signal) {
            let others = processes::inside(&self.family, &self.name());
            pids.extend(others.into_iter().filter(|pid| Some(*pid) != main));
        }
        processes::send(&pids, signal);
        pids
    }

    /// Asks the child to end, waits a while, and ends it.
    pub(super) async fn end(
        &self,
        mut process: process::Child,
        signal: Signal,
        patience: Duration,
    ) {
        self.send(&process, signal);
        // A stopped process would not hear it.
        self.send(&process, Signal::CONT);
        if tokio::time::timeout(patience, process.wait())
            .await
            .is_err()
        {
            tracing::warn!(child = %self.child, "does not end by itself, killing it");
            self.send(&process, Signal::KILL);
            if let Err(error) = process.wait().await {
                tracing::error!(child = %self.child, %error, "cannot be waited for");
            }
        }
        self.sweep().await;
    }

    pub(super) async fn sweep(&self) {
        let swept = processes::sweep(&self.family, &self.name()).await;
        if swept > 0 {
            tracing::warn!(child = %self.child, swept, "killed leftover processes");
        }
    }

    fn name(&self) -> String {
        let name = self.binary.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}
