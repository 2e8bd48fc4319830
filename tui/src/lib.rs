//! The operator's side of the contract: finding a deployment, signing in, and
//! the calls that the command line makes.
//!
//! It speaks HTTP only, with the wire types of `countersign-openapi`, so the
//! service enforces every right. The screens of the [`console`] stand on the
//! same [`Client`].

mod client;
pub mod console;
mod context;
mod keep;
mod key;
mod moment;
mod operator;
mod registered;
mod revocation;
mod verifier;

pub use client::{Client, ClientError, SessionQuery};
pub use context::{Context, ContextError, Login};
pub use keep::Keep;
pub use moment::moment;
