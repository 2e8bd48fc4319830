//! What operators see and do.

mod account;
mod attempt;
mod client;
mod event;
mod key;
mod life;
mod overview;
mod projection;
mod revocation;
mod session;
mod verifier;

pub(super) use account::Accounts;
pub(super) use attempt::Attempts;
pub(super) use client::Clients;
pub(super) use event::{EventStream, Events};
pub(super) use key::Keys;
pub(super) use life::AccountLife;
pub(super) use overview::Overview;
pub(super) use projection::Projections;
pub(super) use revocation::Revocations;
pub(super) use session::Sessions;
pub(super) use verifier::Verifiers;
