//! The live verifier against a service that is made up: keys, feed, reports,
//! and what the frameworks' layers answer.

mod feed;
mod frameworks;
mod keys;
mod service;
mod stale;
mod support;
mod test_kit;
