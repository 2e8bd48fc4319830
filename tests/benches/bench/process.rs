//! The program under test, as a process of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::Outcome;

/// A running `countersign`. Killed when dropped.
pub struct Process {
    child: Child,
    /// Its process id.
    pub pid: u32,
    /// The line it said when it was ready.
    pub line: String,
    /// The time from its start to that line.
    pub took: Duration,
}

/// The longest start: `dev` creates a database first.
const START_MAX: Duration = Duration::from_mins(1);

/// The release binary, beside which this one lies.
pub fn binary() -> Outcome<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.ancestors().nth(2).ok_or("no folder")?;
    let binary = folder.join("countersign");
    if binary.exists() {
        Ok(binary)
    } else {
        Err(format!("{} is missing: run `make bench`", binary.display()).into())
    }
}

impl Process {
    /// Runs a verb and waits for a line that begins with `countersign`.
    pub async fn start(
        folder: &Path,
        arguments: &[&str],
        environment: &[(&str, String)],
    ) -> Outcome<Self> {
        let errors = folder.join(format!("{}.log", arguments.first().unwrap_or(&"")));
        let mut command = Command::new(binary()?);
        command
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors)?)
            .kill_on_drop(true);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("COUNTERSIGN_")) {
            if name != "COUNTERSIGN_TOOLS" {
                command.env_remove(name);
            }
        }
        for (name, value) in environment {
            command.env(name, value);
        }
        let start = Instant::now();
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if line.starts_with("countersign ") {
                    return Ok(line);
                }
            }
            let said = std::fs::read_to_string(&errors).unwrap_or_default();
            Outcome::Err(format!("countersign {arguments:?} ended: {said}").into())
        };
        let line = timeout(START_MAX, ready).await??;
        let took = start.elapsed();
        let pid = child.id().ok_or("it is gone")?;
        Ok(Self {
            child,
            pid,
            line,
            took,
        })
    }

    /// Ends it as an operator does.
    pub async fn stop(mut self) -> Outcome<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        kill_process(pid.ok_or("no process id")?, Signal::TERM)?;
        timeout(START_MAX, self.child.wait()).await??;
        Ok(())
    }
}
