//! The state of a session beside its events, so that loading it costs one
//! read however often it was refreshed.

use countersign_events::{AccountId, Acr, EndReason, FactorKind, MessageId, Sealed, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{Live, Pending, Session};
use crate::SealedIn;

/// Raised whenever the meaning of a field changes; readers of another version
/// fold the events instead.
const VERSION: u16 = 2;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot {
    v: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    live: Option<LiveSnapshot>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<PendingSnapshot>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LiveSnapshot {
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
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    was_attempted: bool,
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    was_replaced: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binding: Option<(MessageId, Sealed)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PendingSnapshot {
    account: AccountId,
    epoch: u64,
    amr: Vec<String>,
    expires_at: Timestamp,
    forget_at: Timestamp,
    tries: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rejected: Option<FactorKind>,
}

pub(super) fn write(session: &Session) -> Option<Box<RawValue>> {
    let (live, pending) = match session {
        Session::Absent => return None,
        Session::Pending(pending) => (None, Some(of_pending(pending))),
        Session::Live(live) => (Some(of_live(live)), None),
    };
    to_raw_value(&Snapshot {
        v: VERSION,
        live,
        pending,
    })
    .ok()
}

pub(super) fn read(raw: &RawValue) -> Option<Session> {
    let snapshot: Snapshot = serde_json::from_str(raw.get()).ok()?;
    if snapshot.v != VERSION {
        return None;
    }
    match (snapshot.live, snapshot.pending) {
        (Some(live), None) => Some(Session::Live(to_live(live))),
        (None, Some(pending)) => Some(Session::Pending(to_pending(pending))),
        _ => None,
    }
}

fn of_live(live: &Live) -> LiveSnapshot {
    LiveSnapshot {
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
        was_attempted: live.was_attempted,
        was_replaced: live.was_replaced,
        binding: live
            .binding
            .as_ref()
            .map(|binding| (binding.message, binding.value.clone())),
    }
}

fn to_live(live: LiveSnapshot) -> Live {
    Live {
        account: live.account,
        epoch: live.epoch,
        client: live.client,
        acr: live.acr,
        amr: live.amr,
        auth_time: live.auth_time,
        generation: live.generation,
        rotated_at: live.rotated_at,
        idle_expires_at: live.idle_expires_at,
        expires_at: live.expires_at,
        forget_at: live.forget_at,
        ended: live.ended,
        was_attempted: live.was_attempted,
        was_replaced: live.was_replaced,
        binding: live
            .binding
            .map(|(message, value)| SealedIn { message, value }),
    }
}

fn of_pending(pending: &Pending) -> PendingSnapshot {
    PendingSnapshot {
        account: pending.account,
        epoch: pending.epoch,
        amr: pending.amr.clone(),
        expires_at: pending.expires_at,
        forget_at: pending.forget_at,
        tries: pending.tries,
        rejected: pending.rejected,
    }
}

fn to_pending(pending: PendingSnapshot) -> Pending {
    Pending {
        account: pending.account,
        epoch: pending.epoch,
        amr: pending.amr,
        expires_at: pending.expires_at,
        forget_at: pending.forget_at,
        tries: pending.tries,
        rejected: pending.rejected,
    }
}
