//! Real processes: found, started, read, signalled and waited for.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::wait::{note, until};

/// How long a service may take to say that it is ready.
const READY: Duration = Duration::from_secs(30);

/// The program under test, as cargo built it beside this test.
pub(super) fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("this test knows its own file");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("target/<profile>/deps/<test>");
    let path = profile.join("countersign");
    assert!(
        path.is_file(),
        "{} is missing: run make test, or cargo build -p countersign",
        path.display()
    );
    path
}

/// A folder that is removed when the test is over.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(label: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path =
            std::env::temp_dir().join(format!("countersign-faults-{label}-{process}-{number}"));
        fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            note(&format!("{} is left behind: {error}", self.0.display()));
        }
    }
}

type Job = (Command, SyncSender<io::Result<Child>>);

/// Starts a process that dies with this one. The kernel kills it when the
/// *thread* that started it ends, so all are started by one that never does.
fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<SyncSender<Job>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, jobs) = sync_channel::<Job>(16);
        let work = move || {
            for (mut command, done) in jobs {
                // Whoever asked may be gone; then its child is of no use.
                if let Err(unwanted) = done.send(command.spawn())
                    && let Ok(mut child) = unwanted.0
                {
                    let _ = child.kill();
                }
            }
        };
        std::thread::Builder::new()
            .name("spawner".into())
            .spawn(work)
            .expect("a thread");
        sender
    });
    let (done, result) = sync_channel(1);
    spawner.send((command, done)).map_err(io::Error::other)?;
    result.recv().map_err(io::Error::other)?
}

/// A command that dies with its parent, where the system can do that.
/// `switch` are further arguments of `setpriv`.
pub(super) fn command(program: &Path, switch: &[&str]) -> Command {
    let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"]
        .iter()
        .find(|path| Path::new(path).exists());
    let mut command = match setpriv {
        None => Command::new(program),
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command
                .args(["--pdeathsig", "KILL"])
                .args(switch)
                .arg("--")
                .arg(program);
            command
        }
    };
    // What is set where the tests run is none of the program's business, but
    // for the place where nats-server and Postgres are.
    for (name, _) in std::env::vars() {
        let kept = [
            "COUNTERSIGN_TOOLS",
            "COUNTERSIGN_NATS_SERVER",
            "COUNTERSIGN_POSTGRES_BIN",
        ];
        if name.starts_with("COUNTERSIGN_") && !kept.contains(&name.as_str()) {
            command.env_remove(name);
        }
    }
    command
}

/// A running program of ours.
pub(super) struct Process {
    name: &'static str,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    log: PathBuf,
}

impl Process {
    /// Starts it; what it writes to stderr goes to a file in `logs`.
    pub(super) fn start(name: &'static str, mut command: Command, logs: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let log = logs.join(format!(
            "{name}-{}.log",
            NEXT.fetch_add(1, Ordering::Relaxed)
        ));
        let stderr = File::create(&log).expect("a file for its log");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr);
        let mut child = spawn(command).unwrap_or_else(|error| panic!("{name}: {error}"));
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let reader = Arc::clone(&lines);
        // Ends with the process.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                reader.lock().expect("no reader panics").push(line);
            }
        });
        Self {
            name,
            child,
            lines,
            log,
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to stdout so far.
    pub(super) fn stdout(&self) -> Vec<String> {
        self.lines.lock().expect("no reader panics").clone()
    }

    /// What it wrote to stderr so far.
    pub(super) fn stderr(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn tail(&self) -> String {
        let text = self.stderr();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n  ")
    }

    /// Waits for its first line on stdout.
    pub(super) async fn ready(&mut self) -> String {
        self.try_ready().await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// The same, or why there is none.
    pub(super) async fn try_ready(&mut self) -> Result<String, String> {
        let name = self.name;
        let started = Instant::now();
        let (line, _) = until(name, READY * 2, async || {
            let line = self.stdout().first().cloned();
            let ended = self.child.try_wait().map_err(|error| error.to_string())?;
            match (line, ended) {
                (Some(line), _) => Ok(Ok(line)),
                (None, Some(status)) => {
                    Ok(Err(format!("{name} ended ({status}):\n  {}", self.tail())))
                }
                (None, None) if started.elapsed() > READY => Ok(Err(format!(
                    "{name} is not ready after {READY:?}; it said:\n  {}",
                    self.tail()
                ))),
                (None, None) => Err("not yet".into()),
            }
        })
        .await;
        line
    }

    /// Sends a signal.
    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Kills it without warning, and waits until it is dead.
    pub(super) fn kill(&mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it is dead");
    }

    /// Waits until it has ended by itself.
    pub(super) async fn ended(&mut self, patience: Duration) -> (ExitStatus, Duration) {
        let name = self.name;
        until(&format!("{name} ends"), patience, async || {
            let status = self.child.try_wait().map_err(|error| error.to_string())?;
            status.ok_or_else(|| format!("it said:\n  {}", self.tail()))
        })
        .await
    }

    /// Asks it to end and waits until it has, in good order.
    pub(super) async fn stop(&mut self) -> Duration {
        self.signal(Signal::TERM);
        let (status, took) = self.ended(Duration::from_secs(20)).await;
        assert!(
            status.success(),
            "{}: {status}\n  {}",
            self.name,
            self.tail()
        );
        took
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            note(&format!(
                "{} {} said last:\n  {}",
                self.name,
                self.pid(),
                self.tail()
            ));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a process runs; one that has ended but was not waited for does not.
pub(super) fn is_alive(pid: u32) -> bool {
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok()
}
