//! What can keep a stack from starting, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use super::Child;

/// Why a [`Stack`](super::Stack) did not start, or why one of its children is
/// not up. The texts are for the person at the terminal and hold no secrets.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// No usable binary was found in any of the places that were searched.
    #[error(
        "no {program} that can be used was found; {needed} is needed.\n{searched}\n\
         Run `make tools` to fetch one, or name one with {variable}."
    )]
    Missing {
        /// What was looked for.
        program: &'static str,
        /// The oldest version that will do.
        needed: &'static str,
        /// Every place that was searched, and what was there.
        searched: String,
        /// The environment variable that names one directly.
        variable: &'static str,
    },
    /// The data directory cannot be used at all.
    #[error("the data directory {} cannot be used: {reason}", path.display())]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another stack holds the data directory.
    #[error(
        "the data directory {} is in use by {}; stop it first, or choose another directory",
        path.display(),
        holder(*pid)
    )]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The process that holds it, if it said so.
        pid: Option<u32>,
    },
    /// The file with ports and passwords is missing or damaged.
    #[error("{}: {reason}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The database was made by another major version of Postgres.
    #[error(
        "the database in {} was made by Postgres {found}, but the Postgres found in {} is version \
         {installed}; point COUNTERSIGN_POSTGRES_BIN at a Postgres {found}, or start with an empty \
         data directory",
        data.display(),
        binaries.display()
    )]
    OtherMajor {
        /// The database's folder.
        data: PathBuf,
        /// The major version that made it.
        found: String,
        /// The folder of the Postgres that was found.
        binaries: PathBuf,
        /// Its major version.
        installed: u32,
    },
    /// Running as root, and no other user could be found to run Postgres.
    #[error(
        "Postgres refuses to run as root, and no way to run it as another user works here:\n\
         {tried}\nRun as an ordinary user, or choose a data directory that user can reach."
    )]
    Privileges {
        /// Each way that was tried, and how it failed.
        tried: String,
    },
    /// The database could not be created.
    #[error("the Postgres database could not be created: initdb ended with {status}\n{output}")]
    InitDb {
        /// How initdb ended.
        status: String,
        /// The last lines that it wrote.
        output: String,
    },
    /// A child ended again and again before it was ready.
    #[error("{child} does not stay up ({status}); the end of {}:\n{tail}", log.display())]
    Ended {
        /// Which of the two.
        child: Child,
        /// How it ended the last time.
        status: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of that file.
        tail: String,
    },
    /// A child runs but does not accept connections.
    #[error(
        "{child} did not accept connections within {seconds} s ({last}); the end of {}:\n{tail}",
        log.display()
    )]
    NotReady {
        /// Which of the two.
        child: Child,
        /// How long was waited.
        seconds: u64,
        /// What the last attempt met.
        last: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of that file.
        tail: String,
    },
    /// A child accepts connections but refuses what is kept for it.
    #[error("{child} refuses its own settings: {reason}")]
    Refused {
        /// Which of the two.
        child: Child,
        /// What it said.
        reason: String,
    },
    /// No port on the loopback address is free.
    #[error("no free port was found on 127.0.0.1")]
    NoPort,
    /// The thread that supervises a child is gone.
    #[error("the supervisor of {child} is gone")]
    SupervisorGone {
        /// Which of the two.
        child: Child,
    },
    /// The operating system refused something.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StackError {
    /// For `map_err`: names the file that an I/O error is about.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_directory_names_its_holder() {
        let path = PathBuf::from("/data");
        let held = StackError::Locked {
            path: path.clone(),
            pid: Some(42),
        };
        assert!(held.to_string().contains("/data is in use by process 42;"));
        let unknown = StackError::Locked { path, pid: None };
        assert!(unknown.to_string().contains("in use by another process;"));
    }

    #[test]
    fn another_major_version_names_both() {
        let error = StackError::OtherMajor {
            data: PathBuf::from("/data/postgres/data"),
            found: "14".to_owned(),
            binaries: PathBuf::from("/usr/lib/postgresql/15/bin"),
            installed: 15,
        };
        let text = error.to_string();
        assert!(text.contains("made by Postgres 14"), "{text}");
        assert!(text.contains("is version 15"), "{text}");
    }
}
