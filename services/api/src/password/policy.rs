//! Which passwords are accepted (NIST SP 800-63B-4 section 3.1.1.2): long
//! enough, not too long, hard to guess. No rules of composition.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::Blocklist;
use crate::config::PasswordConfig;

/// A password in the form in which it is hashed: NFKC, so that the same keys
/// on another machine make the same password.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Normalises what a person typed.
    pub fn new(typed: &str) -> Self {
        Self(Zeroizing::new(typed.nfkc().collect()))
    }

    /// The bytes to hash: all of them.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Length in code points.
    fn length(&self) -> usize {
        self.0.chars().count()
    }
}

/// Why a password is not accepted, in words for the person who chose it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// Too few code points.
    #[error("use at least {0} characters")]
    Short(usize),
    /// Too many code points.
    #[error("use at most {0} characters")]
    Long(usize),
    /// It is easy to guess.
    #[error("{0}")]
    Guessable(String),
}

/// The rules.
#[derive(Debug, Clone)]
pub struct PasswordPolicy {
    min_length: usize,
    max_length: usize,
    min_score: u8,
    blocklist: Blocklist,
}

/// How much of a password is looked at for patterns. What follows only makes
/// it harder to guess, and the search takes more than linear time.
const LOOKED_AT: usize = 72;

impl PasswordPolicy {
    /// The configured rules.
    pub fn new(config: &PasswordConfig) -> Self {
        Self {
            min_length: config.min_length,
            max_length: config.max_length,
            min_score: config.min_score,
            blocklist: config.blocklist.clone(),
        }
    }

    /// Whether a login attempt can be worth a hash at all.
    pub fn is_plausible(&self, password: &Password) -> bool {
        password.length() <= self.max_length
    }

    /// Checks a new password. `about` is what others know of the person.
    pub fn check(&self, password: &Password, about: &[&str]) -> Result<(), Weakness> {
        let length = password.length();
        if length < self.min_length {
            return Err(Weakness::Short(self.min_length));
        }
        if length > self.max_length {
            return Err(Weakness::Long(self.max_length));
        }
        let lower = Zeroizing::new(password.0.to_lowercase());
        let known: Vec<String> = about
            .iter()
            .copied()
            .chain(["countersign"])
            .flat_map(|word| {
                let local = word.split('@').next().unwrap_or(word);
                [word.to_lowercase(), local.to_lowercase()]
            })
            .filter(|word| word.chars().count() > 2)
            .collect();
        if known.contains(&*lower) {
            return Err(Weakness::Guessable(
                "do not use your address, your name or the name of this service".into(),
            ));
        }
        if self.blocklist.contains(&lower) {
            return Err(Weakness::Guessable(
                "this password is known to attackers".into(),
            ));
        }
        let head: Zeroizing<String> = Zeroizing::new(password.0.chars().take(LOOKED_AT).collect());
        let inputs: Vec<&str> = known.iter().map(String::as_str).collect();
        let estimate = zxcvbn::zxcvbn(&head, &inputs);
        if u8::from(estimate.score()) >= self.min_score {
            return Ok(());
        }
        let warning = estimate
            .feedback()
            .and_then(|feedback| feedback.warning().map(|warning| warning.to_string()));
        Err(Weakness::Guessable(warning.unwrap_or_else(|| {
            "this is easy to guess: use more, and less common, words".into()
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> PasswordPolicy {
        PasswordPolicy::new(&PasswordConfig::default())
    }

    fn check(text: &str) -> Result<(), Weakness> {
        policy().check(&Password::new(text), &["ada.lovelace@example.com", "Ada"])
    }

    #[test]
    fn length_counts_code_points() {
        assert_eq!(check("Zq7$kd9"), Err(Weakness::Short(8)));
        assert_eq!(check("Zq7$kd9x"), Ok(()));
        assert_eq!(check("日本語の詩を八"), Err(Weakness::Short(8)));
        let varied: String = "xK2#mQ9!vL".chars().cycle().take(256).collect();
        assert_eq!(check(&varied), Ok(()));
        assert_eq!(check(&format!("{varied}a")), Err(Weakness::Long(256)));
    }

    #[test]
    fn what_is_easy_to_guess_is_refused_with_a_reason() {
        for text in [
            "password",
            "password1",
            "12345678",
            "qwertyuiop",
            "countersign",
            "ADA.LOVELACE@example.com",
            "ada.lovelace",
            "aaaaaaaaaaaa",
        ] {
            assert!(
                matches!(check(text), Err(Weakness::Guessable(reason)) if !reason.is_empty()),
                "{text}"
            );
        }
        assert_eq!(check("correct horse battery staple"), Ok(()));
    }

    #[test]
    fn the_same_keys_make_the_same_password() {
        assert_eq!(
            Password::new("pa\u{308}ssen-Sie-auf").as_bytes(),
            Password::new("p\u{e4}ssen-Sie-auf").as_bytes()
        );
        assert_ne!(Password::new("a").as_bytes(), Password::new("A").as_bytes());
    }
}
