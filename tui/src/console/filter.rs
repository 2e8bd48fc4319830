//! The small grammar of `/`.
//!
//! ```text
//! user:alice ip:10.0.0.0/8 state:active age<1h !bot
//! ```
//!
//! Words apart by spaces, all of which must hold. `name:value` asks for one
//! field, a bare word for the name or address, `!` turns a word around, and
//! `age<1h`, `age>2d` compare with how long ago something began.

use time::{Duration, OffsetDateTime};

/// What a list is narrowed down to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    text: String,
    fields: Vec<(String, String)>,
    not: Vec<String>,
    ages: Vec<Age>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    Below(Duration),
    Above(Duration),
}

impl Filter {
    /// Reads a filter. `fields` are the names that this list knows; the first
    /// is what a bare word asks for.
    pub fn parse(text: &str, fields: &[&str]) -> Result<Self, String> {
        let mut filter = Self {
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
            ..Self::default()
        };
        for word in text.split_whitespace() {
            filter.word(word, fields)?;
        }
        Ok(filter)
    }

    fn word(&mut self, word: &str, fields: &[&str]) -> Result<(), String> {
        if let Some(word) = word.strip_prefix('!') {
            if word.is_empty() {
                return Err("what should not be there? For example !bot".to_owned());
            }
            self.not.push(word.to_lowercase());
            return Ok(());
        }
        if let Some(rest) = word.strip_prefix("age")
            && let Some(sign @ ('<' | '>')) = rest.chars().next()
        {
            let length = length(&rest[1..])
                .ok_or_else(|| format!("{word}: expected a length such as 90s, 15m, 1h or 2d"))?;
            self.ages.push(match sign {
                '<' => Age::Below(length),
                _ => Age::Above(length),
            });
            return Ok(());
        }
        if let Some((name, value)) = word.split_once('=')
            && fields.contains(&name)
        {
            return Err(format!("{name}: with a colon, {name}:{value}"));
        }
        let (name, value) = match word.split_once(':') {
            Some((name, value)) if fields.contains(&name) => (name, value),
            // An address of IPv6 has colons and is no field.
            Some((name, _)) if name.chars().all(|c| c.is_ascii_lowercase()) && name.len() > 1 => {
                return Err(format!(
                    "{name}: no such field; there are {}",
                    fields.join(", ")
                ));
            }
            _ => (fields.first().copied().unwrap_or_default(), word),
        };
        if value.is_empty() {
            return Err(format!("{name}: expected a value after the colon"));
        }
        if self.field(name).is_some() {
            return Err(format!("{name}: asked for twice"));
        }
        self.fields.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What a field is asked to be.
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The same with a field set to something else, or to nothing.
    #[must_use]
    pub fn with(&self, name: &str, value: Option<&str>, fields: &[&str]) -> Self {
        let prefix = format!("{name}:");
        let mut words: Vec<&str> = self.text.split(' ').collect();
        words.retain(|word| !word.is_empty() && !word.starts_with(&prefix));
        let asked = value.map(|value| format!("{prefix}{value}"));
        words.extend(asked.as_deref());
        Self::parse(&words.join(" "), fields).unwrap_or_default()
    }

    /// Whether the part that the service does not know holds: what should not
    /// be in `words`, and the age of what began at `began`.
    pub fn holds(&self, words: &[&str], began: OffsetDateTime, now: OffsetDateTime) -> bool {
        let age = now - began;
        let ages = self.ages.iter().all(|asked| match asked {
            Age::Below(length) => age < *length,
            Age::Above(length) => age > *length,
        });
        ages && !words.iter().any(|word| {
            let word = word.to_lowercase();
            self.not.iter().any(|not| word.contains(not))
        })
    }

    /// When what fits began at the earliest, and at the latest.
    pub fn began(&self, now: OffsetDateTime) -> (Option<OffsetDateTime>, Option<OffsetDateTime>) {
        let mut bounds = (None, None);
        for age in &self.ages {
            match age {
                Age::Below(length) => bounds.0 = bounds.0.max(Some(now - *length)),
                Age::Above(length) => {
                    let at = now - *length;
                    bounds.1 = Some(bounds.1.map_or(at, |known: OffsetDateTime| known.min(at)));
                }
            }
        }
        bounds
    }

    /// Whether it says what should not be there.
    pub fn excludes(&self) -> bool {
        !self.not.is_empty()
    }
}

/// `90s`, `15m`, `1h`, `2d`.
pub fn length(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let number: u32 = text[..text.len() - unit.len_utf8()].parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    Some(Duration::seconds(i64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const FIELDS: &[&str] = &["user", "ip", "state"];

    #[test]
    fn words_fields_and_ages_are_told_apart() {
        let text = "  alice ip:10.0.0.0/8  state:active age<1h !bot ";
        let filter = Filter::parse(text, FIELDS).expect("a filter");
        assert_eq!(
            filter.text(),
            "alice ip:10.0.0.0/8 state:active age<1h !bot"
        );
        assert_eq!(filter.field("user"), Some("alice"));
        assert_eq!(filter.field("ip"), Some("10.0.0.0/8"));
        let now = datetime!(2026-11-22 14:03:07 UTC);
        let young = now - Duration::minutes(5);
        assert!(filter.holds(&["Firefox"], young, now));
        assert!(!filter.holds(&["GoogleBot"], young, now));
        assert!(!filter.holds(&["Firefox"], now - Duration::hours(2), now));
        let v6 = Filter::parse("ip:2001:db8::/32", FIELDS).expect("a filter");
        assert_eq!(v6.field("ip"), Some("2001:db8::/32"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let said = |text: &str| Filter::parse(text, FIELDS).expect_err(text);
        assert!(said("usr:a").contains("user, ip, state"));
        assert!(said("age<1y").contains("90s"));
        assert!(said("ip:").contains("expected a value"));
        assert!(said("ip=10.0.0.0/8").contains("ip:10.0.0.0/8"));
        assert!(said("a b").contains("twice"));
        assert!(said("!").contains("!bot"));
        // A length whose last character takes several bytes.
        assert!(said("age<1é").contains("90s"));
    }

    #[test]
    fn a_field_is_exchanged() {
        let filter = Filter::parse("bob state:active !x", FIELDS).expect("a filter");
        let other = filter.with("state", Some("revoked"), FIELDS);
        assert_eq!(other.text(), "bob !x state:revoked");
        assert_eq!(other.with("state", None, FIELDS).text(), "bob !x");
    }
}
