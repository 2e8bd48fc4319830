//! The view of sessions.

mod apply;
mod filter;
mod query;

pub(crate) use apply::{Changes, write};
pub use filter::{IpFilter, SessionFilter, StateFilter};
pub use query::{Ended, Session, SessionState, get, list};
