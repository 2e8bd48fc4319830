//! Every event has golden bytes, is applied by the views, and has said whether
//! it revokes.

use std::collections::{BTreeSet, HashSet};

use super::hold;
use super::source::{code, sources};
use super::tree::Tree;

/// Events that no view shows. A view that comes to show one takes it out.
const NOT_VIEWED: &[&str] = &[
    "EmailEvent::Reserved",
    "EmailEvent::Released",
    "KeyEvent::Created",
    "KeyEvent::Activated",
    "KeyEvent::RotationRequested",
    "FactorEvent::CodeAccepted",
    "FactorEvent::AssertionAccepted",
    "KeyEvent::Retired",
    "KeyEvent::Revoked",
    "GrantEvent::Revoked",
];

/// Events of nouns that revoke nothing.
const NOT_REVOKING: &[&str] = &[
    "EmailEvent::Reserved",
    "EmailEvent::Released",
    "FactorEvent::CodeAccepted",
    "FactorEvent::AssertionAccepted",
    "RevocationEvent::Requested",
    "RevocationEvent::Counted",
    "RevocationEvent::Completed",
    "RevocationEvent::Cancelled",
];

/// One line of an `event_set!` block.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    /// `Account`.
    noun: String,
    /// `Registered`.
    variant: String,
    /// `registered`.
    name: String,
    /// The version that is written, then those that are only read.
    versions: Vec<u16>,
}

impl Event {
    /// Reads `Variant = "name" 2 from 1 VariantV1,`.
    fn parse(noun: &str, line: &str) -> Option<Self> {
        let (variant, rest) = line.trim().strip_suffix(',')?.split_once(" = \"")?;
        let (name, versions) = rest.split_once('"')?;
        let versions: Vec<u16> = versions
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        (!versions.is_empty()).then(|| Self {
            noun: noun.to_owned(),
            variant: variant.to_owned(),
            name: name.to_owned(),
            versions,
        })
    }
}

fn events(tree: &Tree) -> Vec<Event> {
    let mut events = Vec::new();
    for (path, text) in tree.ending(".rs") {
        if !path.starts_with("events/src/") {
            continue;
        }
        let text = code(text);
        for block in text.split("event_set! {").skip(1) {
            let Some((head, lines)) = block.split_once('{') else {
                continue;
            };
            let Some((_, noun)) = head.rsplit_once("(Noun::") else {
                continue;
            };
            let noun = noun.trim().trim_end_matches(')');
            let lines = lines.lines().take_while(|line| line.trim() != "}");
            events.extend(lines.filter_map(|line| Event::parse(noun, line)));
        }
    }
    events
}

fn without_golden_bytes(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for event in events(tree) {
        let noun = event.noun.to_lowercase();
        for version in event.versions {
            let path = format!("events/golden/{noun}.{}.v{version}.json", event.name);
            if tree.text(&path).is_empty() {
                findings.push(format!("{path} is missing"));
            }
        }
    }
    findings
}

/// The events that the product code in a folder does not name and that are not
/// listed as passed over, and those that are listed for nothing.
fn unmentioned(tree: &Tree, folder: &str, passed_over: &[&str]) -> Vec<String> {
    let code: String = sources(tree)
        .into_iter()
        .filter(|source| source.path.starts_with(folder))
        .map(|source| source.product)
        .collect();
    let words: HashSet<&str> = code
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':')
        .collect();
    let mut unlisted: BTreeSet<&str> = passed_over.iter().copied().collect();
    let mut findings = Vec::new();
    for event in events(tree) {
        let path = format!("{}Event::{}", event.noun, event.variant);
        let is_listed = unlisted.remove(path.as_str());
        match (words.contains(path.as_str()), is_listed) {
            (false, false) => findings.push(format!("{folder} does not name {path}")),
            (true, true) => findings.push(format!("{folder} names {path}: not passed over")),
            _ => {}
        }
    }
    findings.extend(unlisted.iter().map(|path| format!("{path} is no event")));
    findings
}

fn unviewed(tree: &Tree, passed_over: &[&str]) -> Vec<String> {
    unmentioned(tree, "services/views/src/", passed_over)
}

fn unjudged(tree: &Tree, passed_over: &[&str]) -> Vec<String> {
    unmentioned(tree, "services/feed/src/revocation.rs", passed_over)
}

#[test]
fn every_event_has_golden_bytes() {
    let tree = Tree::repository();
    assert!(events(tree).len() >= 12, "the event sets were not found");
    hold(
        &without_golden_bytes(tree),
        "Add a sample in events/src/golden/samples.rs and write the file: \
         `UPDATE_GOLDEN=1 cargo test -p countersign-events`.",
    );
}

#[test]
fn every_event_is_applied_by_the_views() {
    hold(
        &unviewed(Tree::repository(), NOT_VIEWED),
        "Name the event in `apply.rs` of its noun, also if the rows show nothing of it: a default \
         arm would swallow the next one. Of a noun that no view shows, list it in `NOT_VIEWED`.",
    );
}

#[test]
fn every_event_says_whether_it_revokes() {
    hold(
        &unjudged(Tree::repository(), NOT_REVOKING),
        "Name the event in services/feed/src/revocation.rs: does it end a session, or everything \
         of an account, or nothing? Of a noun that revokes nothing, list it in `NOT_REVOKING`.",
    );
}

#[test]
fn the_rules_of_events_can_fail() {
    let set = "event_set! {\n    /// Doc = \"x\" 1,\n    pub enum CatEvent for CatId (Noun::Cat) {\n        \
               Fed = \"fed\" 2 from 1 FedV1,\n        /// Gone.\n        Left = \"left\" 1,\n    }\n}\n";
    let tree = |code: &str| {
        Tree::of(&[
            ("events/src/cat.rs", set),
            ("events/golden/cat.fed.v2.json", "{}"),
            ("services/views/src/cat/apply.rs", code),
            ("services/feed/src/revocation.rs", code),
        ])
    };
    let found = events(&tree(""));
    let versions: Vec<_> = found
        .iter()
        .map(|event| (&*event.name, &*event.versions))
        .collect();
    assert_eq!(versions, [("fed", &[2, 1][..]), ("left", &[1][..])]);
    assert_eq!(
        without_golden_bytes(&tree("")),
        [
            "events/golden/cat.fed.v1.json is missing",
            "events/golden/cat.left.v1.json is missing"
        ]
    );
    for (code, passed_over, count) in [
        ("", &[][..], 2),
        ("", &["CatEvent::Fed"], 1),
        ("", &["CatEvent::Fed", "CatEvent::Left"], 0),
        ("// CatEvent::Fed\n", &[], 2),
        ("CatEvent::Fed(_) => {}\n", &[], 1),
        ("CatEvent::FedUp(_) => {}\n", &[], 2),
        ("CatEvent::Fed(_) | CatEvent::Left(_) => {}\n", &[], 0),
        (
            "CatEvent::Fed(_) | CatEvent::Left(_) => {}\n",
            &["CatEvent::Fed"],
            1,
        ),
        (
            "CatEvent::Fed(_) | CatEvent::Left(_) => {}\n",
            &["CatEvent::Gone"],
            1,
        ),
        ("#[cfg(test)]\nmod tests {\n    CatEvent::Fed;\n}\n", &[], 2),
    ] {
        assert_eq!(unviewed(&tree(code), passed_over).len(), count, "{code}");
        assert_eq!(unjudged(&tree(code), passed_over).len(), count, "{code}");
    }
}
