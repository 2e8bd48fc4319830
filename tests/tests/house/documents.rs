//! Documents that are true to the repository.

use super::hold;
use super::tree::Tree;

/// The most lines of a decision: a page.
const PAGE_LINES: usize = 80;

const HEADINGS: [&str; 3] = ["## Context", "## Decision", "## Consequences"];

fn decisions(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    let files = tree
        .files()
        .filter_map(|(path, text)| Some((path.strip_prefix("docs/adr/")?, text)));
    for (expected, (file, text)) in (1..).zip(files) {
        let number = format!("{expected:04}");
        let title = file.strip_prefix(&format!("{number}-"));
        let Some(title) = title.and_then(|title| title.strip_suffix(".md")) else {
            findings.push(format!("{file}: expected {number}-<title>.md"));
            continue;
        };
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if title.is_empty() || !title.bytes().all(is_plain) {
            findings.push(format!(
                "{file}: a title of lower-case words with hyphens between"
            ));
        }
        if !text.starts_with(&format!("# {number} ")) {
            findings.push(format!("{file}: begins with `# {number} <Title>`"));
        }
        let found: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        if found != HEADINGS {
            findings.push(format!("{file}: its headings are {found:?}"));
        }
        if text.lines().count() > PAGE_LINES {
            findings.push(format!("{file}: longer than a page of {PAGE_LINES} lines"));
        }
    }
    findings
}

/// Crates that do not say what they are.
fn silent_crates(tree: &Tree) -> Vec<String> {
    let manifests = tree.ending("/Cargo.toml");
    let folders = manifests.filter_map(|(path, _)| path.strip_suffix("/Cargo.toml"));
    folders
        .flat_map(|folder| ["lib", "main"].map(|root| format!("{folder}/src/{root}.rs")))
        .filter(|root| tree.has(root))
        .filter(|root| {
            let first = tree.text(root).lines().next().unwrap_or_default();
            let sentence = first.strip_prefix("//! ").unwrap_or_default();
            !sentence.contains(' ')
        })
        .collect()
}

/// A document without what stands between its fences.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What is between `open` and `close`, wherever that occurs.
fn between<'a>(text: &'a str, open: &'a str, close: char) -> impl Iterator<Item = &'a str> {
    text.split(open)
        .skip(1)
        .filter_map(move |rest| Some(rest.split_once(close)?.0))
}

/// `docs/adr/../howto/x.md` as `docs/howto/x.md`.
fn resolve(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let all = folder.split('/').chain(link.split('/'));
    for part in all.filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// `heading` as the anchor that Markdown renderers give it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn dead_links(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".md") {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let text = prose(text);
        for link in between(&text, "](", ')') {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.to_owned(),
                file => resolve(folder, file),
            };
            let headings = prose(tree.text(&target));
            let mut headings = headings.lines().filter(|line| line.starts_with('#'));
            let is_there = tree.has(&target)
                && (fragment.is_empty() || headings.any(|line| anchor(line) == fragment));
            if !is_there {
                findings.push(format!("{path}: {link}"));
            }
        }
    }
    findings
}

/// Paths in back quotes, from the root of the repository or beside the
/// document. What is made up has a `<` in it. The changelog tells of the past.
fn dead_paths(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in tree
        .ending(".md")
        .filter(|(path, _)| *path != "CHANGELOG.md")
    {
        let text = prose(text);
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        // Odd pieces are inside back quotes.
        for span in text.split('`').skip(1).step_by(2) {
            let top = span.split_once('/').map_or("", |(top, _)| top);
            let is_path = !span.contains(|c: char| c.is_whitespace() || "<>*{}$:…".contains(c));
            if is_path && !top.is_empty() && tree.has(top) && !tree.has(span) {
                let beside = resolve(folder, span);
                if !tree.has(&beside) && !is_made_later(span) {
                    findings.push(format!("{path}: {span}"));
                }
            }
        }
    }
    findings
}

/// What the repository ignores and a document may speak of.
fn is_made_later(path: &str) -> bool {
    path.starts_with("deploy/secrets/")
}

#[test]
fn decisions_are_pages_of_one_form() {
    let tree = Tree::repository();
    assert!(tree.has("docs/adr"), "the decisions are gone");
    hold(
        &decisions(tree),
        "A decision is docs/adr/NNNN-title.md: `# NNNN Title`, then Context, Decision and \
         Consequences, on one page. Numbers are never reused; a decision is replaced by a later one.",
    );
}

#[test]
fn every_crate_says_what_it_is() {
    hold(
        &silent_crates(Tree::repository()),
        "Begin the file with `//!`: what the crate is for, and what it must not know.",
    );
}

#[test]
fn links_between_documents_resolve() {
    hold(
        &dead_links(Tree::repository()),
        "The file or the heading has moved: follow it.",
    );
}

#[test]
fn documents_name_files_that_are_there() {
    hold(
        &dead_paths(Tree::repository()),
        "The file has moved: follow it, or write a made-up part of a path as `<name>`.",
    );
}

#[test]
fn the_rules_of_documents_can_fail() {
    let good = "# 0001 One\n\n## Context\n\n## Decision\n\n## Consequences\n";
    let long = format!(
        "{}{}",
        good.replace("0001", "0002"),
        "x\n".repeat(PAGE_LINES)
    );
    let tree = Tree::of(&[
        ("docs/adr/0001-one.md", good),
        ("docs/adr/0002-two.md", &long),
        ("docs/adr/0004-four.md", good),
        (
            "docs/adr/0004-four_.md",
            "# 0004 Four\n## Context\n## Decision\n",
        ),
    ]);
    assert_eq!(
        decisions(&tree),
        [
            "0002-two.md: longer than a page of 80 lines",
            "0004-four.md: expected 0003-<title>.md",
            "0004-four_.md: a title of lower-case words with hyphens between",
            "0004-four_.md: its headings are [\"## Context\", \"## Decision\"]",
        ]
    );

    let tree = Tree::of(&[
        ("a/Cargo.toml", ""),
        ("a/src/lib.rs", "//! What happened.\n"),
        ("b/Cargo.toml", ""),
        ("b/src/lib.rs", "//! countersign-b\n"),
        ("b/src/main.rs", "fn main() {}\n"),
    ]);
    assert_eq!(silent_crates(&tree), ["b/src/lib.rs", "b/src/main.rs"]);

    let text = "# A `b`: c\n[x](b.md) [x](../docs/a.md#a-b-c) [x](#a-b-c) [x](https://x.y/z)\n\
                ```\n[x](no.md)\n```\n[x](no.md) [x](#no)\n`docs/a.md` `docs/no.md` `docs/<no>.md` `no/no`\n\
                `a.md` `docs/`\n";
    let tree = Tree::of(&[("docs/a.md", text), ("docs/b.md", "")]);
    assert_eq!(dead_links(&tree), ["docs/a.md: no.md", "docs/a.md: #no"]);
    assert_eq!(dead_paths(&tree), ["docs/a.md: docs/no.md"]);
}
