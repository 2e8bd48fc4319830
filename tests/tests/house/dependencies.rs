//! Who may depend on whom, and who may speak to the outside.

use std::collections::BTreeSet;

use super::hold;
use super::manifests::{Dependency, declared, members};
use super::source::sources;
use super::tree::Tree;

/// Our crates, and which of ours each may depend on. A new arrow is a decision:
/// it gets a page in `docs/adr`.
const ARROWS: &[(&str, &str)] = &[
    ("events", ""),
    ("openapi", ""),
    ("domain", "events"),
    ("log", "events domain"),
    ("views", "events"),
    ("projector", "log views events"),
    ("feed", "log events verifier"),
    ("mail", "log domain events"),
    ("passkey", "events"),
    ("throttle", "log events"),
    ("verifier", "openapi"),
    (
        "api",
        "log domain events views feed openapi verifier mail passkey throttle",
    ),
    ("tui", "openapi"),
    ("countersign", EVERYTHING),
    ("examples", "verifier"),
    ("tests", EVERYTHING),
];

const EVERYTHING: &str = "events openapi domain log views projector feed mail passkey throttle verifier api tui countersign";

/// Doors to the outside, and who may open them. The tests may open all.
const DOORS: &[(&str, &str)] = &[
    ("async-nats", "log projector countersign verifier"),
    ("sqlx", "views projector api countersign"),
    ("reqwest", "tui countersign verifier"),
    ("axum", "verifier examples"),
    ("tower", "verifier examples"),
    ("poem", "openapi api verifier examples"),
    ("poem-openapi", "openapi api"),
    ("hyper", "api"),
    ("hyper-util", "api"),
    ("argon2", "api"),
    ("lettre", "mail"),
    ("totp-rs", "api tui"),
    ("webauthn-rs", "passkey"),
    ("clap", "countersign"),
];

/// Crates that do no I/O, and all of others' that they may be built from. What
/// a feature brings is judged by the doors.
const PURE: &[(&str, &str)] = &[
    (
        "events",
        "base64 proptest serde serde_json thiserror time uuid",
    ),
    ("domain", "proptest serde serde_json thiserror uuid"),
    (
        "passkey",
        "aws-lc-rs base64 serde serde_json thiserror tracing uuid webauthn-rs zeroize",
    ),
    (
        "verifier",
        "aws-lc-rs base64 jsonwebtoken serde serde_json thiserror uuid zeroize",
    ),
];

/// The features of the verifier, each a file or a folder of its source: only
/// there may be named what features bring.
const FEATURES: &[&str] = &["live", "axum", "poem", "test_kit"];

/// What a table says of a name: whether a word is in its row, or nothing if it
/// has none.
fn lists(table: &[(&str, &str)], name: &str, word: &str) -> Option<bool> {
    let (_, row) = table.iter().find(|(listed, _)| *listed == name)?;
    Some(row.split_whitespace().any(|listed| listed == word))
}

fn forbidden_arrows(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for member in members(tree) {
        let from = &member.name;
        if lists(ARROWS, from, "").is_none() {
            findings.push(format!("{from} has no row in the table of arrows"));
        }
        let ours = member.dependencies.iter().filter_map(|found| found.ours());
        let forbidden = ours.filter(|to| lists(ARROWS, from, to) == Some(false));
        findings.extend(forbidden.map(|to| format!("{from} -> {to}")));
    }
    findings
}

/// The verifier's own tests start a runtime; the other pure crates' do not.
fn is_for_tests_of(who: &str, dependency: &Dependency) -> bool {
    who == "verifier" && dependency.section == "dev-dependencies"
}

