//! The opaque tokens that clients hold beside access tokens.

mod device;
mod mfa;
mod refresh;
mod seal;

pub(crate) use device::{Device, DeviceTokens};
pub(crate) use mfa::MfaTokens;
pub(crate) use refresh::{RefreshToken, RefreshTokens};
