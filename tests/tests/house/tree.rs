//! The files of the repository, read once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// Every file that belongs to the repository by its path, with its text. A
/// file that is not UTF-8 has none.
#[derive(Debug, Default)]
pub(super) struct Tree(BTreeMap<String, String>);

impl Tree {
    /// The repository that this test was built in.
    pub(super) fn repository() -> &'static Self {
        static TREE: OnceLock<Tree> = OnceLock::new();
        TREE.get_or_init(|| {
            let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
            let root = tests.parent().expect("the member has a parent folder");
            let ignored = fs::read_to_string(root.join(".gitignore")).expect(".gitignore");
            let mut tree = Self::default();
            tree.read(root, "", &Ignored::parse(&ignored));
            assert!(tree.has("Cargo.toml"), "the root is {}", root.display());
            tree
        })
    }

    /// A made-up one.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self(files.iter().map(owned).collect())
    }

    /// With one more file.
    pub(super) fn add(&mut self, path: &str, text: &str) {
        self.0.insert(path.to_owned(), text.to_owned());
    }

    fn read(&mut self, folder: &Path, at: &str, ignored: &Ignored) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{at}{name}");
            if ignored.covers(&path) {
                continue;
            }
            if entry.file_type().expect("a type").is_dir() {
                self.read(&entry.path(), &format!("{path}/"), ignored);
            } else {
                // Somebody may be editing: what is gone by now is gone.
                let bytes = fs::read(entry.path()).unwrap_or_default();
                let text = String::from_utf8(bytes).unwrap_or_default();
                self.0.insert(path, text);
            }
        }
    }

    /// Every file and its text.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files whose names end so.
    pub(super) fn ending(&self, suffix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(move |(path, _)| path.ends_with(suffix))
    }

    /// The text of a file, empty if there is none.
    pub(super) fn text(&self, path: &str) -> &str {
        self.0.get(path).map_or("", String::as_str)
    }

    /// Whether there is such a file or folder.
    pub(super) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let inside = format!("{path}/");
        self.0.contains_key(path) || self.files().any(|(file, _)| file.starts_with(&inside))
    }
}

/// What `.gitignore` says, in the four forms that it uses here: `/path`,
/// `/path/*`, `*.suffix` and `folder/`.
struct Ignored(Vec<String>);

impl Ignored {
    fn parse(text: &str) -> Self {
        let patterns = text.lines().map(str::trim);
        let patterns = patterns.filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(
            patterns
                .map(str::to_owned)
                .chain(["/.git".to_owned()])
                .collect(),
        )
    }

    fn covers(&self, path: &str) -> bool {
        self.0.iter().any(|pattern| {
            if let Some(from_root) = pattern.strip_prefix('/') {
                let from_root = from_root.trim_end_matches("/*").trim_end_matches('/');
                path == from_root
                    || path
                        .strip_prefix(from_root)
                        .is_some_and(|p| p.starts_with('/'))
            } else if let Some(suffix) = pattern.strip_prefix('*') {
                path.ends_with(suffix)
            } else {
                let name = pattern.trim_end_matches('/');
                path.split('/').any(|part| part == name)
            }
        })
    }
}

#[test]
fn what_git_ignores_is_not_read() {
    let ignored = Ignored::parse("# built\n/target\n/deploy/secrets\n*.log\n__pycache__/\n");
    for path in [
        ".git",
        "target",
        "target/debug",
        "deploy/secrets",
        "a/b.log",
        "x/__pycache__/y",
    ] {
        assert!(ignored.covers(path), "{path}");
    }
    for path in [
        ".gitignore",
        "targets",
        "services/target",
        "deploy/secret",
        "a/log",
    ] {
        assert!(!ignored.covers(path), "{path}");
    }
}
