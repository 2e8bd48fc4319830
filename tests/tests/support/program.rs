//! The program, as somebody at a shell or in a script calls it.

use std::path::PathBuf;

use serde_json::Value;
use tokio::process::Command;

use super::{SignedIn, World, soon};

/// How a command ended, and what it said on stdout and stderr.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{} {}", self.out, self.err);
        self
    }

    pub(crate) fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// The program with a token of an operator's.
pub(crate) async fn program(world: &World, operator: &SignedIn, words: &[&str]) -> Said {
    program_at(&world.client.url, &operator.access, words).await
}

/// The program with a URL and a token.
pub(crate) async fn program_at(url: &str, token: &str, words: &[&str]) -> Said {
    let variables = [("COUNTERSIGN_URL", url), ("COUNTERSIGN_TOKEN", token)];
    program_with(&variables, words).await
}

/// The program with these variables and none of its own besides, where nobody
/// can be asked.
pub(crate) async fn program_with(variables: &[(&str, &str)], words: &[&str]) -> Said {
    let output = command(variables, words).output();
    let output = soon(output).await.expect("run make test, or cargo build");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said {
        code: output.status.code().expect("it ended by itself"),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

/// The same, before it is started.
pub(crate) fn command(variables: &[(&str, &str)], words: &[&str]) -> Command {
    let test = std::env::current_exe().expect("this test knows its own file");
    let profile = test.ancestors().nth(2).expect("a profile's folder");
    let mut command = Command::new(profile.join("countersign"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("COUNTERSIGN_")) {
        command.env_remove(name);
    }
    command
        .args(words)
        .envs(variables.iter().copied())
        .stdin(std::process::Stdio::null())
        // There is no deployment of somebody's in the place where it runs.
        .current_dir(nowhere())
        .kill_on_drop(true);
    command
}

/// A folder with nothing in it.
fn nowhere() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("countersign-nowhere-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}
