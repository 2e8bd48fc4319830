//! One's own account and sessions.

mod account;
mod session;

pub(super) use account::Me;
pub(super) use session::MySessions;
