//! The state of a session beside its events, so that loading it costs one
//! read however often it was refreshed.

use countersign_events::{AccountId, Acr, EndReason, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{Live, Session};

/// Raised whenever the meaning of a field changes; readers of another version
/// fold the events instead.
const VERSION: u16 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot {
    v: u16,
    account: AccountId,
    epoch: u64,
    client: String,
    acr: Acr,
    amr: Vec<String>,
    auth_time: Timestamp,
    generation: u32,
    rotated_at: Timestamp,
    idle_expires_at: Timestamp,
    expires_at: Timestamp,
    forget_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<EndReason>,
}

pub(super) fn write(session: &Session) -> Option<Box<RawValue>> {
    let live = session.get()?;
    to_raw_value(&Snapshot {
        v: VERSION,
        account: live.account,
        epoch: live.epoch,
        client: live.client.clone(),
        acr: live.acr,
        amr: live.amr.clone(),
        auth_time: live.auth_time,
        generation: live.generation,
        rotated_at: live.rotated_at,
        idle_expires_at: live.idle_expires_at,
        expires_at: live.expires_at,
        forget_at: live.forget_at,
        ended: live.ended,
    })
    .ok()
}

pub(super) fn read(raw: &RawValue) -> Option<Session> {
    let snapshot: Snapshot = serde_json::from_str(raw.get()).ok()?;
    if snapshot.v != VERSION {
        return None;
    }
    Some(Session(Some(Live {
        account: snapshot.account,
        epoch: snapshot.epoch,
        client: snapshot.client,
        acr: snapshot.acr,
        amr: snapshot.amr,
        auth_time: snapshot.auth_time,
        generation: snapshot.generation,
        rotated_at: snapshot.rotated_at,
        idle_expires_at: snapshot.idle_expires_at,
        expires_at: snapshot.expires_at,
        forget_at: snapshot.forget_at,
        ended: snapshot.ended,
    })))
}
