//! The view of sessions.

mod apply;
mod filter;
mod query;

pub(crate) use apply::{Changes, Continuation, proceed, write};
pub use filter::{IpFilter, SessionFilter, StateFilter};
pub use query::{Ended, Session, SessionState, get, list};
