//! The nouns of the log.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a subject is about. The word is part of every subject and file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Noun {
    /// A person or operator: credentials, profile, roles.
    Account,
    /// One sign-in of one account on one client.
    Session,
    /// The reservation of one email address.
    Email,
    /// The ring of token-signing keys.
    Key,
    /// One second factor of one account: the uses that must not be repeated.
    Factor,
    /// A service that signs in as itself.
    Client,
    /// One token that a client was given for itself.
    Grant,
    /// An order to end every session of a kind.
    Revocation,
}

impl Noun {
    /// Every noun, in the order of their introduction.
    pub const ALL: [Self; 8] = [
        Self::Account,
        Self::Session,
        Self::Email,
        Self::Key,
        Self::Factor,
        Self::Client,
        Self::Grant,
        Self::Revocation,
    ];

    /// The words of all of them, as in a sentence.
    pub fn words() -> String {
        let mut words = Self::ALL.map(Self::as_str).join(", ");
        if let Some(comma) = words.rfind(", ") {
            words.replace_range(comma..=comma + 1, " or ");
        }
        words
    }

    /// The word used in subjects.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Session => "session",
            Self::Email => "email",
            Self::Key => "key",
            Self::Factor => "factor",
            Self::Client => "client",
            Self::Grant => "grant",
            Self::Revocation => "revocation",
        }
    }
}

impl fmt::Display for Noun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is none of the nouns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown noun")]
pub struct UnknownNoun;

impl FromStr for Noun {
    type Err = UnknownNoun;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|noun| noun.as_str() == word)
            .ok_or(UnknownNoun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_a_sentence() {
        assert_eq!(
            Noun::words(),
            "account, session, email, key, factor, client, grant or revocation"
        );
    }
}
