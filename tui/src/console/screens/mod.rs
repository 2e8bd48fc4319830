//! The screens: what each shows.

mod account;
mod accounts;
mod chrome;
mod clients;
mod dialog;
mod events;
mod facts;
mod keys;
mod overlay;
mod overview;
mod projections;
mod session;
mod sessions;
mod sign_in;
mod table;

use ratatui::Frame;

use super::canvas::Canvas;
use super::model::{Layer, Model, Phase};
use super::theme::Tone;

pub use facts::{Fact, facts};
pub use overview::{Attention, attention};
pub use session::ended_elsewhere;

/// The smallest terminal in which the console can be read.
pub const SIZE_MIN: (u16, u16) = (60, 15);

/// Lines that every screen has: the context, the health, and the keys.
pub const CHROME_ROWS: u16 = 3;

/// A screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// The numbers, and what needs attention.
    Overview,
    /// Who is signed in.
    Sessions,
    /// One session and its history.
    Session,
    /// People.
    Accounts,
    /// One account and its history.
    Account,
    /// Programs and verifiers.
    Clients,
    /// The log, live.
    Events,
    /// Read models.
    Projections,
    /// Signing keys.
    Keys,
}

impl Screen {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Overview,
        Self::Sessions,
        Self::Session,
        Self::Accounts,
        Self::Account,
        Self::Clients,
        Self::Events,
        Self::Projections,
        Self::Keys,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Sessions => "Sessions",
            Self::Session => "Session",
            Self::Accounts => "Accounts",
            Self::Account => "Account",
            Self::Clients => "Clients",
            Self::Events => "Events",
            Self::Projections => "Projections",
            Self::Keys => "Keys",
        }
    }
}

/// Whether a terminal of this size shows the screens.
pub fn is_large_enough((columns, rows): (u16, u16)) -> bool {
    columns >= SIZE_MIN.0 && rows >= SIZE_MIN.1
}

/// Draws the model. It asks for no time and changes nothing.
pub fn draw(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let mut canvas = Canvas::new(frame.buffer_mut(), area, model.looks);
    let cursor = paint(model, &mut canvas);
    if let Some((x, y)) = cursor
        && x < area.width
        && y < area.height
    {
        frame.set_cursor_position((area.x + x, area.y + y));
    }
}

/// Draws the model, and says where the cursor belongs.
fn paint(model: &Model, canvas: &mut Canvas<'_>) -> Option<(u16, u16)> {
    let (columns, rows) = (canvas.columns(), canvas.rows());
    if !is_large_enough((columns, rows)) {
        let (least_columns, least_rows) = SIZE_MIN;
        let told = format!("Enlarge to {least_columns}x{least_rows}");
        canvas.wrapped(0, 0, &told, Tone::Strong);
        return None;
    }
    chrome::context(model, &mut canvas.part(0, 0, columns, 1));
    chrome::health(model, &mut canvas.part(0, 1, columns, 1));
    chrome::hints(model, &mut canvas.part(0, rows - 1, columns, 1));
    let mut body = canvas.part(0, 2, columns, rows - CHROME_ROWS);
    if let Phase::SignIn(form) = &model.phase {
        let (x, y) = sign_in::draw(model, form, &mut body);
        return Some((x, y + 2));
    }
    if matches!(model.phase, Phase::Entering) {
        body.text(2, 1, u16::MAX, "signing in ...", Tone::Dim);
        return None;
    }
    match model.screen {
        Screen::Overview => overview::draw(model, &mut body),
        Screen::Sessions => sessions::draw(model, &mut body),
        Screen::Session => session::draw(model, &mut body),
        Screen::Accounts => accounts::draw(model, &mut body),
        Screen::Account => account::draw(model, &mut body),
        Screen::Clients => clients::draw(model, &mut body),
        Screen::Events => events::draw(model, &mut body),
        Screen::Projections => projections::draw(model, &mut body),
        Screen::Keys => keys::draw(model, &mut body),
    }
    let cursor = match &model.layer {
        None => None,
        Some(Layer::Help(top)) => overlay::help(model, *top, &mut body),
        Some(Layer::Palette { line, at }) => Some(overlay::palette(model, line, *at, &mut body)),
        Some(Layer::Filter { line, refused }) => {
            Some(overlay::filter(model, line, refused.as_deref(), &mut body))
        }
        Some(Layer::Errors(top)) => overlay::errors(model, *top, &mut body),
        Some(Layer::Raw { title, lines, top }) => overlay::raw(title, lines, *top, &mut body),
        Some(Layer::Menu { title, items, at }) => overlay::menu(title, items, *at, &mut body),
        Some(Layer::Export) => overlay::export(model, &mut body),
        Some(Layer::Arm(form)) => Some(dialog::arm(model, form, &mut body)),
        Some(Layer::Confirm(confirm)) => dialog::confirm(confirm, &mut body),
    };
    cursor.map(|(x, y)| (x, y + 2))
}
