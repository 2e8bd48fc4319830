//! Where things are, and how long they may be.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::Tree;
use super::{hold, ratchet};

/// The most lines of a file that people write.
const LINES_MAX: usize = 400;

/// Files that are longer, with their lines.
const LONG: &[(&str, usize)] = &[];

const WRITTEN_BY_PEOPLE: &[&str] = &[
    ".rs", ".py", ".sh", ".sql", ".md", ".toml", ".yaml", ".yml", ".conf", ".html", ".css", ".js",
];

const TOP: &[&str] = &[
    ".ci",
    "deploy",
    "docs",
    "events",
    "examples",
    "openapi",
    "services",
    "tests",
    "tui",
    ".gitattributes",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "clippy.toml",
    "rustfmt.toml",
];

/// What editors leave at the top of a working copy.
const EDITORS: &[&str] = &[".DS_Store", ".direnv", ".envrc", ".idea", ".vscode", ".zed"];

fn long_files(tree: &Tree) -> BTreeMap<String, usize> {
    tree.files()
        .filter(|(path, _)| {
            WRITTEN_BY_PEOPLE
                .iter()
                .any(|suffix| path.ends_with(suffix))
        })
        .map(|(path, text)| (path.to_owned(), text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .collect()
}

fn top_level(tree: &Tree) -> Vec<String> {
    let here: BTreeSet<&str> = tree
        .files()
        .map(|(path, _)| path.split('/').next().unwrap_or_default())
        .filter(|name| !EDITORS.contains(name))
        .collect();
    let expected: BTreeSet<&str> = TOP.iter().copied().collect();
    let strange = here
        .difference(&expected)
        .map(|name| format!("{name} has no place here"));
    let missing = expected
        .difference(&here)
        .map(|name| format!("{name} is missing"));
    strange.chain(missing).collect()
}

#[test]
fn files_stay_short() {
    hold(
        &ratchet(&long_files(Tree::repository()), LONG),
        "A file of more than 400 lines holds more than one idea: give each its own file.",
    );
}

#[test]
fn the_top_level_is_what_a_newcomer_was_told() {
    hold(
        &top_level(Tree::repository()),
        "Everything has a room: code under services/, documents under docs/, operations under \
         deploy/, what machines run under .ci/. A new room is decided in docs/adr.",
    );
}

#[test]
fn the_rules_of_layout_can_fail() {
    let long = "x\n".repeat(LINES_MAX + 1);
    let short = "x\n".repeat(LINES_MAX);
    let tree = Tree::of(&[
        ("a/src/long.rs", &long),
        ("a/src/short.rs", &short),
        ("Cargo.lock", &long),
        (".idea/x.toml", ""),
    ]);
    let found = long_files(&tree);
    assert_eq!(found, BTreeMap::from([("a/src/long.rs".to_owned(), 401)]));
    let found = top_level(&tree);
    assert_eq!(found[0], "a has no place here");
    assert_eq!(found.len(), 1 + TOP.len() - 1);
    assert!(
        found.contains(&"README.md is missing".to_owned()),
        "{found:?}"
    );
}
