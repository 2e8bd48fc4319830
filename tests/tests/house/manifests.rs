//! The workspace's manifests.

use toml::{Table, Value};

use super::tree::Tree;

/// A crate of ours.
pub(super) struct Member {
    /// Where it is.
    pub(super) folder: String,
    /// Its name without the `countersign-` that nearly all have.
    pub(super) name: String,
    /// What its manifest lists.
    pub(super) dependencies: Vec<Dependency>,
}

/// A line of a manifest.
pub(super) struct Dependency {
    /// The package's name.
    pub(super) name: String,
    /// Where it stands.
    pub(super) section: &'static str,
    /// What is said of it.
    spec: Value,
}

impl Dependency {
    /// Its short name, if it is a crate of ours.
    pub(super) fn ours(&self) -> Option<&str> {
        self.name
            .starts_with("countersign")
            .then(|| short(&self.name))
    }

    /// Whether it takes version and features from the workspace. It may be
    /// optional, and a crate of ours may be asked for features.
    pub(super) fn is_from_workspace(&self) -> bool {
        let Some(spec) = self.spec.as_table() else {
            return false;
        };
        let is_allowed = |key: &str| match key {
            "workspace" | "optional" => true,
            "features" => self.ours().is_some(),
            _ => false,
        };
        spec.get("workspace") == Some(&Value::Boolean(true))
            && spec.keys().all(|key| is_allowed(key))
    }

    /// Whether only a feature brings it.
    pub(super) fn is_optional(&self) -> bool {
        self.spec.get("optional") == Some(&Value::Boolean(true))
    }
}

/// `api` of `countersign-api`; the binary's name is its own.
fn short(name: &str) -> &str {
    name.strip_prefix("countersign-").unwrap_or(name)
}

fn parse(tree: &Tree, path: &str) -> Table {
    let text = tree.text(path);
    text.parse()
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every member of the workspace.
pub(super) fn members(tree: &Tree) -> Vec<Member> {
    let root = parse(tree, "Cargo.toml");
    let folders = root["workspace"]["members"].as_array().expect("members");
    let folders = folders
        .iter()
        .map(|folder| folder.as_str().expect("a path"));
    folders
        .map(|folder| {
            let manifest = parse(tree, &format!("{folder}/Cargo.toml"));
            let name = manifest["package"]["name"].as_str().expect("a name");
            Member {
                folder: folder.to_owned(),
                name: short(name).to_owned(),
                dependencies: dependencies(&manifest),
            }
        })
        .collect()
}

/// What the workspace declares for its members.
pub(super) fn declared(tree: &Tree) -> Vec<String> {
    let root = parse(tree, "Cargo.toml");
    let table = root["workspace"]["dependencies"]
        .as_table()
        .expect("a table");
    table.keys().cloned().collect()
}

fn dependencies(manifest: &Table) -> Vec<Dependency> {
    const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(Value::as_table);
    let targets = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    let mut found = Vec::new();
    for table in [manifest].into_iter().chain(targets) {
        for section in SECTIONS {
            let listed = table.get(section).and_then(Value::as_table);
            found.extend(listed.into_iter().flatten().map(|(name, spec)| Dependency {
                name: name.clone(),
                section,
                spec: spec.clone(),
            }));
        }
    }
    found
}
