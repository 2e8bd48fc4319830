//! Text on its way into Postgres.

use std::net::IpAddr;

use countersign_events::Sealed;

/// What a batch does to a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum TextChange {
    /// Nothing.
    #[default]
    Kept,
    /// To another, or to none: cleared or erased.
    To(Option<String>),
}

impl TextChange {
    /// Whether it changes, even to none.
    pub(crate) fn is_change(&self) -> bool {
        *self != Self::Kept
    }

    /// What it changes to.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Kept => None,
            Self::To(text) => text.as_deref(),
        }
    }
}

/// Opens a sealed field as Postgres can store it; none stays none, and what is
/// erased becomes none.
pub(crate) fn opened<E>(
    sealed: Option<&Sealed>,
    field: &'static str,
    open: &mut impl FnMut(&Sealed, &'static str) -> Result<Option<String>, E>,
) -> Result<Option<String>, E> {
    match sealed {
        Some(sealed) => Ok(open(sealed, field)?.map(storable)),
        None => Ok(None),
    }
}

/// The text as Postgres can store it: its only forbidden character, NUL,
/// becomes U+FFFD. Everything else is kept; making it safe to *show* is the
/// business of whoever shows it.
pub(crate) fn storable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{FFFD}")
    } else {
        text
    }
}

/// The text of a Postgres `text[]` value. Arrays of arrays do not survive
/// `unnest`, so lists travel as text and are cast in SQL.
pub(crate) fn array_literal<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> String {
    let mut literal = String::from("{");
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            literal.push(',');
        }
        literal.push('"');
        for letter in item.as_ref().chars() {
            match letter {
                '\0' => literal.push('\u{FFFD}'),
                '"' | '\\' => {
                    literal.push('\\');
                    literal.push(letter);
                }
                _ => literal.push(letter),
            }
        }
        literal.push('"');
    }
    literal.push('}');
    literal
}

/// The pattern that finds `part` anywhere in a lowered column, whatever LIKE
/// thinks of its characters.
pub(crate) fn contains_pattern(part: &str) -> String {
    let mut pattern = String::with_capacity(part.len() + 2);
    pattern.push('%');
    for letter in storable(part.to_lowercase()).chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// Whether a text that Postgres could store holds `part`, in any case: what
/// [`contains_pattern`] finds in a lowered column.
pub(crate) fn contains(text: &str, part: &str) -> bool {
    text.to_lowercase().contains(&storable(part.to_lowercase()))
}

/// The one spelling of an address, or none when the text is no address. An
/// IPv4 address in IPv6 clothes is an IPv4 address.
pub(crate) fn canonical_ip(text: &str) -> Option<String> {
    text.parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nul_is_replaced_and_nothing_else_is() {
        assert_eq!(
            storable("a\0b\u{1b}[2J\r\n\u{9b}".into()),
            "a\u{FFFD}b\u{1b}[2J\r\n\u{9b}"
        );
    }

    #[test]
    fn a_list_survives_its_literal() {
        assert_eq!(array_literal(Vec::<&str>::new()), "{}");
        assert_eq!(
            array_literal(["pwd", "a\"b", "c\\d", "e,f", "", "NULL", "\0"]),
            r#"{"pwd","a\"b","c\\d","e,f","","NULL","�"}"#
        );
    }

    #[test]
    fn wildcards_are_letters() {
        assert_eq!(contains_pattern(r"50%_A\"), r"%50\%\_a\\%");
    }

    #[test]
    fn a_part_is_found_in_any_case() {
        assert!(contains("Grace.Hopper@x", "E.HOP"));
        assert!(contains("a", ""));
        assert!(!contains("Grace", "_"));
        assert!(contains("a\u{FFFD}b", "A\0"));
    }

    #[test]
    fn an_address_has_one_spelling() {
        assert_eq!(
            canonical_ip("::ffff:192.0.2.7").as_deref(),
            Some("192.0.2.7")
        );
        assert_eq!(
            canonical_ip("2001:DB8:0::1").as_deref(),
            Some("2001:db8::1")
        );
        assert_eq!(canonical_ip("192.0.2.7/24"), None);
        assert_eq!(canonical_ip("not an address"), None);
    }
}
