//! What the verifier believes and what it refuses, from outside.
//!
//! `ab_48`, `ab_50` and `ab_67` are the abuse cases of that number.

mod ab_48;
mod ab_50;
mod ab_67;
mod actor;
mod challenge;
mod claims;
mod key_set;
mod mint;
mod properties;
mod refusal;
mod revocation;
mod step_up;
mod support;
mod vectors;
