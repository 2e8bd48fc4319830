//! How often something may be tried, counted by all services of a deployment
//! together, so that nobody guesses faster by asking more of them.
//!
//! A try is [admitted](Throttle::admit), checked by the caller, and finished as
//! failed or succeeded. What is refused was not checked. Each account's factors
//! are counted apart, and an address that belongs to nobody is counted like one
//! that does. Whoever comes from a device that has signed in before passes the
//! waits that strangers have caused.
//!
//! The counts stand beside the log of record ([`countersign_log::Counters`]);
//! every service mirrors them in memory, so that a try at a clean account costs
//! no round trip. If they cannot be reached, nothing is admitted.

mod admitted;
mod client;
mod config;
mod in_flight;
mod key;
mod mirror;
mod network;
mod record;
mod rules;
mod store;
mod throttle;

pub use admitted::{Admitted, Outcome};
pub use config::{ThrottleConfig, ThrottleConfigError};
pub use key::{Limited, Target, Try};
pub use throttle::{Refused, Throttle};
