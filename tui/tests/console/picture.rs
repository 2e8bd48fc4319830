//! The picture of the README, drawn from what a screen really looks like.
//!
//! `UPDATE_GOLDEN=1` writes it anew.

use std::fmt::Write as _;
use std::path::PathBuf;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use time::Duration;

use super::driver::Driver;
use super::made;
use super::service::Service;

/// Columns and rows of the picture.
const SIZE: (u16, u16) = (112, 28);
/// Pixels of a cell: width and height.
const CELL: (f64, f64) = (8.0, 17.0);
/// Pixels around the screen.
const MARGIN: f64 = 14.0;
const BACKGROUND: &str = "#12161d";
const FOREGROUND: &str = "#d5dae3";

/// How a run of cells is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ink {
    colour: &'static str,
    modifier: Modifier,
}

impl Ink {
    fn of(cell: &Cell) -> Self {
        let colour = match cell.fg {
            Color::Red => "#ff6b68",
            Color::Green => "#7ec97f",
            Color::Yellow => "#e5c07b",
            Color::Magenta => "#c792ea",
            _ => FOREGROUND,
        };
        let modifier = cell.modifier & (Modifier::BOLD | Modifier::DIM | Modifier::REVERSED);
        Self { colour, modifier }
    }

    fn is_reversed(self) -> bool {
        self.modifier.contains(Modifier::REVERSED)
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

/// Draws cells that look alike, so wide that they fit whatever the font is.
fn run(svg: &mut String, at: (u16, u16), cells: u16, text: &str, ink: Ink) {
    let x = MARGIN + f64::from(at.0) * CELL.0;
    let y = MARGIN + f64::from(at.1) * CELL.1;
    let width = f64::from(cells) * CELL.0;
    let mut colour = ink.colour;
    if ink.is_reversed() {
        let height = CELL.1;
        let _ = writeln!(
            svg,
            r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{colour}"/>"#
        );
        colour = BACKGROUND;
    }
    let before = text.len() - text.trim_start().len();
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    // Blanks are cells too, and no reader of pictures may fold them.
    let x = x + f64::from(u16::try_from(before).unwrap_or_default()) * CELL.0;
    let width = f64::from(u16::try_from(text.chars().count()).unwrap_or_default()) * CELL.0;
    let text = text.replace(' ', "\u{a0}");
    let mut more = String::new();
    if ink.modifier.contains(Modifier::BOLD) {
        more.push_str(r#" font-weight="bold""#);
    }
    if ink.modifier.contains(Modifier::DIM) {
        more.push_str(r#" opacity="0.6""#);
    }
    let (base, text) = (y + 13.0, escaped(&text));
    let _ = writeln!(
        svg,
        r#"<text x="{x}" y="{base}" textLength="{width}" fill="{colour}"{more}>{text}</text>"#
    );
}

fn picture(buffer: &Buffer, title: &str) -> String {
    let width = f64::from(buffer.area.width) * CELL.0 + 2.0 * MARGIN;
    let height = f64::from(buffer.area.height) * CELL.1 + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n<title>{}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n\
         <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"13\">\n",
        escaped(title)
    );
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let ink = Ink::of(&buffer[(x, y)]);
            let (from, mut text) = (x, String::new());
            while x < buffer.area.width && Ink::of(&buffer[(x, y)]) == ink {
                text.push_str(buffer[(x, y)].symbol());
                x += 1;
            }
            run(&mut svg, (from, y), x - from, &text, ink);
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

#[test]
fn the_picture_of_the_readme_is_what_is_seen() {
    let mut service = Service::with(60);
    // It lived and ended as its history says.
    let shown = &mut service.sessions[7];
    let history = made::session_history(shown.id);
    let when = |name: &str| {
        let event = history.iter().find(|event| event.name == name);
        event.expect("it is there").occurred_at
    };
    (shown.started_at, shown.last_seen_at) = (when("started"), when("refreshed"));
    shown.generation = 2;
    if let Some(ended) = &mut shown.ended {
        ended.at = when("ended");
        "refresh_reused".clone_into(&mut ended.reason);
        "system".clone_into(&mut ended.by);
    }
    let mut driver = Driver::signed_in(SIZE);
    driver.serve(&mut service);
    for key in ["2", "j", "j", "j", "j", "j", "j", "j", "Enter", "k"] {
        driver.press(&[key]);
        driver.serve(&mut service);
    }
    // What was said a moment ago is not said any more.
    driver.wait(Duration::seconds(7));
    driver.serve(&mut service);
    let seen = picture(
        &driver.buffer(),
        "A session in the console, and why it ended",
    );
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/console.svg");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &seen).expect("written");
        return;
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == seen,
        "docs/console.svg is not what is seen; UPDATE_GOLDEN=1 writes it anew"
    );
}
