//! The view of accounts.

mod apply;
mod query;

#[cfg(test)]
pub(crate) use apply::NameChange;
pub(crate) use apply::{AccountEnd, Changes, write, write_ends};
pub use query::{Account, AccountFilter, get, list};
