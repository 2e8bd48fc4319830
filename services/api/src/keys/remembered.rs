//! Where the keys are remembered beside the log: tokens are verified, and
//! `/readyz` tells what is wrong, also on a log that has lost its ring.

use countersign_domain::{Aggregate as _, Fact, Key, Keyring};
use countersign_events::{Activated, Created, MessageId, Timestamp};
use countersign_log::{Loaded, Log, VaultKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::broken;
use crate::denied::Denied;

const REMEMBERED: VaultKey = VaultKey::Named("active-signing-key");

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    /// Up to where the ring was read. What is remembered never goes back: an
    /// instance that was stopped for a while must not bring back a key that
    /// was revoked meanwhile.
    #[serde(default)]
    sequence: u64,
    active: Created,
    /// What is published beside it.
    others: Vec<Created>,
}

/// Keeps what the ring publishes, unless what is kept is of a later ring.
pub(super) async fn remember(log: &Log, ring: &Loaded<Keyring>) -> Result<(), Denied> {
    let Some(active) = ring.state.active() else {
        return Ok(());
    };
    let others = ring.state.published().filter(|key| key.kid != active.kid);
    let remembered = Remembered {
        sequence: ring.sequence,
        active: created(active),
        others: others.map(created).collect(),
    };
    let bytes = serde_json::to_vec(&remembered).map_err(broken)?;
    let changed = log.vault().change(REMEMBERED, |known| {
        let is_older = known.is_none_or(|known| is_older(known, ring.sequence));
        is_older.then(|| bytes.clone().into())
    });
    Ok(changed.await?)
}

/// Whether what is kept is of a ring before this sequence. A newer program may
/// have kept more than this one understands, but the sequence is as it was;
/// what neither tells of one nor is what was kept before there was one is not
/// this program's to replace.
fn is_older(known: &[u8], sequence: u64) -> bool {
    #[derive(Deserialize)]
    struct Kept {
        sequence: u64,
    }
    match serde_json::from_slice::<Kept>(known) {
        Ok(kept) => kept.sequence < sequence,
        Err(_) => {
            serde_json::from_slice::<Remembered>(known).is_ok()
                || serde_json::from_slice::<Created>(known).is_ok()
        }
    }
}

/// What was published last, for a log that must not be appended to. Which of
/// the keys beside the active one was next is not told: nothing is signed.
pub(super) async fn recall(log: &Log, now: Timestamp) -> Result<Option<Keyring>, Denied> {
    let Some(bytes) = log.vault().get(REMEMBERED).await? else {
        return Ok(None);
    };
    // Until keys changed, only the one key was kept.
    let Remembered { active, others, .. } = serde_json::from_slice(&bytes)
        .or_else(|_| {
            serde_json::from_slice(&bytes).map(|active| Remembered {
                sequence: 0,
                active,
                others: Vec::new(),
            })
        })
        .map_err(broken)?;
    let mut ring = Keyring::default();
    for created in others.into_iter().chain([active]) {
        let fact = Fact {
            occurred_at: now,
            sequence: 0,
            message: MessageId::from_uuid(Uuid::nil()),
        };
        let kid = created.kid.clone();
        ring.evolve(&created.into(), fact);
        ring.evolve(&Activated { kid }.into(), fact);
    }
    Ok(Some(ring))
}

fn created(key: &Key) -> Created {
    Created {
        kid: key.kid.clone(),
        algorithm: key.algorithm,
        public: key.public.clone(),
        secret: key.secret,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = r#"{"kid":"k","algorithm":"ES256","public":"p",
        "secret":"019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07"}"#;

    #[test]
    fn what_is_of_an_older_ring_is_replaced_and_nothing_else() {
        let kept = |sequence, more: &str| {
            format!(r#"{{"sequence":{sequence},"active":{KEY},"others":[]{more}}}"#)
        };
        for (known, is_before) in [
            (kept(6, ""), true),
            (kept(7, ""), false),
            (kept(8, ""), false),
            // What a newer program kept.
            (kept(6, r#","signers":[]"#), true),
            (kept(8, r#","signers":[]"#), false),
            (r#"{"sequence":8,"ring":[]}"#.to_owned(), false),
            (r#"{"ring":[]}"#.to_owned(), false),
            (String::new(), false),
            // What was kept before there was a sequence.
            (format!(r#"{{"active":{KEY},"others":[]}}"#), true),
            (KEY.to_owned(), true),
        ] {
            assert_eq!(is_older(known.as_bytes(), 7), is_before, "{known}");
        }
    }
}
