//! What a program writes to a terminal, taken apart strictly: whatever is not
//! known to be the console's own is strange.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_openapi::display_safe_to;

/// Private modes that the console sets and resets: the cursor, the alternate
/// screen, bracketed paste, the mouse.
const MODES: &[&str] = &[
    "?25", "?1049", "?2004", "?1000", "?1002", "?1003", "?1015", "?1006",
];

/// What was written, without what is known.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Texts that were put on the clipboard.
    pub(super) clipboard: Vec<String>,
    /// Everything that should not be there, made visible.
    pub(super) strange: Vec<String>,
}

/// Takes apart what the console wrote.
pub(super) fn taken_apart(raw: &[u8]) -> Written {
    let mut written = Written::default();
    let text = String::from_utf8_lossy(raw);
    if std::str::from_utf8(raw).is_err() {
        written.strange.push("not UTF-8".to_owned());
    }
    let mut rest = text.as_ref();
    while !rest.is_empty() {
        let end = rest.find('\u{1b}').unwrap_or(rest.len());
        written.shown(&rest[..end]);
        rest = &rest[end..];
        if rest.is_empty() {
            break;
        }
        let length = written.sequence(rest);
        rest = &rest[length..];
    }
    written
}

impl Written {
    /// Text between sequences.
    fn shown(&mut self, text: &str) {
        let is_odd = |c: char| {
            let mut bytes = [0; 4];
            let alone = c.encode_utf8(&mut bytes);
            display_safe_to(alone, 1) != *alone
        };
        if text.contains(is_odd) {
            self.strange.push(text.escape_debug().to_string());
        }
    }

    /// A sequence at the beginning of `text`; how long it is.
    fn sequence(&mut self, text: &str) -> usize {
        let (length, is_known) = match text.as_bytes().get(1) {
            Some(b'[') => control(text),
            Some(b']') => self.command(text),
            _ => (1, false),
        };
        if !is_known {
            let length = text.len().min(length.max(40));
            let shown: String = text[..length.min(text.len())].escape_debug().collect();
            self.strange.push(shown);
        }
        length
    }

    /// OSC: only one that fills the clipboard is known.
    fn command(&mut self, text: &str) -> (usize, bool) {
        let Some(body) = text.strip_prefix("\u{1b}]52;c;") else {
            return (2, false);
        };
        let Some(end) = body.find("\u{1b}\\") else {
            return (2, false);
        };
        let copied = STANDARD.decode(&body[..end]).ok();
        let Some(copied) = copied.and_then(|bytes| String::from_utf8(bytes).ok()) else {
            return (2, false);
        };
        self.clipboard.push(copied);
        (text.len() - body.len() + end + 2, true)
    }
}

/// CSI: only positions, colours, clearing and known modes are known.
fn control(text: &str) -> (usize, bool) {
    let body = &text[2..];
    let is_parameter = |c: char| ('\u{30}'..='\u{3f}').contains(&c);
    let end = body.find(|c| !is_parameter(c)).unwrap_or(body.len());
    let (parameters, last) = (&body[..end], body[end..].chars().next());
    let is_plain = parameters.bytes().all(|b| b.is_ascii_digit() || b == b';');
    let is_known = match last {
        Some('H' | 'm' | 'J' | 'K') => is_plain,
        Some('h' | 'l') => parameters.split(';').all(|mode| MODES.contains(&mode)),
        _ => false,
    };
    let length = 2 + end + last.map_or(0, char::len_utf8);
    (if is_known { length } else { 2 }, is_known)
}

/// Whether a sequence of bytes is somewhere in others.
pub(super) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn what_the_console_writes_is_known_and_nothing_else() {
    let own = "\u{1b}[?1049h\u{1b}[2J\u{1b}[3;1H\u{1b}[38;5;2m┌─ a ▶\u{1b}[0m\u{1b}]52;c;aWQ=\u{1b}\\\u{1b}[?25l";
    let written = taken_apart(own.as_bytes());
    assert!(written.strange.is_empty(), "{:?}", written.strange);
    assert_eq!(written.clipboard, ["id"]);
    for odd in [
        "\u{1b}]0;owned\u{7}",
        "\u{1b}]8;;https://evil.example\u{1b}\\",
        "\u{1b}]52;c;?\u{7}",
        "\u{1b}[31;5n",
        "\u{1b}[?1047h",
        "\u{1b}[>4;2m",
        "\u{1b}c",
        "\u{1b}P+q544e\u{1b}\\",
        "\u{9b}31m",
        "a\u{202e}b",
        "a\u{200b}b",
        "a\r\n",
        "\u{7f}",
        "\u{0}",
    ] {
        let all = format!("x{odd}y");
        assert!(!taken_apart(all.as_bytes()).strange.is_empty(), "{odd:?}");
    }
    assert!(!taken_apart(&[b'a', 0x9b, b'm']).strange.is_empty());
}
