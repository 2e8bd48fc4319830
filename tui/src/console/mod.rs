//! The console: see everything, end anything, from a terminal.
//!
//! It is a pure [`update`] from a [`Model`] and a [`Message`] to [`Effect`]s,
//! and a pure [`draw`]. Neither asks for the time nor waits for anything; what
//! comes from outside comes as a message, stamped by [`run`], which is the only
//! part with a terminal, a clock and a network. It can be armed to write only
//! by proving who is there, and every write carries that proof.

mod canvas;
mod confirm;
mod deployment;
mod filter;
mod input;
mod keys;
mod list;
mod message;
mod model;
mod order;
mod pane;
mod remote;
mod run;
mod save;
mod screens;
mod tail;
mod term;
mod text;
mod theme;
mod timeline;
mod update;

pub use confirm::{Confirm, DEAD, Focus, Target};
pub(crate) use deployment::is_here;
pub use deployment::{Deployment, DeploymentError, find};
pub use filter::Filter;
pub use input::LineEdit;
pub use keys::{Action, Binding, TABLE};
pub use list::{List, PAGE, Row, Shown, Wanted};
pub use message::{Answer, Data, Effect, Identity, Message, Query};
pub use model::{AccountView, ArmForm, Layer, Link, MenuItem, Model, Phase, SessionView, SignIn};
pub use order::{ARMED, Arming, Arms, Done, Failed, Filtered, Order, TARGETS_MAX, Verb};
pub use pane::Pane;
pub use run::{ConsoleError, run};
pub use screens::{Attention, SIZE_MIN, Screen, attention, draw};
pub use tail::{Tail, TailRow};
pub use theme::{Looks, Signs, Tone};
pub use timeline::{FactorSeen, Timeline};
pub use update::update;

/// How an opened session or account is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Split {
    /// Side by side; else one above the other.
    wide: bool,
    /// Rows of the facts, with their border.
    facts_rows: u16,
    /// Rows of the timeline, without its border.
    timeline_rows: u16,
}

/// Lays out a body of so many rows and columns.
fn split(rows: u16, columns: u16) -> Split {
    let wide = columns >= 100;
    let facts_rows = if wide { rows.min(14) } else { rows.min(8) };
    let taken = if wide { 2 } else { facts_rows + 2 };
    Split {
        wide,
        facts_rows,
        timeline_rows: rows.saturating_sub(taken),
    }
}
