//! The shell over real sockets, with a tiny API behind it.

mod api;
mod bodies;
mod client;
mod connections;
mod h2;
mod limits;
mod pages;
mod problems;
mod spec;
mod support;
