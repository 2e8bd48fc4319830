//! Drawing text into cells.
//!
//! Everything that reaches a cell goes through [`Canvas::text`], which makes
//! it safe to show and stays inside its area, so that no screen has to think
//! of either.

use countersign_openapi::display_safe;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::theme::{Looks, Signs, Tone};

/// Part of a screen.
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    looks: Looks,
}

/// How many cells a text takes.
pub fn width(text: &str) -> usize {
    Span::raw(text).width()
}

impl<'a> Canvas<'a> {
    /// All of `buffer`'s part `area`.
    pub fn new(buffer: &'a mut Buffer, area: Rect, looks: Looks) -> Self {
        let area = area.intersection(buffer.area);
        Self {
            buffer,
            area,
            looks,
        }
    }

    /// Cells from left to right.
    pub fn columns(&self) -> u16 {
        self.area.width
    }

    /// Cells from top to bottom.
    pub fn rows(&self) -> u16 {
        self.area.height
    }

    /// The signs to draw with.
    pub fn signs(&self) -> &'static Signs {
        self.looks.signs()
    }

    /// A part of it, clipped to what there is.
    pub fn part(&mut self, x: u16, y: u16, columns: u16, rows: u16) -> Canvas<'_> {
        let x = self.area.x.saturating_add(x.min(self.area.width));
        let y = self.area.y.saturating_add(y.min(self.area.height));
        let part = Rect::new(x, y, columns, rows).intersection(self.area);
        Canvas {
            buffer: self.buffer,
            area: part,
            looks: self.looks,
        }
    }

    /// Writes a text into at most `columns` cells and returns how many it
    /// took. What does not fit is cut, and the cut is shown.
    pub fn text(&mut self, x: u16, y: u16, columns: u16, text: &str, tone: Tone) -> u16 {
        let style = self.looks.style(tone);
        self.styled(x, y, columns, text, style)
    }

    fn styled(&mut self, x: u16, y: u16, columns: u16, text: &str, style: Style) -> u16 {
        if x >= self.area.width || y >= self.area.height {
            return 0;
        }
        let room = columns.min(self.area.width - x);
        if room == 0 {
            return 0;
        }
        let safe = display_safe(text);
        let (left, top) = (self.area.x + x, self.area.y + y);
        let fits = width(&safe) <= usize::from(room);
        let kept = if fits { room } else { room - 1 };
        let (end, _) = self
            .buffer
            .set_stringn(left, top, &safe, usize::from(kept), style);
        let mut taken = end.saturating_sub(left);
        if !fits {
            let ellipsis = self.looks.signs().ellipsis;
            self.buffer.set_stringn(end, top, ellipsis, 1, style);
            taken += 1;
        }
        taken
    }

    /// Writes pieces one after the other and returns how many cells they took.
    pub fn line(&mut self, x: u16, y: u16, pieces: &[(&str, Tone)]) -> u16 {
        let mut at = x;
        for (text, tone) in pieces {
            at = at.saturating_add(self.text(at, y, u16::MAX, text, *tone));
        }
        at - x
    }

    /// Writes a text so that it ends at the right edge.
    pub fn right(&mut self, y: u16, text: &str, tone: Tone) {
        let columns = u16::try_from(width(&display_safe(text))).unwrap_or(u16::MAX);
        let x = self.area.width.saturating_sub(columns);
        self.text(x, y, columns, text, tone);
    }

    /// Writes a text over several lines, broken between words, and returns
    /// how many lines it took.
    pub fn wrapped(&mut self, x: u16, y: u16, text: &str, tone: Tone) -> u16 {
        let columns = usize::from(self.area.width.saturating_sub(x));
        let mut row = y;
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty() && width(&line) + 1 + width(word) > columns {
                self.text(x, row, u16::MAX, &line, tone);
                row = row.saturating_add(1);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.text(x, row, u16::MAX, &line, tone);
        row.saturating_add(1) - y
    }

    /// Gives a whole row a tone, over what is written there.
    pub fn tint(&mut self, y: u16, tone: Tone) {
        let row = Rect::new(
            self.area.x,
            self.area.y.saturating_add(y),
            self.area.width,
            1,
        );
        self.buffer
            .set_style(row.intersection(self.area), self.looks.style(tone));
    }

    /// Takes away what is written.
    pub fn clear(&mut self) {
        for y in self.area.top()..self.area.bottom() {
            for x in self.area.left()..self.area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                }
            }
        }
    }

    /// Draws a border with a title and, at its right, a note; returns the
    /// inside.
    pub fn pane(&mut self, title: &str, note: &str, focused: bool) -> Canvas<'_> {
        let (columns, rows) = (self.area.width, self.area.height);
        let tone = if focused { Tone::Plain } else { Tone::Border };
        if columns >= 2 && rows >= 2 {
            let [across, down, ..] = self.signs().border;
            let [.., top_left, top_right, bottom_right, bottom_left] = self.signs().border;
            for x in 1..columns - 1 {
                self.text(x, 0, 1, across, tone);
                self.text(x, rows - 1, 1, across, tone);
            }
            for y in 1..rows - 1 {
                self.text(0, y, 1, down, tone);
                self.text(columns - 1, y, 1, down, tone);
            }
            self.text(0, 0, 1, top_left, tone);
            self.text(columns - 1, 0, 1, top_right, tone);
            self.text(columns - 1, rows - 1, 1, bottom_right, tone);
            self.text(0, rows - 1, 1, bottom_left, tone);
            let title = format!(" {title} ");
            let room = columns.saturating_sub(4);
            let taken = self.text(2, 0, room, &title, Tone::Strong);
            let note_width = u16::try_from(width(note)).unwrap_or(u16::MAX);
            let room = room.saturating_sub(taken);
            if note_width > 0 && room >= note_width.saturating_add(2) {
                let x = columns - 3 - note_width;
                self.text(x - 1, 0, note_width + 2, &format!(" {note} "), Tone::Dim);
            }
        }
        self.part(1, 1, columns.saturating_sub(2), rows.saturating_sub(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(columns: u16, rows: u16, paint: impl FnOnce(&mut Canvas<'_>)) -> Vec<String> {
        let area = Rect::new(0, 0, columns, rows);
        let mut buffer = Buffer::empty(area);
        paint(&mut Canvas::new(&mut buffer, area, Looks::default()));
        let line = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect();
        (0..rows).map(line).collect()
    }

    #[test]
    fn text_is_safe_cut_and_inside() {
        let lines = drawn(10, 2, |canvas| {
            assert_eq!(canvas.text(0, 0, 8, "a\u{202e}b", Tone::Plain), 8);
            assert_eq!(canvas.text(8, 0, 9, "東京", Tone::Plain), 1);
            assert_eq!(canvas.text(99, 99, 9, "x", Tone::Plain), 0);
            canvas.right(1, "end", Tone::Plain);
        });
        assert_eq!(lines, ["a\\u{202…… ", "       end"]);
    }

    #[test]
    fn a_pane_has_a_title_and_a_note_if_there_is_room() {
        let lines = drawn(24, 3, |canvas| {
            let mut inside = canvas.pane("Facts", "2 s", true);
            inside.text(0, 0, 99, "x", Tone::Plain);
        });
        assert_eq!(lines[0], "┌─ Facts ──────── 2 s ─┐");
        assert_eq!(lines[1], "│x                     │");
        let narrow = drawn(12, 2, |canvas| {
            canvas.pane("Facts", "2 s", true);
        });
        assert_eq!(narrow[0], "┌─ Facts ──┐");
    }

    #[test]
    fn words_are_kept_whole() {
        let lines = drawn(9, 3, |canvas| {
            assert_eq!(canvas.wrapped(0, 0, "one two three", Tone::Plain), 2);
        });
        assert_eq!(lines, ["one two  ", "three    ", "         "]);
    }
}
