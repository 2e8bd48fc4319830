//! The view of accounts.

mod apply;
mod candidate;
mod past;
mod query;

pub(crate) use apply::{AccountEnd, Changes, write, write_ends};
#[cfg(test)]
pub(crate) use apply::{FactorChange, Suspension};
pub use candidate::candidates;
pub use past::Past;
pub use query::{Account, AccountFilter, get, list};
