//! Coming and going.

mod login;
mod logout;
mod refresh;
mod register;
mod verify;

pub(crate) use login::Login;
pub(crate) use logout::{Logout, end_own};
pub(crate) use refresh::Refresh;
pub(crate) use register::{Register, Registration, create_account};
pub(crate) use verify::Verify;
