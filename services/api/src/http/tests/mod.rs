//! The shell over real sockets, with a tiny API behind it.

mod api;
mod bodies;
mod chaos;
mod client;
mod connections;
mod h2;
mod limits;
mod log;
mod pages;
mod problems;
mod spec;
mod support;
