//! The console: see everything, end anything, from a terminal.
//!
//! It is a pure [`update`] from a [`Model`] and a [`Message`] to [`Effect`]s,
//! and a pure [`draw`]. Neither asks for the time nor waits for anything; what
//! comes from outside comes as a message, stamped by [`run`], which is the only
//! part with a terminal, a clock and a network. It can be armed to write only
//! by proving who is there, and every write carries that proof.

mod attempts;
mod canvas;
mod confirm;
mod deployment;
mod filter;
mod follow;
mod input;
mod job;
mod keys;
mod list;
mod memory;
mod message;
mod model;
mod order;
mod pane;
mod past;
mod remote;
mod run;
mod save;
mod screens;
mod sort;
mod tail;
mod term;
mod text;
mod theme;
mod timeline;
mod update;
mod verifier;

pub use canvas::width;
pub use confirm::{Confirm, DEAD, Far, Focus, Target};
pub(crate) use deployment::is_here;
pub use deployment::{Deployment, DeploymentError, find};
pub use filter::Filter;
pub(crate) use filter::length;
pub use follow::{Follow, Standing};
pub use input::LineEdit;
pub use keys::{Action, Binding, TABLE};
pub use list::{List, PAGE, Row, Shown, Wanted};
pub use message::{Answer, Data, Effect, Identity, Message, Query};
pub use model::{AccountView, ArmForm, Layer, Link, MenuItem, Model, Phase, SessionView, SignIn};
pub use order::{ARMED, Arming, Arms, Done, Failed, Filtered, Order, TARGETS_MAX, Verb};
pub use pane::Pane;
pub use past::Past;
pub use run::{ConsoleError, run};
pub use screens::{Attention, Fact, SIZE_MIN, Screen, attention, draw, facts};
pub use sort::{Sort, Sorted, Sorts};
pub use tail::{Tail, TailRow};
pub use theme::{Looks, Signs, Tone};
pub use timeline::{FactorSeen, Timeline};
pub use update::update;
pub use verifier::{Reach, WATCHED};

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

/// Lays out a body of so many rows and columns. What was is told with its
/// causes, each on a row of its own.
fn split(rows: u16, columns: u16, shows_past: bool) -> Split {
    let wide = columns >= 100 && !shows_past;
    let facts_rows = match (wide, shows_past) {
        (_, true) => rows.saturating_sub(6).clamp(3, 14).min(rows),
        (true, false) => rows.min(14),
        (false, false) => rows.min(8),
    };
    let taken = if wide { 2 } else { facts_rows + 2 };
    Split {
        wide,
        facts_rows,
        timeline_rows: rows.saturating_sub(taken),
    }
}
