//! From the log to the read models.
//!
//! A [`Projector`] follows every shard of the log and writes the active
//! generation of the read models: rows, checkpoint and anchor in one
//! transaction a batch. Each shard has one writer among all instances; the
//! others stand by. [`replay`] makes a new generation beside the one that is
//! served and switches to it, [`switch_back`] undoes that, [`verify`] proves
//! that what is served is what the log says, and [`check`] that the log is
//! still the one that was projected.
//!
//! Nothing is passed over: an event that cannot be projected stops its shard,
//! and so do missing messages that cannot have been forgotten yet.
//!
//! After each transaction `<prefix>.projected.<shard>` carries the new sequence
//! as decimal text over core NATS, for readers that wait for a position.
//!
//! This crate decides nothing about what events mean (that is `views`), how
//! they are stored (that is `log`), or what time it is.

pub mod anchor;
mod batch;
mod check;
mod chores;
mod error;
mod fill;
mod monitor;
mod name;
mod progress;
mod projector;
mod rebuild;
mod shard;
mod status;
mod verify;

pub use batch::StuckEvent;
pub use check::{Anchors, CheckError, Damage, check};
pub use error::RebuildError;
use name::name;
pub use progress::{Phase, Progress, Report};
pub use projector::{CheckpointFileOptions, Clock, Options, Projector};
pub use rebuild::{Outcome, replay, switch_back};
pub use status::{ShardState, ShardStatus, Status};
pub use verify::{TableReport, Verification, verify};
