//! What every story stands on: one private nats-server and one private
//! Postgres for the test process, and a [`World`] of its own for each test.
//!
//! Nothing here waits for time. A test waits for a position, or
//! [`eventually`] for a condition with a deadline.

mod answer;
mod capture;
mod client;
mod clock;
mod command;
mod inside;
mod person;
mod stack;
mod token;
mod wait;
mod world;

pub(crate) use answer::Answer;
pub(crate) use capture::logged;
pub(crate) use client::{Call, Client};
pub(crate) use clock::TestClock;
pub(crate) use inside::ReadModels;
pub(crate) use person::{PASSWORD, SignedIn, email};
pub(crate) use stack::{nats_folder, stack};
pub(crate) use token::{Jwt, claims_of, forge};
pub(crate) use wait::{PATIENCE, eventually, soon};
pub(crate) use world::{ISSUER, World};
