//! Coming and going.

mod email;
mod login;
mod logout;
mod passkey;
mod password;
mod refresh;
mod register;
mod step_up;
mod verify;

pub(crate) use email::Email;
pub(crate) use login::Login;
pub(crate) use logout::{Logout, end_own};
pub(crate) use passkey::Passkey;
pub(crate) use password::Password;
pub(crate) use refresh::Refresh;
pub(crate) use register::{Register, Registration, create_account};
pub(crate) use step_up::StepUp;
pub(crate) use verify::Verify;
