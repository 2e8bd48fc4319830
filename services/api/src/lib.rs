//! The HTTP service: routes over the log, the read models and the tokens.
//!
//! `http` is the shell that knows nothing of identity; `routes` has one small
//! file per endpoint; [`App`] holds what they share. A handler makes one hop:
//! it takes the facts together, puts a command to the log and shows the
//! result. What is allowed is decided in `countersign-domain`; which status an
//! answer has, in `problem.rs`.

mod app;
mod circumstances;
mod clock;
mod config;
mod denied;
mod email;
mod guard;
pub mod http;
mod keys;
mod metrics;
mod password;
mod permission;
mod postgres;
mod problem;
mod projected;
mod refresh_token;
mod routes;
mod service;

pub use app::App;
pub use circumstances::Circumstances;
pub use clock::Clock;
pub use config::{ApiConfig, ConfigError, MAX_ACCESS_TOKEN, PasswordConfig};
pub use denied::Denied;
pub use email::EmailAddress;
pub use service::{ShellSettings, document, serve};
