//! What a factor's uses have left behind, beside the last of them.

use countersign_events::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::FactorUse;

/// Raised whenever the meaning of a field changes; readers of another version
/// fold the events instead.
const VERSION: u16 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot {
    v: u16,
    last_step: u64,
    counter: u32,
    signed: Vec<(Uuid, Timestamp)>,
    forget_at: Option<Timestamp>,
}

pub(super) fn write(factor: &FactorUse) -> Option<Box<RawValue>> {
    to_raw_value(&Snapshot {
        v: VERSION,
        last_step: factor.last_step,
        counter: factor.counter,
        signed: factor.signed.clone(),
        forget_at: factor.forget_at,
    })
    .ok()
}

pub(super) fn read(raw: &RawValue) -> Option<FactorUse> {
    let snapshot: Snapshot = serde_json::from_str(raw.get()).ok()?;
    (snapshot.v == VERSION).then_some(FactorUse {
        last_step: snapshot.last_step,
        counter: snapshot.counter,
        signed: snapshot.signed,
        forget_at: snapshot.forget_at,
    })
}
