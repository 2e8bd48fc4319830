//! The log: everything that speaks JetStream.
//!
//! A [`Log`] is S streams, one a shard, and the vault beside them. A
//! [`Repository`] loads one kind of aggregate, lets it decide and appends what
//! it decided under the expected sequence of its subject; a [`Tail`] follows a
//! shard. What a message means is the business of the events crate; what is
//! allowed, that of the domain.

mod append;
mod attempts;
mod cache;
mod config;
mod continuity;
mod error;
mod gate;
mod log;
mod moment;
mod pace;
mod patience;
mod reactor;
mod read;
mod repository;
mod revocations;
mod seal;
mod signal;
mod tail;
mod used;
mod vault;
mod wire;

pub use append::{Meta, TOGETHER_MAX};
pub use attempts::{Blind, Counter, CounterBatch, CounterTail, Counters};
pub use config::{LogConfig, LogConfigError, USED_REMEMBERED};
pub use error::{ExecuteError, LogError};
pub use gate::{Gate, GateState};
pub use log::{Log, ShardState};
pub use moment::HISTORY_MAX;
pub use pace::{Pace, Traffic};
pub use patience::{Transient, patiently};
pub use reactor::{Begin, Claim, Claims, Delivery, Held, Reactor, ReactorConfig};
pub use read::{RANGE_MAX, RawMessage};
pub use repository::{Executed, Loaded, Repository};
pub use revocations::{
    Published, REVOCATIONS_PAGE_MAX, RevocationSubject, RevocationTail, RevocationsState,
    StoredRevocation, Tailed,
};
pub use seal::{DataKey, KeyEncryptionKey, SealError, random};
pub use signal::SIGNALS_MAX;
pub use tail::{Start, Tail};
pub use vault::{Vault, VaultKey};
