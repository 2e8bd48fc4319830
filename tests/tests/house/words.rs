//! Text that must not be in the repository.

use std::collections::HashSet;

use super::hold;
use super::tree::Tree;

/// Code that is not finished, and what to do instead. Written in parts, so
/// that this file does not hold it.
const UNFINISHED: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("#[ig", "nore"),
    concat!("db", "g!("),
];

/// Notes to oneself, as whole words in capitals.
const NOTES: &[&str] = &[
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
    concat!("TO", "DO"),
];

/// Where somebody's machine keeps files.
const PLACES: &[&str] = &["home", "root", "Users", "work"];

/// How private package mirrors are named and set.
const MIRRORS: &[&str] = &[
    concat!("arti", "factory"),
    concat!("index", "-url"),
    concat!("trusted", "-host"),
    concat!("replace", "-with"),
];

/// The only source of Rust packages.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Names of tools, documents and habits of a workplace, which say nothing to a
/// reader of this product: the FNV-1a hashes of words and of pairs of words,
/// in lower case and with one space between. Hashes, so that the list is not
/// itself what it bans.
const WORKPLACE: &[u64] = &[
    0x04dc_2554_6038_2976,
    0x125b_6919_1db9_4ab8,
    0x15a0_2a46_1ae8_0e22,
    0x1bed_a26c_aa30_34a1,
    0x1c7e_4947_921d_98be,
    0x2391_9480_3edf_98f7,
    0x2399_b1e6_b4ae_c1b6,
    0x2524_b426_1996_11b3,
    0x2abb_75e1_ed86_9b1e,
    0x2ceb_1005_04f3_41bf,
    0x2ffb_778d_fae5_4384,
    0x3924_4e7b_e806_c362,
    0x3996_a5eb_eba5_f54a,
    0x5128_45f6_eaa3_a508,
    0x5c88_3eb1_254e_2387,
    0x62a2_fa47_7580_fe28,
    0x7a3c_735f_7f6d_b37f,
    0x7aea_5769_2cfe_6441,
    0x7b49_a3e7_5d36_4a17,
    0x7f7a_7547_86a6_64b8,
    0x8a1b_8f4a_0a91_3503,
    0x8d2a_dc28_564d_5167,
    0x9b73_848a_5afb_4b7a,
    0xa113_d274_5d70_6ce3,
    0xad58_0e0e_0b38_37f8,
    0xc2c5_87b0_f46e_ccf7,
    0xc343_5075_5127_b1bb,
    0xcfa7_c89e_6789_193c,
    0xd523_5518_fae1_f922,
    0xe070_c8c7_7824_6012,
    0xe8b0_ecc1_5e96_68a9,
    0xea9e_60ad_81da_16f1,
    0xf885_92b4_6363_f7da,
    0xfb4c_201c_d99b_fc38,
];

/// FNV-1a, 64 bits.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Every file that people write, line by line.
fn lines(tree: &Tree) -> impl Iterator<Item = (String, &str)> {
    let written = tree.files().filter(|(path, _)| *path != "Cargo.lock");
    written.flat_map(|(path, text)| {
        let numbered = text.lines().enumerate();
        numbered.map(move |(index, line)| (format!("{path}:{}", index + 1), line))
    })
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    let parts = line.split(|letter: char| !letter.is_alphanumeric());
    parts.filter(|word| !word.is_empty())
}

fn unfinished(tree: &Tree) -> Vec<String> {
    lines(tree)
        .filter(|(_, line)| {
            UNFINISHED.iter().any(|text| line.contains(text))
                || words(line).any(|word| NOTES.contains(&word))
        })
        .map(|(place, line)| format!("{place}: {}", line.trim()))
        .collect()
}

/// One of the [`PLACES`] and something in it, at the beginning of a path.
fn has_machine_path(line: &str) -> bool {
    PLACES.iter().any(|place| {
        line.match_indices(&format!("/{place}/")).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            before.is_none_or(|before| !before.is_alphanumeric() && !"._-/}~".contains(before))
        })
    })
}

