//! The view of revocations: orders to end every session of a kind.

mod apply;
mod query;

pub(crate) use apply::{Changes, write};
pub use query::{Ends, Revocation, RevocationState, ended_by, ends_of, get, list};
