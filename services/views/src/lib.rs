//! Read models: what happened, as tables to ask.
//!
//! Everything here can be thrown away and made again from the log. Each
//! *generation* of the read models lives in a Postgres schema of its own
//! (`countersign_r<N>`); queries read the views of the schema `countersign`,
//! which show the active generation. Per view there is `apply` (events to
//! changes of rows, pure; then one statement a table) and `query` (the
//! questions that are asked).
//!
//! This crate knows SQL and events. It does not know NATS, keys, HTTP, or what
//! time it is. No security decision reads it.

pub mod account;
mod actor;
pub mod checkpoint;
pub mod client;
pub mod control;
pub mod digest;
mod erasure;
mod error;
pub mod failure;
mod fold;
pub mod generation;
pub mod history;
pub mod lock;
mod number;
mod overview;
mod page;
pub mod pool;
pub mod projector;
mod prune;
pub mod rebuild;
pub mod revocation;
pub mod session;
mod text;

pub use error::{Broken, Refused, Unavailable, ViewError};
pub use fold::{Fold, begin_batch};
pub use overview::{Overview, overview};
pub use page::{PAGE_ROWS_MAX, Page};
pub use prune::prune;
