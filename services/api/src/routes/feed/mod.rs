//! The revocation feed, for verifiers in other services.

mod events;
mod list;
mod report;
mod stream;

pub(crate) use list::ListRevocations;
pub(crate) use report::ReportVerifier;
pub(crate) use stream::StreamRevocations;
