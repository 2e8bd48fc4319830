//! The view of accounts.

mod apply;
mod query;

pub(crate) use apply::{AccountEnd, Changes, write, write_ends};
#[cfg(test)]
pub(crate) use apply::{FactorChange, Suspension};
pub use query::{Account, AccountFilter, get, list};
