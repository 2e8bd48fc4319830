//! People whose names and programs are meant for an operator's terminal.

mod logs;
mod made;
mod shown;

/// What is tried. None of it is a sequence that the console itself writes.
const PAYLOADS: &[&str] = &[
    "\u{1b}]0;owned\u{7}",
    "\u{1b}]52;c;b3duZWQ=\u{7}",
    "\u{1b}]8;;https://evil.example\u{1b}\\click\u{1b}]8;;\u{1b}\\",
    "\u{1b}[31;7;5mred\u{1b}[6n",
    "\u{1b}[2J\u{1b}[9;9Hroot@host:~# ",
    "\u{1b}[?1049l\u{1b}c",
    "\u{1b}P+q544e\u{1b}\\",
    "\u{9b}31m\u{9d}0;owned\u{9c}",
    "\u{7f}\u{8}\u{8}\u{0}nul",
    "one\r\ntwo level=ERROR forged\u{85}three\u{2028}four\tfive",
    "\u{202e}drowssap\u{2066}x\u{2069}",
    "ad\u{200b}m\u{200d}in\u{feff}\u{ad}",
];

/// The payload with plain text around it, so that it is found on a screen.
fn dressed(number: usize) -> String {
    format!("P{number:02}{}", PAYLOADS[number])
}