/// The pure part of the verifier must not use what its features bring.
fn impure_core(tree: &Tree) -> Vec<String> {
    let members = members(tree);
    let verifier = members.iter().find(|member| member.name == "verifier");
    let Some(verifier) = verifier else {
        return Vec::new();
    };
    let folder = format!("{}/src/", verifier.folder);
    let is_core = |path: &str| {
        let Some(path) = path.strip_prefix(&folder) else {
            return false;
        };
        let top = path.split(['/', '.']).next().unwrap_or_default();
        !FEATURES.contains(&top)
    };
    let mut findings = Vec::new();
    for source in sources(tree).iter().filter(|source| is_core(&source.path)) {
        let optional = verifier.dependencies.iter().filter(|one| one.is_optional());
        let used = optional.filter(|one| names(&source.product, &one.name));
        findings.extend(used.map(|one| format!("{} uses {}", source.path, one.name)));
        let clocks = ["SystemTime", "Instant"];
        let read = clocks
            .iter()
            .filter(|clock| source.product.contains(*clock));
        findings.extend(read.map(|clock| format!("{} reads {clock}", source.path)));
    }
    findings
}

fn forbidden_doors(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for member in members(tree) {
        let who = &member.name;
        let theirs = member
            .dependencies
            .iter()
            .filter(|found| found.ours().is_none());
        for dependency in theirs {
            let name = &dependency.name;
            let is_closed = who != "tests" && lists(DOORS, name, who) == Some(false);
            // A feature, or a test, does not make the crate itself impure.
            let is_built_in = !dependency.is_optional() && !is_for_tests_of(who, dependency);
            if is_closed || (is_built_in && lists(PURE, who, name) == Some(false)) {
                findings.push(format!("{who} uses {name}"));
            }
        }
    }
    findings
}

fn declared_by_members(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for member in members(tree) {
        let own = member
            .dependencies
            .iter()
            .filter(|found| !found.is_from_workspace());
        findings.extend(own.map(|found| format!("{}/Cargo.toml: {}", member.folder, found.name)));
    }
    findings
}

/// Whether `name::` occurs, and not as the end of a longer path or word.
fn names(code: &str, name: &str) -> bool {
    let path = format!("{}::", name.replace('-', "_"));
    code.match_indices(&path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        before.is_none_or(|before| !before.is_alphanumeric() && before != '_' && before != ':')
            || code[..at].ends_with(" ::")
    })
}

fn unused(tree: &Tree) -> Vec<String> {
    let sources = sources(tree);
    let mut listed = BTreeSet::new();
    let mut findings = Vec::new();
    for member in members(tree) {
        let folder = format!("{}/", member.folder);
        let of_member = || {
            sources
                .iter()
                .filter(|source| source.path.starts_with(&folder))
        };
        for dependency in &member.dependencies {
            let name = dependency.name.as_str();
            listed.insert(name.to_owned());
            let in_product = of_member().any(|source| names(&source.product, name));
            let in_tests = of_member().any(|source| names(&source.tests, name));
            let place = format!("{folder}Cargo.toml: {name}");
            match (dependency.section, in_product, in_tests) {
                (_, false, false) => findings.push(format!("{place} is used nowhere")),
                ("dependencies", false, true) if member.name != "tests" => {
                    findings.push(format!("{place} is used by tests only: a dev-dependency"));
                }
                _ => {}
            }
        }
    }
    let idle = declared(tree)
        .into_iter()
        .filter(|name| !listed.contains(name));
    findings.extend(idle.map(|name| format!("Cargo.toml: {name} is used by no member")));
    findings
}

#[test]
fn crates_depend_only_where_the_arrows_point() {
    hold(
        &forbidden_arrows(Tree::repository()),
        "The house has one-way doors: see ARCHITECTURE.md. Move the code to where it may be, or \
         decide on a new arrow with a page in docs/adr and a word in `ARROWS`.",
    );
}

#[test]
fn only_those_who_must_speak_to_the_outside() {
    hold(
        &forbidden_doors(Tree::repository()),
        "NATS is spoken by the log, SQL by the views, HTTP by the console, and the pure crates do \
         no I/O at all. Ask the crate whose work it is.",
    );
}

#[test]
fn the_verifier_is_pure_without_its_features() {
    hold(
        &impure_core(Tree::repository()),
        "What checks a token is given keys, revocations and the time. Whatever fetches, waits or \
         looks at a clock is in src/live.",
    );
}

