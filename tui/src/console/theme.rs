//! Colours and signs.
//!
//! Sixteen colours over the terminal's own foreground and background, so that
//! light and dark terminals both stay readable. Whatever a colour says, a word
//! or a sign says too.

use ratatui::style::{Color, Modifier, Style};

/// What the console may use of the terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looks {
    /// Only ASCII in borders and signs.
    pub ascii: bool,
    /// No colours at all (`NO_COLOR`); bold and reversed stay.
    pub plain: bool,
    /// The background is light: no yellow on it.
    pub light: bool,
}

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary.
    Plain,
    /// Of less weight.
    Dim,
    /// A heading or a key.
    Strong,
    /// It is as it should be.
    Good,
    /// It deserves a look.
    Warn,
    /// It is bad, or does harm.
    Danger,
    /// Where the cursor is.
    Selected,
    /// Said of a production deployment.
    Alarm,
    /// Said of a moment in the past.
    Past,
    /// A pane's border.
    Border,
}

impl Looks {
    /// The style of a tone.
    pub fn style(self, tone: Tone) -> Style {
        let style = Style::new();
        let coloured = |colour| if self.plain { style } else { style.fg(colour) };
        match tone {
            Tone::Plain => style,
            Tone::Dim | Tone::Border => style.add_modifier(Modifier::DIM),
            Tone::Strong => style.add_modifier(Modifier::BOLD),
            Tone::Good => coloured(Color::Green),
            Tone::Warn if self.light => coloured(Color::Magenta),
            Tone::Warn => coloured(Color::Yellow),
            Tone::Danger => coloured(Color::Red).add_modifier(Modifier::BOLD),
            Tone::Past => style.add_modifier(Modifier::BOLD | Modifier::REVERSED),
            Tone::Selected => style.add_modifier(Modifier::REVERSED),
            Tone::Alarm => coloured(Color::Red).add_modifier(Modifier::BOLD | Modifier::REVERSED),
        }
    }

    /// The signs.
    pub fn signs(self) -> &'static Signs {
        if self.ascii { &ASCII } else { &UNICODE }
    }
}

/// Signs that are not letters.
#[derive(Debug)]
pub struct Signs {
    /// Before the row of the cursor.
    pub cursor: &'static str,
    /// Before a marked row.
    pub mark: &'static str,
    /// Something is well.
    pub good: &'static str,
    /// New things above.
    pub above: &'static str,
    /// Sorted with the greatest first.
    pub below: &'static str,
    /// What was cut.
    pub ellipsis: &'static str,
    /// Between parts of a line.
    pub bar: &'static str,
    /// Between words.
    pub dot: &'static str,
    /// Alive.
    pub live: &'static str,
    /// A hidden character.
    pub hidden: &'static str,
    /// Leads to.
    pub arrow: &'static str,
    /// Comes from.
    pub from: &'static str,
    /// Horizontal, vertical, and the corners from the top left clockwise.
    pub border: [&'static str; 6],
    /// Eight heights of a bar, from low to high.
    pub heights: [&'static str; 8],
}

static UNICODE: Signs = Signs {
    cursor: "▶",
    mark: "✓",
    good: "✓",
    above: "▲",
    below: "▼",
    ellipsis: "…",
    bar: "│",
    dot: "·",
    live: "●",
    hidden: "•",
    arrow: "→",
    from: "←",
    border: ["─", "│", "┌", "┐", "┘", "└"],
    heights: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
};

static ASCII: Signs = Signs {
    cursor: ">",
    mark: "*",
    good: "ok",
    above: "^",
    below: "v",
    ellipsis: "~",
    bar: "|",
    dot: "-",
    live: "*",
    hidden: "*",
    arrow: "->",
    from: "<-",
    border: ["-", "|", "+", "+", "+", "+"],
    heights: [".", ".", ":", ":", "+", "+", "#", "#"],
};
