//! One line of text that is being typed.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use zeroize::Zeroizing;

/// A line and where the cursor is in it. What was typed is overwritten when
/// the line is dropped, for it may be a password.
#[derive(Clone)]
pub struct LineEdit {
    text: Zeroizing<String>,
    /// In characters.
    cursor: usize,
    chars_max: usize,
}

/// Without the text, which may be a secret.
impl fmt::Debug for LineEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LineEdit(..)")
    }
}

impl LineEdit {
    /// An empty line that takes so many characters.
    pub fn new(chars_max: usize) -> Self {
        // The memory of a short line never moves, so none is left behind.
        let text = Zeroizing::new(String::with_capacity(chars_max.min(1_024) * 4));
        Self {
            text,
            cursor: 0,
            chars_max,
        }
    }

    /// A line that begins with `text`.
    pub fn with(chars_max: usize, text: &str) -> Self {
        let mut line = Self::new(chars_max);
        text.chars().for_each(|character| line.insert(character));
        line
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the cursor is, in characters.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Takes everything away.
    pub fn clear(&mut self) {
        *self = Self::new(self.chars_max);
    }

    fn at(&self, cursor: usize) -> usize {
        let found = self.text.char_indices().nth(cursor);
        found.map_or(self.text.len(), |(at, _)| at)
    }

    fn insert(&mut self, character: char) {
        if character.is_control() || self.text.chars().count() >= self.chars_max {
            return;
        }
        let at = self.at(self.cursor);
        self.text.insert(at, character);
        self.cursor += 1;
    }

    fn remove(&mut self, from: usize, to: usize) {
        let (from, to) = (self.at(from), self.at(to));
        self.text.replace_range(from..to, "");
    }

    /// Takes pasted text in, its first line only.
    pub fn paste(&mut self, text: &str) {
        let line = text.lines().next().unwrap_or_default();
        line.chars().for_each(|character| self.insert(character));
    }

    /// Takes a key, and says whether it was one for a line.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let end = self.text.chars().count();
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('u') => {
                    self.remove(0, self.cursor);
                    self.cursor = 0;
                }
                KeyCode::Char('k') => self.remove(self.cursor, end),
                KeyCode::Char('w') => {
                    let before: Vec<char> = self.text.chars().take(self.cursor).collect();
                    let word = before.iter().rposition(|c| !c.is_whitespace());
                    let gap = word
                        .and_then(|word| before[..word].iter().rposition(|c| c.is_whitespace()));
                    let from = gap.map_or(0, |gap| gap + 1);
                    self.remove(from, self.cursor);
                    self.cursor = from;
                }
                KeyCode::Char('a') => self.cursor = 0,
                KeyCode::Char('e') => self.cursor = end,
                _ => return false,
            }
            return true;
        }
        match key.code {
            KeyCode::Char(character) => self.insert(character),
            KeyCode::Backspace if self.cursor > 0 => {
                self.remove(self.cursor - 1, self.cursor);
                self.cursor -= 1;
            }
            KeyCode::Backspace => {}
            KeyCode::Delete => self.remove(self.cursor, (self.cursor + 1).min(end)),
            KeyCode::Left => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Right => self.cursor = (self.cursor + 1).min(end),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = end,
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(line: &mut LineEdit, code: KeyCode) {
        assert!(line.key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    #[test]
    fn a_line_is_edited_by_characters() {
        let mut line = LineEdit::with(10, "añb");
        press(&mut line, KeyCode::Left);
        press(&mut line, KeyCode::Backspace);
        assert_eq!(line.text(), "ab");
        press(&mut line, KeyCode::Char('東'));
        assert_eq!(line.text(), "a東b");
        press(&mut line, KeyCode::Home);
        press(&mut line, KeyCode::Delete);
        assert_eq!(line.text(), "東b");
        press(&mut line, KeyCode::End);
        press(&mut line, KeyCode::Delete);
        line.paste(" one two\nrm -rf");
        assert_eq!(
            line.text(),
            "東b one two".chars().take(10).collect::<String>()
        );
        line.key(KeyEvent::new(KeyCode::Char('w'), KeyModifiers::CONTROL));
        assert_eq!(line.text(), "東b one ");
        assert!(!line.key(KeyEvent::new(KeyCode::Tab, KeyModifiers::NONE)));
        assert_eq!(format!("{line:?}"), "LineEdit(..)");
    }
}
