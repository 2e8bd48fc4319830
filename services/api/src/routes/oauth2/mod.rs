//! What OAuth defines for services: tokens, what they are, and their end.

mod answer;
mod client_credentials;
mod exchange;
mod introspect;
mod metadata;
mod presented;
mod revoke;
mod token;

pub(super) use introspect::Introspect;
pub(super) use metadata::Metadata;
pub(super) use revoke::Revoke;
pub(super) use token::Token;
