//! Text of unknown origin, made fit for a terminal, a log or a page.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Characters of a text that [`display_safe`] keeps at most.
pub const DISPLAY_CHARS_MAX: usize = 256;

/// `text` with everything that could move the cursor, reorder the line or hide
/// written out as `\u{..}`, and cut after [`DISPLAY_CHARS_MAX`] characters.
///
/// See [`display_safe_to`].
pub fn display_safe(text: &str) -> Cow<'_, str> {
    display_safe_to(text, DISPLAY_CHARS_MAX)
}

/// `text` with control, bidirectional and invisible characters written out as
/// `\u{..}`, and cut after `chars_max` characters of the original; a cut is
/// shown by `…`.
///
/// User agents, names and reasons are an attacker's input: shown as they are,
/// `ESC ]52` writes to the clipboard, U+202E turns a name around, and a line
/// feed forges a log line. Borrowed when there is nothing to do.
pub fn display_safe_to(text: &str, chars_max: usize) -> Cow<'_, str> {
    let cut = text.char_indices().nth(chars_max).map(|(at, _)| at);
    let kept = &text[..cut.unwrap_or(text.len())];
    if cut.is_none() && !kept.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(kept.len() + 16);
    for character in kept.chars() {
        if is_unsafe(character) {
            // Writing to a String cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    if cut.is_some() {
        safe.push('…');
    }
    Cow::Owned(safe)
}

/// `text` with the characters that [`display_safe`] writes out as escapes of
/// JSON, but for line feeds and tabs: the last gate before a terminal.
///
/// In JSON such characters are within strings only, where the escape means the
/// same (RFC 8259 section 7): so a program reads what was there, and a terminal
/// shows it. Borrowed when there is nothing to do.
pub fn terminal_safe(text: &str) -> Cow<'_, str> {
    let is_odd = |character: char| is_unsafe(character) && !matches!(character, '\n' | '\t');
    if !text.contains(is_odd) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_odd(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// Whether a character does something other than being seen.
fn is_unsafe(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    matches!(
        character,
        // C1 controls, among them U+009B, the one-character CSI.
        '\u{80}'..='\u{9f}'
            // Soft hyphen, combining grapheme joiner, Arabic letter mark.
            | '\u{ad}' | '\u{34f}' | '\u{61c}'
            // Hangul fillers and the Mongolian vowel separator: blank.
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{3164}' | '\u{ffa0}'
            // Zero-width space, joiners, directional marks.
            | '\u{200b}'..='\u{200f}'
            // Line and paragraph separators, embeddings and overrides.
            | '\u{2028}'..='\u{202e}'
            // Word joiner, invisible operators, isolates, deprecated format
            // characters.
            | '\u{2060}'..='\u{206f}'
            // Byte order mark, interlinear annotations, object replacement.
            | '\u{feff}' | '\u{fff9}'..='\u{fffc}'
            // Tag characters: a second, invisible alphabet.
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_borrowed() {
        for text in ["", "Firefox 149 / Linux", "Łódź 東京 🦀 é"] {
            assert!(matches!(display_safe(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn ab_72_escape_sequences_are_written_out() {
        assert_eq!(
            display_safe("\u{1b}]52;c;aGk=\u{7}"),
            "\\u{1b}]52;c;aGk=\\u{7}"
        );
        assert_eq!(display_safe("a\r\nb\tc\0"), "a\\u{d}\\u{a}b\\u{9}c\\u{0}");
        assert_eq!(display_safe("\u{9b}31m\u{7f}"), "\\u{9b}31m\\u{7f}");
        assert_eq!(display_safe("abc\u{202e}gpj.exe"), "abc\\u{202e}gpj.exe");
        assert_eq!(
            display_safe("ad\u{200b}min\u{feff}"),
            "ad\\u{200b}min\\u{feff}"
        );
        assert_eq!(
            display_safe("\u{2066}x\u{2069}\u{2028}"),
            "\\u{2066}x\\u{2069}\\u{2028}"
        );
    }

    #[test]
    fn ab_72_nothing_below_space_is_left_whatever_goes_in() {
        let everything: String = (0..0x3000).filter_map(char::from_u32).collect();
        let safe = display_safe_to(&everything, usize::MAX);
        assert!(safe.bytes().all(|byte| byte >= 0x20 && byte != 0x7f));
        assert!(!safe.chars().any(|c| ('\u{80}'..='\u{9f}').contains(&c)));
    }

    #[test]
    fn ab_72_json_says_the_same_without_what_a_terminal_obeys() {
        let everything: String = (0..0x3000)
            .chain([0xe0041])
            .filter_map(char::from_u32)
            .collect();
        let json = serde_json::to_string(&everything).expect("JSON");
        let safe = terminal_safe(&json);
        assert!(!safe.contains(is_unsafe));
        let read: String = serde_json::from_str(&safe).expect("JSON");
        assert_eq!(read, everything);
        let plain = "{\n\t\"name\": \"Łódź\"\n}";
        assert!(matches!(terminal_safe(plain), Cow::Borrowed(_)));
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(display_safe_to("ééé", 2), "éé…");
        assert_eq!(display_safe_to("ééé", 3), "ééé");
        assert_eq!(display_safe_to("ééé", 0), "…");
        assert_eq!(
            display_safe(&"x".repeat(10_240)).chars().count(),
            DISPLAY_CHARS_MAX + 1
        );
    }
}
