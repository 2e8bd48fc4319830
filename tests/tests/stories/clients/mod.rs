//! Services that sign in as themselves.

mod exchange;
mod introspection;
mod life;
mod outage;
mod revocation;
mod token;
