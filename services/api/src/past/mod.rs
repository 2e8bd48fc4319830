//! What was: sessions and accounts as of a moment.
//!
//! A row of the read models carries the position that last wrote it, so one
//! that was not written since the moment *is* what was. Every other entity is
//! folded from its messages in the log, at the cost of these and no others
//! (ADR 19). An answer about one entity is always folded, for then every field
//! has its cause.

mod account;
mod causes;
mod page;
mod session;
mod story;
