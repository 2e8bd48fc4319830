//! What lies over the screen, and the forms in it.

use time::OffsetDateTime;

use crate::console::confirm::Confirm;
use crate::console::input::LineEdit;
use crate::console::keys::Action;

/// The form to sign in with.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// The address.
    pub email: LineEdit,
    /// The password.
    pub password: LineEdit,
    /// The code, once it is asked for.
    pub code: Option<LineEdit>,
    /// Whether the cursor is in the password.
    pub at_password: bool,
    /// Why the last try did not succeed.
    pub refused: Option<String>,
    /// Whether an answer is waited for.
    pub busy: bool,
}

/// The form to arm with.
#[derive(Debug, Clone)]
pub struct ArmForm {
    /// The code.
    pub code: LineEdit,
    /// When it opened.
    pub opened: OffsetDateTime,
    /// What it was opened for.
    pub purpose: Option<String>,
    /// Why the last try did not succeed.
    pub refused: Option<String>,
    /// Whether an answer is waited for.
    pub busy: bool,
}

/// An entry of a menu.
#[derive(Debug, Clone)]
pub struct MenuItem {
    /// Its key.
    pub key: char,
    /// What it says.
    pub says: &'static str,
    /// What it does.
    pub action: Action,
    /// Why it cannot be done.
    pub refused: Option<String>,
}

/// What lies over the screen and takes all keys.
#[derive(Debug, Clone)]
pub enum Layer {
    /// The keys, from this line on.
    Help(usize),
    /// Every action by name.
    Palette {
        /// What was typed.
        line: LineEdit,
        /// The chosen one.
        at: usize,
    },
    /// The filter of the screen.
    Filter {
        /// What was typed.
        line: LineEdit,
        /// What is wrong with it.
        refused: Option<String>,
    },
    /// What went wrong, from this line on.
    Errors(usize),
    /// Something as JSON.
    Raw {
        /// What.
        title: String,
        /// Its lines.
        lines: Vec<String>,
        /// The first visible line.
        top: usize,
    },
    /// A choice.
    Menu {
        /// Of what.
        title: String,
        /// The entries.
        items: Vec<MenuItem>,
        /// The chosen one.
        at: usize,
    },
    /// In which form to write a file.
    Export,
    /// Becoming able to act.
    Arm(ArmForm),
    /// Before something is done.
    Confirm(Box<Confirm>),
}
