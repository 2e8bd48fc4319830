//! Passwords: what is accepted, and how one is proven.

mod blocklist;
mod hash;
mod policy;
mod pool;

pub use blocklist::{Blocklist, BlocklistError};
pub(crate) use hash::{HashError, PasswordHash, SaltedHash};
pub(crate) use policy::{Password, PasswordPolicy, Weakness};
pub(crate) use pool::{HashPool, Shed, Verdict};
