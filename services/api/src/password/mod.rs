//! Passwords: what is accepted, and how one is proven.

mod hash;
mod policy;
mod pool;

pub(crate) use hash::{HashError, PasswordHash};
pub(crate) use policy::{Password, PasswordPolicy, Weakness};
pub(crate) use pool::{HashPool, Shed, Verdict};
