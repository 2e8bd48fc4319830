//! What must hold when something breaks, tried on real processes: programs are
//! killed, stopped and restarted, servers are taken away, and files damaged.
//!
//! Nothing here looks inside a process. Waiting is for a condition, with a
//! deadline; chance follows from a seed that is printed.

mod deployment;
mod http;
mod process;
mod wait;

mod bound;
mod code;
mod damage;
mod dev;
mod dev_demo;
mod dev_mail;
mod dev_user;
mod instances;
mod journal;
mod keys;
mod nats_down;
mod patient;
mod postgres_down;
mod projectors;
mod revocation;
mod tail;
mod under_load;
mod writers;
