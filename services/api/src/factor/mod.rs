//! Second factors: what proves that one is there.

pub(crate) mod recovery;
pub(crate) mod totp;

pub use totp::{NoSeed, TotpSeed};
