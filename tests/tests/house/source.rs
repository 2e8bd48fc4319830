//! Rust files as the rules look at them: without comments, product and tests
//! apart. Textual, and good enough for code that rustfmt has been over.

use std::collections::BTreeSet;

use super::tree::Tree;

/// The text without its comments.
pub(super) fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    for line in text.lines() {
        if !line.trim_start().starts_with("//") {
            code.push_str(line.split(" // ").next().unwrap_or_default());
        }
        code.push('\n');
    }
    code
}

/// The items without `#[cfg(test)]`, and those with it.
fn split(text: &str) -> (String, String) {
    let (mut product, mut tests) = (String::new(), String::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            product.push_str(line);
            product.push('\n');
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        let mut inside = false;
        for item in lines.by_ref() {
            tests.push_str(item);
            tests.push('\n');
            inside |= item.ends_with('{');
            if item == end || (!inside && item.ends_with(';')) {
                break;
            }
        }
    }
    (product, tests)
}

/// The files that only tests are made of: `mod name;` under `#[cfg(test)]`,
/// and everything below such a module.
fn test_modules(tree: &Tree) -> BTreeSet<String> {
    let mut modules = BTreeSet::new();
    for (path, text) in tree.ending(".rs") {
        let stem = path.trim_end_matches(".rs");
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        let inside = match name {
            "mod" | "lib" | "main" => folder.to_owned(),
            _ => stem.to_owned(),
        };
        let (_, tests) = split(text);
        let declared = tests.lines().filter_map(|line| {
            let name = line.trim().strip_suffix(';')?.rsplit_once("mod ")?.1;
            Some(format!("{inside}/{name}"))
        });
        modules.extend(declared);
    }
    modules
}

/// Every Rust file as product code and as test code, without comments.
pub(super) fn sources(tree: &Tree) -> Vec<Source> {
    let modules = test_modules(tree);
    let is_test = |path: &str| {
        let stem = path.trim_end_matches(".rs");
        !path.contains("/src/")
            || modules.contains(stem)
            || modules
                .iter()
                .any(|module| path.starts_with(&format!("{module}/")))
    };
    tree.ending(".rs")
        .map(|(path, text)| {
            let text = code(text);
            let (product, tests) = if is_test(path) {
                (String::new(), text)
            } else {
                split(&text)
            };
            let path = path.to_owned();
            Source {
                path,
                product,
                tests,
            }
        })
        .collect()
}

/// A Rust file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Where it is.
    pub(super) path: String,
    /// What goes into the product.
    pub(super) product: String,
    /// What does not.
    pub(super) tests: String,
}

#[test]
fn product_and_tests_are_told_apart() {
    let tree = Tree::of(&[
        (
            "a/src/lib.rs",
            "mod x;\n#[cfg(test)]\nmod story;\n/// y()\nfn f() {} // z()\n",
        ),
        (
            "a/src/x.rs",
            "fn g() {}\n#[cfg(test)]\nmod tests {\n    fn t() {\n    }\n}\nfn h() {}\n",
        ),
        ("a/src/story.rs", "fn t() {}\n"),
        ("a/src/story/two.rs", "fn t() {}\n"),
        ("a/tests/main.rs", "fn t() {}\n"),
    ]);
    let found: Vec<_> = sources(&tree)
        .iter()
        .map(|source| {
            (
                source.product.replace('\n', ""),
                source.tests.replace('\n', ""),
            )
        })
        .collect();
    let expected = [
        ("mod x;fn f() {}", "mod story;"),
        ("", "fn t() {}"),
        ("", "fn t() {}"),
        ("fn g() {}fn h() {}", "mod tests {    fn t() {    }}"),
        ("", "fn t() {}"),
    ];
    assert_eq!(
        found,
        expected.map(|(product, tests)| (product.to_owned(), tests.to_owned()))
    );
}
