//! The view of sessions.

mod apply;
mod filter;
mod query;
mod select;

pub(crate) use apply::{Changes, Continuation, proceed, write};
pub use filter::{IpFilter, SessionFilter, StateFilter};
pub use query::{Ended, Session, SessionState, active_of, all, get, list};
pub use select::{
    AcrFilter, AsOf, Outcome, Selected, Selecting, Selection, Totals, select, totals,
};
