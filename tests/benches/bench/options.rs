//! What the environment asks for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Outcome;

/// The names that `BENCH_ONLY` knows.
pub const FIGURES: &[&str] = &[
    "login",
    "storm",
    "refresh",
    "append",
    "verify",
    "shell",
    "bound",
    "lag",
    "replay",
    "startup",
    "memory",
    "predicate",
    "console",
];

/// What is measured, for how long, and where.
pub struct Options {
    /// How long each figure is measured.
    pub time: Duration,
    /// The shards of every log.
    pub shards: u8,
    /// Removed at the end.
    pub folder: Folder,
    only: Vec<String>,
}

/// A directory of this run that goes with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Options {
    pub fn from_env() -> Outcome<Self> {
        let value = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let only: Vec<String> = value("BENCH_ONLY")
            .map(|names| {
                names
                    .split(',')
                    .map(|name| name.trim().to_owned())
                    .collect()
            })
            .unwrap_or_default();
        if let Some(unknown) = only.iter().find(|name| !FIGURES.contains(&name.as_str())) {
            return Err(format!("BENCH_ONLY={unknown}: there are {}", FIGURES.join(", ")).into());
        }
        let seconds: u64 = value("BENCH_SECONDS").map_or(Ok(8), |text| text.parse())?;
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self {
            time: Duration::from_secs(seconds.max(1)),
            shards: value("BENCH_SHARDS").map_or(Ok(8), |text| text.parse())?,
            folder: Folder(folder),
            only,
        })
    }

    /// Whether a figure is wanted.
    pub fn wants(&self, figure: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == figure)
    }
}
