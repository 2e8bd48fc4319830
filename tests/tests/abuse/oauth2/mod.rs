//! What an attacker tries with clients and their tokens.

mod assertion;
mod authentication;
mod disabled;
mod introspection;
mod leader;
mod revocation;
mod scope;
