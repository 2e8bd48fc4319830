//! House rules: what reviewers would otherwise have to remember.
//!
//! Each rule looks at the text of the repository and lists what breaks it; its
//! message says what to do. A rule is tried on a made-up tree as well, so that
//! it is known to be able to fail. Allow-lists only shrink: an entry that is
//! larger than the truth fails, too.

mod dependencies;
mod documents;
mod events;
mod hints;
mod layout;
mod manifests;
mod panics;
mod source;
mod tree;
mod words;

use std::collections::BTreeMap;

/// Fails with what was found and what to do about it.
#[track_caller]
fn hold(findings: &[String], what_to_do: &str) {
    assert!(
        findings.is_empty(),
        "\n\n  {}\n\n{what_to_do}\n",
        findings.join("\n  ")
    );
}

/// Compares counts with an allow-list, in both directions.
fn ratchet(found: &BTreeMap<String, usize>, allowed: &[(&str, usize)]) -> Vec<String> {
    let allowed: BTreeMap<&str, usize> = allowed.iter().copied().collect();
    let more = found.iter().filter_map(|(path, &count)| {
        let most = allowed.get(path.as_str()).copied().unwrap_or(0);
        (count > most).then(|| format!("{path}: {count}, allowed {most}"))
    });
    let less = allowed.iter().filter_map(|(&path, &most)| {
        let count = found.get(path).copied().unwrap_or(0);
        (count < most).then(|| format!("{path}: {count}, so lower its entry of {most}"))
    });
    more.chain(less).collect()
}

#[test]
fn an_allow_list_only_shrinks() {
    let found = BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 1)]);
    assert_eq!(ratchet(&found, &[("a", 2), ("b", 1)]), [""; 0]);
    assert_eq!(ratchet(&found, &[("a", 1), ("b", 1)]), ["a: 2, allowed 1"]);
    assert_eq!(ratchet(&found, &[("a", 2)]), ["b: 1, allowed 0"]);
    assert_eq!(
        ratchet(&found, &[("a", 2), ("b", 1), ("c", 4)]),
        ["c: 0, so lower its entry of 4"]
    );
}