fn from_a_machine(tree: &Tree) -> Vec<String> {
    let foreign = tree.text("Cargo.lock").lines().filter(|line| {
        let source = line.strip_prefix("source = ");
        source.is_some_and(|source| source.trim_matches('"') != REGISTRY)
    });
    lines(tree)
        .filter(|(_, line)| {
            has_machine_path(line) || MIRRORS.iter().any(|text| line.contains(text))
        })
        .map(|(place, line)| format!("{place}: {}", line.trim()))
        .chain(foreign.map(|line| format!("Cargo.lock: {line}")))
        .collect()
}

fn workplace(tree: &Tree) -> Vec<String> {
    let banned: HashSet<u64> = WORKPLACE.iter().copied().collect();
    let mut findings = Vec::new();
    let names = tree.files().map(|(path, _)| (path.to_owned(), path));
    for (place, line) in lines(tree).chain(names) {
        let line = line.to_lowercase();
        let mut before = "";
        for word in words(&line) {
            let pair = format!("{before} {word}");
            if let Some(found) = [word, &pair]
                .iter()
                .find(|text| banned.contains(&hash(text)))
            {
                findings.push(format!("{place}: {found}"));
            }
            before = word;
        }
    }
    findings
}

#[test]
fn nothing_is_left_unfinished() {
    hold(
        &unfinished(Tree::repository()),
        "Finish it, or take it out and write an issue. A test that cannot run is no test.",
    );
}

#[test]
fn nothing_tells_of_the_machine_it_was_written_on() {
    hold(
        &from_a_machine(Tree::repository()),
        "Paths are relative to the repository or come from the environment; packages come from \
         crates.io.",
    );
}

#[test]
fn nothing_tells_of_the_workplace() {
    hold(
        &workplace(Tree::repository()),
        "Say it in the words of the product, for somebody who only has the repository.",
    );
}

#[test]
fn the_rules_of_words_can_fail() {
    for text in UNFINISHED.iter().chain(NOTES) {
        let line = format!("    {text} x");
        assert_eq!(unfinished(&Tree::of(&[("a.rs", &line)])).len(), 1, "{text}");
    }
    let fine = "XXXL, todos, ignore, mktemp XXXXXX";
    assert_eq!(unfinished(&Tree::of(&[("a.rs", fine)])), [""; 0]);

    let found = |path: &str| from_a_machine(&Tree::of(&[("a.md", path)])).len();
    for place in PLACES {
        for path in ["/@/ada/x", "\"/@/x\"", "see /@/x", "(/@/ada/x)", "X=/@/x"] {
            let path = path.replace('@', place);
            assert_eq!(found(&path), 1, "{path}");
        }
        for path in ["https://a.b/@/x", "./@/x", "a/@/x", "${X}/@/x", "/@s/x"] {
            let path = path.replace('@', place);
            assert_eq!(found(&path), 0, "{path}");
        }
    }
    let lock = "source = \"registry+https://packages.example/index\"\n";
    assert_eq!(from_a_machine(&Tree::of(&[("Cargo.lock", lock)])).len(), 1);
    for text in MIRRORS {
        assert_eq!(
            from_a_machine(&Tree::of(&[("x.toml", text)])).len(),
            1,
            "{text}"
        );
    }

    assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
    assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
    // The letters of one banned word and of one pair, so that a match is seen.
    let word: String = ["bo", "ts"].concat();
    let found = workplace(&Tree::of(&[("a.md", &format!("No Chat{word} here"))]));
    assert_eq!(found.len(), 1);
    let pair = format!("the closing-{}", ["no", "te"].concat());
    assert_eq!(workplace(&Tree::of(&[("a.md", &pair)])).len(), 1);
    assert_eq!(
        workplace(&Tree::of(&[(
            "a.md",
            "closing a note, a chat, some robots"
        )])),
        [""; 0]
    );
}
