//! Text of strangers, made fit for a mail.
//!
//! A mail carries our name, so what others wrote must not turn it into theirs:
//! no line of its own, nothing that a mail program makes a link of, nothing
//! that changes the direction of reading, and not much of it.

/// What was shown as a name, cut to 60 characters; none if nothing is left.
pub(crate) fn name(text: &str) -> Option<String> {
    let text = plain(text, 60);
    (!text.is_empty()).then_some(text)
}

/// What a client called itself, cut to 120 characters.
pub(crate) fn agent(text: &str) -> String {
    let ascii: String = text
        .chars()
        .map(|c| if c.is_ascii() { c } else { ' ' })
        .collect();
    let text = plain(&ascii, 120);
    if text.is_empty() {
        "a program that does not say what it is".into()
    } else {
        text
    }
}

/// An address or a network, or nothing that could be mistaken for one.
pub(crate) fn network(text: &str) -> String {
    let looks_right = !text.is_empty()
        && text.len() <= 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || b".:/".contains(&byte));
    if looks_right {
        text.to_owned()
    } else {
        "unknown".into()
    }
}

fn plain(text: &str, most: usize) -> String {
    let shown: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !is_invisible(*c))
        .collect();
    let mut kept = String::new();
    for word in shown.split_whitespace().filter(|word| !is_link(word)) {
        if !kept.is_empty() {
            kept.push(' ');
        }
        kept.push_str(word);
    }
    if kept.chars().count() > most {
        kept = kept.chars().take(most - 1).collect();
        kept.push('…');
    }
    kept
}

/// Whether a mail program might make a link of the word.
fn is_link(word: &str) -> bool {
    let lower = word.to_lowercase();
    if lower.contains("://") || lower.contains("www.") || lower.contains('@') {
        return true;
    }
    // `example.com`, and not `J.R.` or `5.0`. Full-width dots count as dots.
    let lower = lower.replace(['。', '．', '｡'], ".");
    let labels: Vec<&str> = lower.split('.').collect();
    labels.windows(2).any(|pair| {
        let before = pair[0].chars().next_back();
        let after = pair[1].chars().take_while(|c| c.is_alphabetic()).count();
        before.is_some_and(char::is_alphanumeric) && after >= 2
    })
}

/// Characters that take no place or turn the direction of reading.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        for good in [
            "Ada",
            "Ada Lovelace",
            "J.R. Hartley",
            "Đặng Thị",
            "O'Brien-Smith",
        ] {
            assert_eq!(name(good).as_deref(), Some(good));
        }
        assert_eq!(
            name(" a\r\nBcc: b \u{202e}c\u{0} "),
            Some("a Bcc: b c".into())
        );
        assert_eq!(name("\u{200b}\n"), None);
        let long = name(&"x".repeat(10_000)).expect("a name");
        assert_eq!(long.chars().count(), 60);
    }

    #[test]
    fn nothing_becomes_a_link() {
        for (text, kept) in [
            ("You won https://evil.example now", "You won now"),
            ("see evil.example/x", "see"),
            ("see WWW.x", "see"),
            ("write to a@b", "write to"),
            ("go evil。example", "go"),
            ("go ev\u{200b}il.example", "go"),
        ] {
            assert_eq!(name(text).as_deref(), Some(kept), "{text}");
        }
        let bot = agent("Mozilla/5.0 (compatible; Bot/2.1; +http://evil.example/bot)");
        assert_eq!(bot, "Mozilla/5.0 (compatible; Bot/2.1;");
        assert_eq!(agent("\u{1}"), "a program that does not say what it is");
        let fox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert_eq!(agent(fox), fox);
    }

    #[test]
    fn networks_look_like_networks() {
        for good in ["192.0.2.7", "2001:db8::/48", "192.0.2.0/24"] {
            assert_eq!(network(good), good);
        }
        for bad in ["", "evil.example", "1 2", "<b>"] {
            assert_eq!(network(bad), "unknown");
        }
    }
}
