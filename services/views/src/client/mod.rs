//! The view of clients.

mod apply;
mod query;

pub(crate) use apply::{Changes, write};
pub use query::{Client, ClientFilter, ClientSecret, get, list};
