//! One integration binary: everything that needs more than one crate.

mod abuse;
mod contract;
mod faults;
mod house;
mod races;
mod replay;
mod stories;
mod support;
mod terminal;
