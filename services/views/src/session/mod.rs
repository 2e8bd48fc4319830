//! The view of sessions.

mod apply;
mod candidate;
mod filter;
mod past;
mod query;
mod select;

pub(crate) use apply::{Changes, Continuation, proceed, write};
pub use candidate::{Candidate, candidates};
pub use filter::{IpFilter, SessionFilter, StateFilter};
pub use past::{Past, owner};
pub use query::{Ended, Session, SessionState, active_of, all, get, list};
pub use select::{
    AcrFilter, AsOf, Outcome, Selected, Selecting, Selection, Totals, select, totals,
};
