//! The HTTP shell: everything between a socket and a handler that has nothing
//! to do with identity.
//!
//! A request walks this list, and each stop is a file:
//!
//! 1. [`server`] accepts the connection, or refuses it when there are too many;
//!    [`conn`] watches its clock: a client that dribbles is cut.
//! 2. [`shell`] gives the request its id and the client its address
//!    ([`request`], [`client`]).
//! 3. [`body`] takes the body in, whole and counted, or refuses it.
//! 4. The endpoint answers: a poem-openapi service, whose handlers take and
//!    give [`Json`] and fail with [`Problem`].
//! 5. [`shell`] turns whatever went wrong into problem details ([`problem`]),
//!    adds the headers ([`headers`]) and writes the line in the log.
//!
//! [`spec`] completes the OpenAPI document and [`pages`] serves it. [`origin`]
//! and [`cookie`] are the rules for browsers. What this module must not know:
//! accounts, sessions, tokens, the log, Postgres.

pub mod body;
pub mod client;
mod conn;
pub mod cookie;
mod explain;
mod form;
pub mod headers;
mod io;
pub mod json;
pub mod limits;
pub mod origin;
pub mod pages;
pub mod panics;
pub mod problem;
mod registry;
pub mod request;
mod routes;
pub mod server;
pub mod shell;
pub mod spec;
mod strict;
#[cfg(test)]
mod tests;
mod tracked;

pub use client::{Network, TrustedProxies};
pub(crate) use form::{Form, NoForm, decoded};
pub use json::Json;
pub use limits::Limits;
pub use origin::{AllowedOrigins, BadOrigin, CrossSite, cross_site};
pub use pages::Pages;
pub use problem::Problem;
pub use request::{RequestId, RequestIds, RequestInfo, TraceParent};
pub(crate) use routes::operations;
pub use server::{Server, ServerReport, ServerStats};
pub use shell::{Answered, Shell, ShellConfig};
pub(crate) use strict::parse as parse_json;
