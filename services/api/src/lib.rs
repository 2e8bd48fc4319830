//! The HTTP service: routes over the log, the read models and the tokens.
//!
//! `http` is the shell that knows nothing of identity; `routes` has one small
//! file per endpoint; [`App`] holds what they share. A handler makes one hop:
//! it takes the facts together, puts a command to the log and shows the
//! result. What is allowed is decided in `countersign-domain`; which status an
//! answer has, in `problem.rs`.

mod access;
mod account_pages;
mod app;
mod as_of;
mod binding;
mod carrier;
mod circumstances;
mod client;
mod clock;
mod config;
mod csrf;
mod denied;
mod dev_mail;
mod device;
mod email;
mod factor;
mod flood;
mod grant;
mod guard;
pub mod http;
mod janitor;
mod keys;
mod metrics;
mod numbers;
mod password;
mod past;
mod people;
mod permission;
mod postgres;
mod problem;
mod projected;
mod proof;
mod revocation;
mod routes;
mod secrets;
mod service;
mod tip;
mod token;

pub use app::App;
pub use circumstances::Circumstances;
pub use client::NewClient;
pub use clock::Clock;
pub use config::{ApiConfig, Binding, ConfigError, MAX_ACCESS_TOKEN, PasswordConfig};
pub use countersign_throttle::ThrottleConfig;
pub use denied::Denied;
pub use email::EmailAddress;
pub use factor::{NoSeed, TotpSeed};
pub use password::{Blocklist, BlocklistError};
pub use service::{ShellSettings, document, serve};
