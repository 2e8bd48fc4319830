//! The console without a terminal: a driver presses keys, a service in memory
//! answers, and what would be seen is compared.

mod acting;
mod bench;
mod driver;
mod following;
mod made;
mod past;
mod picture;
mod projections;
mod properties;
mod reaching;
mod service;
mod sizes;
mod snapshots;
mod states;
mod stories;
mod stranger;
