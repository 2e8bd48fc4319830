//! Where the product may panic, and where tests may wait for time.

use std::collections::BTreeMap;

use super::source::sources;
use super::tree::Tree;
use super::{hold, ratchet};

/// How often a file of the product may unwrap or expect: where the failure
/// would be a bug in the lines above.
const PANICS: &[(&str, usize)] = &[("services/api/src/http/spec.rs", 1)];

/// Waiting for time, as Rust writes it.
const SLEEPING: &[&str] = &["sleep(", "sleep_until("];

/// How often a value is unwrapped. A method of ours may be called `expect`; the
/// one that panics is given a text.
fn unwrapped(code: &str) -> usize {
    let expected = code.split(".expect(").skip(1);
    let expected = expected.filter(|rest| rest.trim_start().starts_with(['"', '&']));
    code.matches(".unwrap()").count() + expected.count()
}

fn panics(tree: &Tree) -> BTreeMap<String, usize> {
    sources(tree)
        .into_iter()
        .map(|source| (source.path, unwrapped(&source.product)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn sleeps(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources(tree) {
        // This file has to say what it looks for.
        let lines = source
            .tests
            .lines()
            .filter(|line| !line.contains("SLEEPING"));
        for line in lines {
            let calls = SLEEPING.iter().flat_map(|call| line.match_indices(call));
            let is_call = |(at, _): (usize, &str)| {
                let before = line[..at].chars().next_back();
                before.is_none_or(|before| {
                    !before.is_alphanumeric() && before != '_' && before != '"'
                })
            };
            if calls.into_iter().any(is_call) {
                findings.push(format!("{}: {}", source.path, line.trim()));
            }
        }
    }
    findings
}

#[test]
fn the_product_returns_errors() {
    hold(
        &ratchet(&panics(Tree::repository()), PANICS),
        "Return an error, or shape the types so that it cannot happen. Where a failure would be \
         a bug a few lines up, say so in `expect` and raise the file's entry in review.",
    );
}

#[test]
fn tests_never_sleep() {
    hold(
        &sleeps(Tree::repository()),
        "A test waits for a position, a signal or a deadline (`timeout`), never for time.",
    );
}

#[test]
fn the_rules_of_panics_can_fail() {
    let tree = Tree::of(&[
        (
            "a/src/lib.rs",
            "fn f() {\n    x\n        .expect(\"y\");\n    z.unwrap();\n}\n// q.unwrap()\n",
        ),
        (
            "a/src/fine.rs",
            "#[expect(clippy::x)]\nfn f() {\n    y.unwrap_or(1);\n    chain.expect(known);\n}\n#[cfg(test)]\nmod tests {\n    fn t() {\n        x.unwrap();\n    }\n}\n",
        ),
        ("a/tests/main.rs", "fn t() {\n    x.unwrap();\n}\n"),
    ]);
    assert_eq!(
        panics(&tree),
        BTreeMap::from([("a/src/lib.rs".to_owned(), 2)])
    );

    let nap = |call: &str| format!("fn t() {{\n    {call}(x).await;\n}}\n");
    for call in ["sleep", "tokio::time::sleep", "std::thread::sleep_until"] {
        assert_eq!(
            sleeps(&Tree::of(&[("a/tests/main.rs", &nap(call))])).len(),
            1,
            "{call}"
        );
    }
    assert_eq!(
        sleeps(&Tree::of(&[("a/tests/main.rs", &nap("pg_sleep"))])),
        [""; 0]
    );
    assert_eq!(
        sleeps(&Tree::of(&[("a/src/lib.rs", &nap("sleep"))])),
        [""; 0]
    );
}
