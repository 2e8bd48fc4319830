//! What operators see and do.

mod account;
mod event;
mod life;
mod overview;
mod session;

pub(super) use account::Accounts;
pub(super) use event::Events;
pub(super) use life::AccountLife;
pub(super) use overview::{Overview, Projections};
pub(super) use session::Sessions;
