//! What every story stands on: one private nats-server and one private
//! Postgres for the test process, and a [`World`] of its own for each test.
//!
//! Nothing here waits for time. A test waits for a position, or
//! [`eventually`] for a condition with a deadline.

mod answer;
mod authenticator;
mod canned;
mod capture;
mod chromium;
mod client;
mod clock;
mod command;
mod cookie;
mod factor;
mod inside;
mod listening;
pub(crate) mod mailbox;
mod passkey;
mod person;
mod program;
mod registered;
pub(crate) mod smtp;
mod stack;
mod token;
mod wait;
mod world;

pub(crate) use answer::Answer;
pub(crate) use authenticator::{Authenticator, Quirks};
pub(crate) use canned::{Canned, Reply};
pub(crate) use capture::logged;
pub(crate) use chromium::Chromium;
pub(crate) use client::{Call, Client};
pub(crate) use clock::TestClock;
pub(crate) use cookie::{COOKIE, InBrowser};
pub(crate) use factor::Enrolled;
pub(crate) use inside::ReadModels;
pub(crate) use listening::{Heard, Listening};
pub(crate) use mailbox::Mailbox;
pub(crate) use passkey::{Door, Keyed, Way, access_of};
pub(crate) use person::{PASSWORD, SignedIn, email};
pub(crate) use program::{command, program, program_at, program_with};
pub(crate) use registered::{EXCHANGE, Registered, assertion_of, new_key};
pub(crate) use stack::{nats_folder, stack};
pub(crate) use token::{Jwt, claims_of, forge};
pub(crate) use wait::{PATIENCE, eventually, soon};
pub(crate) use world::{ISSUER, Service, World};
