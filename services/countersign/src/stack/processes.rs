//! The processes that belong to a child, found by the folder they work in.
//!
//! A killed postmaster leaves its backends behind for a while, and a child
//! may outlive a parent that died before it could ask to die with it. Both
//! still have their working directory inside the data directory, which this
//! process holds alone: whatever is found there is a leftover.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, MissedTickBehavior};

/// How long killed processes may take to disappear.
const GONE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long stopped processes may take to stand still.
const FROZEN_TIMEOUT: Duration = Duration::from_secs(1);

/// How often it is looked whether they have.
const POLL: Duration = Duration::from_millis(5);

/// The kernel keeps so much of a program's name.
const NAME_BYTES_MAX: usize = 15;

/// Whether processes can be found at all; elsewhere than on Linux they cannot.
pub(super) fn can_be_found() -> bool {
    Path::new("/proc/self/cwd").exists()
}

/// The processes that run `program`, or are about to, inside `folder`.
pub(super) fn inside(folder: &Path, program: &str) -> Vec<Pid> {
    let program = &program.as_bytes()[..program.len().min(NAME_BYTES_MAX)];
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(Pid::from_raw)
        .filter(|pid| {
            let process = format!("/proc/{}", pid.as_raw_nonzero());
            let works_there = fs::read_link(format!("{process}/cwd"))
                .is_ok_and(|directory| directory.starts_with(folder));
            works_there
                && fs::read(format!("{process}/comm")).is_ok_and(|name| {
                    let name = name.trim_ascii_end();
                    name == program || name == b"setpriv" || name == b"unshare"
                })
        })
        .collect()
}

/// Waits until every thread of the processes has taken notice of a stop: one
/// that runs on another core goes on for a moment.
pub(super) async fn frozen(pids: &[Pid]) {
    let until = Instant::now() + FROZEN_TIMEOUT;
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while Instant::now() < until && !pids.iter().all(|pid| is_frozen(*pid)) {
        poll.tick().await;
    }
}

fn is_frozen(pid: Pid) -> bool {
    let tasks = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()));
    tasks.into_iter().flatten().flatten().all(|task| {
        // `pid (name) state ...`, where the name may hold anything.
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        let state = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.bytes().next());
        matches!(state, None | Some(b'T' | b't' | b'Z' | b'X'))
    })
}

/// Kills whatever is left inside `folder` and waits until it is gone.
/// Returns how many processes there were.
pub(super) async fn sweep(folder: &Path, program: &str) -> usize {
    let found = inside(folder, program);
    if found.is_empty() {
        return 0;
    }
    send(&found, Signal::KILL);
    let until = Instant::now() + GONE_TIMEOUT;
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        poll.tick().await;
        let left = inside(folder, program);
        if left.is_empty() || Instant::now() >= until {
            return found.len();
        }
        send(&left, Signal::KILL);
    }
}

/// Signals processes; one that ended meanwhile is nothing to complain about.
pub(super) fn send(pids: &[Pid], signal: Signal) {
    for pid in pids {
        if let Err(error) = kill_process(*pid, signal) {
            tracing::debug!(pid = pid.as_raw_nonzero().get(), %error, "a signal did not arrive");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::super::tests::Scratch;
    use super::*;

    #[tokio::test]
    async fn only_what_runs_the_program_in_the_folder_is_swept() {
        let scratch = Scratch::new("sweep");
        let folder = fs::canonicalize(scratch.path()).expect("it is there");
        let inner = folder.join("inner");
        fs::create_dir(&inner).expect("a folder");
        let mut child = Command::new("cat")
            .current_dir(&inner)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("cat runs");
        // The name is the parent's until the program has been loaded.
        while inside(&folder, "cat").is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(sweep(&folder, "dog").await, 0);
        assert_eq!(sweep(&folder.join("other"), "cat").await, 0);
        assert_eq!(sweep(&folder, "cat").await, 1);
        assert!(!child.wait().expect("it ended").success());
    }
}
