//! The operator's side of the contract: finding a deployment, signing in, and
//! the calls that the command line makes.
//!
//! It speaks HTTP only, with the wire types of `countersign-openapi`, so the
//! service enforces every right. The screens of the console will stand on the
//! same [`Client`].

mod client;
mod context;
mod keep;
mod operator;

pub use client::{Client, ClientError, SessionQuery};
pub use context::{Context, ContextError, Login};
pub use keep::Keep;
