//! The view of what happened to a person's account and sessions.

mod apply;
mod query;

#[cfg(test)]
pub(crate) use apply::Forget;
pub(crate) use apply::{Changes, write};
pub use query::{Entry, EntryCursor, last_named, list};
