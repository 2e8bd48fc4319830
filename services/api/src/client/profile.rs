//! What a client may be: names, audiences, scopes.

use std::collections::BTreeSet;

use countersign_events::ClientProfile;
use countersign_openapi as wire;

use crate::denied::Denied;

/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 60;

/// The longest audience or scope, in bytes.
const WORD_BYTES_MAX: usize = 200;

/// The most audiences of a kind.
const AUDIENCES_MAX: usize = 16;

/// The most scopes.
const SCOPES_MAX: usize = 64;

/// What an operator wrote, if a client may be that.
pub(crate) fn validated(written: wire::ClientProfile) -> Result<ClientProfile, Denied> {
    let invalid = |field, message| Err(Denied::Invalid { field, message });
    let name = written.name;
    let length = name.chars().count();
    if length == 0
        || length > NAME_CHARS_MAX
        || name.trim() != name
        || wire::display_safe(&name) != name
    {
        return invalid(
            "/name",
            "expected 1 to 60 visible characters, without spaces at the ends",
        );
    }
    for (field, audiences) in [
        ("/serves", &written.serves),
        ("/audiences", &written.audiences),
    ] {
        if audiences.len() > AUDIENCES_MAX || !are_words(audiences) {
            return invalid(
                field,
                "expected at most 16 different audiences of 1 to 200 visible ASCII characters",
            );
        }
    }
    if written.scopes.len() > SCOPES_MAX || !are_words(&written.scopes) {
        return invalid(
            "/scopes",
            "expected at most 64 different scopes of 1 to 200 visible ASCII characters (RFC 6749 appendix A.4)",
        );
    }
    Ok(ClientProfile {
        name,
        serves: written.serves,
        audiences: written.audiences,
        scopes: written.scopes,
    })
}

/// Whether all are words, and no two the same.
fn are_words(words: &[String]) -> bool {
    let different: BTreeSet<&String> = words.iter().collect();
    different.len() == words.len() && words.iter().all(|word| is_word(word))
}

/// `scope-token` of RFC 6749 appendix A.4: `1*( %x21 / %x23-5B / %x5D-7E )`.
fn is_word(word: &str) -> bool {
    let is_letter = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    (1..=WORD_BYTES_MAX).contains(&word.len()) && word.bytes().all(is_letter)
}

/// A set of scopes, as they are written in one text (RFC 6749 section 3.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Words, separated by single spaces; none if it is not that.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let fits = words.len() <= SCOPES_MAX && words.iter().all(|word| is_word(word));
        fits.then(|| Self(words.into_iter().collect()))
    }

    /// These.
    pub(crate) fn of(words: &[String]) -> Self {
        Self(words.iter().cloned().collect())
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all are among `others`.
    pub(crate) fn is_within(&self, others: &Self) -> bool {
        self.0.is_subset(&others.0)
    }

    /// Those that are among `others`, too.
    pub(crate) fn cut_to(&self, others: &Self) -> Self {
        Self(self.0.intersection(&others.0).cloned().collect())
    }

    /// In one text, in the order of the alphabet.
    pub(crate) fn text(&self) -> String {
        let words: Vec<&str> = self.0.iter().map(String::as_str).collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(change: impl FnOnce(&mut wire::ClientProfile)) -> wire::ClientProfile {
        let mut profile = wire::ClientProfile {
            name: "Orders".into(),
            serves: vec!["https://orders.example".into()],
            audiences: vec!["https://stock.example".into()],
            scopes: vec!["stock:read".into()],
        };
        change(&mut profile);
        profile
    }

    #[test]
    fn names_are_short_and_visible_and_words_are_words() {
        assert!(validated(profile(|_| {})).is_ok());
        assert!(validated(profile(|p| p.name = "Bestellungen für 東京".into())).is_ok());
        let bad: [fn(&mut wire::ClientProfile); 12] = [
            |p| p.name = String::new(),
            |p| p.name = "x".repeat(61),
            |p| p.name = " x".into(),
            |p| p.name = "a\u{1b}[2J".into(),
            |p| p.name = "a\u{202e}b".into(),
            |p| p.serves = vec!["two words".into()],
            |p| p.audiences = vec![String::new()],
            |p| p.audiences = vec!["a".into(), "a".into()],
            |p| p.audiences = (0..17).map(|n| n.to_string()).collect(),
            |p| p.scopes = vec!["a\"b".into()],
            |p| p.scopes = vec!["a\\b".into()],
            |p| p.scopes = vec!["x".repeat(201)],
        ];
        for spoil in bad {
            let written = profile(spoil);
            assert!(validated(written.clone()).is_err(), "{written:?}");
        }
    }

    #[test]
    fn scopes_are_read_strictly_and_cut() {
        let scopes = |text: &str| Scopes::parse(text).expect("scopes");
        assert_eq!(scopes("b a b").text(), "a b");
        assert!(scopes("").is_empty());
        for bad in [" ", "a  b", " a", "a ", "a\tb", "é", "a\nb"] {
            assert_eq!(Scopes::parse(bad), None, "{bad:?}");
        }
        assert!(scopes("a").is_within(&scopes("a b")));
        assert!(!scopes("a c").is_within(&scopes("a b")));
        assert_eq!(scopes("a c").cut_to(&scopes("a b")), scopes("a"));
    }
}
