//! One's own account, factors and sessions.

mod account;
mod enrol;
mod factor;
mod life;
mod session;

pub(super) use account::Me;
pub(super) use factor::MyFactors;
pub(super) use life::MyLife;
pub(super) use session::MySessions;