#[test]
fn versions_and_features_are_declared_once() {
    hold(
        &declared_by_members(Tree::repository()),
        "Write `name.workspace = true`; versions and features stand in the root's Cargo.toml. A \
         member may make a dependency optional, and choose features of a crate of ours.",
    );
}

#[test]
fn nothing_is_declared_that_is_not_used() {
    hold(
        &unused(Tree::repository()),
        "Take it out of the manifest, or put it under [dev-dependencies].",
    );
}

/// A workspace of the given members, each a short name, its manifest's
/// sections and its source.
fn workspace(members: &[(&str, &str, &str)]) -> Tree {
    let folders: Vec<String> = members
        .iter()
        .map(|(name, ..)| format!("{name:?}"))
        .collect();
    let root = format!(
        "[workspace]\nmembers = [{}]\n[workspace.dependencies]\nuuid = \"1\"\nzip = \"1\"\n",
        folders.join(", ")
    );
    let mut files = vec![("Cargo.toml".to_owned(), root)];
    for (name, sections, source) in members {
        let manifest = format!("[package]\nname = \"countersign-{name}\"\n{sections}");
        files.push((format!("{name}/Cargo.toml"), manifest));
        files.push((format!("{name}/src/lib.rs"), (*source).to_owned()));
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (&**path, &**text))
        .collect();
    Tree::of(&files)
}

#[test]
fn the_rules_of_the_verifier_can_fail() {
    let optional = "{ workspace = true, optional = true }";
    let manifest = format!(
        "[dependencies]\nreqwest = {optional}\ntokio = {optional}\nuuid.workspace = true\n\
         sqlx = {optional}\n[dev-dependencies]\ntokio.workspace = true\n"
    );
    let mut tree = workspace(&[
        (
            "verifier",
            &manifest,
            "use tokio::X;\nfn f(_: Instant) {}\n",
        ),
        (
            "examples",
            "[dependencies]\ncountersign-verifier = { workspace = true, features = [\"live\"] }\n",
            "",
        ),
    ]);
    tree.add(
        "verifier/src/live/keys.rs",
        "use reqwest::X;\nuse tokio::Y;\n",
    );
    assert_eq!(forbidden_doors(&tree), ["verifier uses sqlx"]);
    assert_eq!(
        impure_core(&tree),
        [
            "verifier/src/lib.rs uses tokio",
            "verifier/src/lib.rs reads Instant"
        ]
    );
    assert_eq!(declared_by_members(&tree), [""; 0]);
    let built_in = workspace(&[("verifier", "[dependencies]\ntokio.workspace = true\n", "")]);
    assert_eq!(forbidden_doors(&built_in), ["verifier uses tokio"]);
}

#[test]
fn the_rules_of_dependencies_can_fail() {
    let tree = workspace(&[
        (
            "domain",
            "[dependencies]\ncountersign-log.workspace = true\ntokio.workspace = true\n\
             uuid = { workspace = true, features = [\"v4\"] }\n\
             [target.'cfg(unix)'.dev-dependencies]\nsqlx.workspace = true\n",
            "use std::uuid::X;\nuse tokio::Y;\n#[cfg(test)]\nmod tests {\n    use uuid::Z;\n}\n",
        ),
        ("new", "", ""),
        (
            "tests",
            "[dependencies]\nsqlx.workspace = true\n",
            "use sqlx::X;\n",
        ),
    ]);
    assert_eq!(
        forbidden_arrows(&tree),
        ["domain -> log", "new has no row in the table of arrows"]
    );
    assert_eq!(
        forbidden_doors(&tree),
        ["domain uses tokio", "domain uses sqlx"]
    );
    assert_eq!(declared_by_members(&tree), ["domain/Cargo.toml: uuid"]);
    assert_eq!(
        unused(&tree),
        [
            "domain/Cargo.toml: countersign-log is used nowhere",
            "domain/Cargo.toml: uuid is used by tests only: a dev-dependency",
            "domain/Cargo.toml: sqlx is used nowhere",
            "Cargo.toml: zip is used by no member",
        ]
    );
}
