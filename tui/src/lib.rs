//! The operator's side of the contract: finding a deployment, signing in, and
//! the calls that the command line makes.
//!
//! It speaks HTTP only, with the wire types of `countersign-openapi`, so the
//! service enforces every right. The screens of the [`console`] stand on the
//! same [`Client`].

mod account;
mod client;
pub mod console;
mod context;
mod event;
mod event_stream;
mod keep;
mod key;
mod moment;
mod operator;
mod plain;
mod private;
mod projection;
mod prompt;
mod registered;
mod revocation;
#[cfg(test)]
mod served;
mod verifier;

pub use client::{Client, ClientError, SessionQuery};
pub use context::{Context, ContextError, Login};
pub use event_stream::{EventStream, EventsQuery, FollowError, Followed};
pub use keep::Keep;
pub use moment::moment;
pub use plain::{second, word};
pub use private::{sync_folder_of, write_private};
pub use prompt::Prompt;
