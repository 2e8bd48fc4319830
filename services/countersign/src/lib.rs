//! The one binary: its verbs, its settings, and the private servers of `dev`.

mod anchoring;
mod cli;
mod demo;
pub mod mail;
pub mod parts;
pub mod settings;
pub mod stack;
mod stopping;
mod verbs;

use std::io::Write;
use std::process::ExitCode;

pub use cli::run;
use countersign_openapi::terminal_safe;

/// How the program ended, for scripts. Documented by `countersign help` and in
/// the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was told.
    Done,
    /// It failed; stderr says why.
    Failed,
    /// The command line or the settings are wrong.
    Usage,
    /// Whoever was asked gave it up, or Ctrl-C did.
    Cancelled,
    /// Nobody is signed in, or not strongly enough.
    SignIn,
    /// There is no such thing.
    NotFound,
    /// It did a part of what it was told, or some verifier has not applied it
    /// yet.
    Partial,
    /// Something that is needed does not answer.
    Unavailable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Cancelled => 3,
            Exit::SignIn => 4,
            Exit::NotFound => 5,
            Exit::Partial => 6,
            Exit::Unavailable => 7,
        })
    }
}

/// A line on stdout, for programs. A closed pipe is nobody's fault. Whatever is
/// in it, a terminal only shows it.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{}", terminal_safe(line)).and_then(|()| out.flush());
}

/// A line on stderr, for people.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", terminal_safe(line));
}
