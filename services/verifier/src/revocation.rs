//! What has been revoked, in memory.

mod shards;

use shards::{Expiring, Shards};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use uuid::Uuid;

/// How many sessions and accounts a set holds unless told otherwise.
pub const DEFAULT_MAX_ENTRIES: usize = 4 * 1024 * 1024;
/// How many revoked keys a set holds.
pub const MAX_REVOKED_KEYS: usize = 4096;
/// For how long an entry is kept after its time: longer than any verifier's
/// leeway and its clock's error, so that a token that is still accepted
/// never outlives its revocation.
pub const FORGET_MARGIN_SECONDS: u64 = 300;

/// How many table slots one [`RevocationSet::prune`] looks at, about.
const PRUNE_SLOTS: usize = 8 * 1024;

/// The set holds as much as it may. What could not be added is not revoked
/// here: the caller must stop trusting this verifier's answers, or widen
/// what is revoked (an account in place of its sessions).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the revocation set is full")]
pub struct Full;

/// Sessions, accounts and keys whose tokens are refused.
///
/// Lookups and changes run in parallel: ids are spread over shards by a
/// keyed hash, each with its own lock, held for one table operation. A
/// change is seen by every check that starts after the call returned.
///
/// A session or account entry is kept until its `forget_at` (Unix seconds),
/// which the caller sets to the expiry of the longest access token the entry
/// could refuse, and [`FORGET_MARGIN_SECONDS`] more; then [`Self::prune`]
/// drops it. An entry takes 21 to 48 bytes (a session) or 33 to 76 bytes (an
/// account), depending on how full its table is.
#[derive(Debug)]
pub struct RevocationSet {
    sessions: Shards<Session>,
    accounts: Shards<Account>,
    keys: RwLock<HashSet<Box<str>>>,
    revoked_keys: AtomicUsize,
    entries: AtomicUsize,
    max_entries: usize,
    /// The shard that `prune` visits next.
    cursor: AtomicUsize,
}

#[derive(Debug, Clone, Copy)]
struct Session {
    forget_at: u32,
}

#[derive(Debug, Clone, Copy)]
struct Account {
    min_epoch: u64,
    forget_at: u32,
}

impl Default for RevocationSet {
    fn default() -> Self {
        Self::with_max_entries(DEFAULT_MAX_ENTRIES)
    }
}

impl RevocationSet {
    /// An empty set that holds at most `max_entries` sessions and accounts.
    pub fn with_max_entries(max_entries: usize) -> Self {
        Self {
            sessions: Shards::new(),
            accounts: Shards::new(),
            keys: RwLock::default(),
            revoked_keys: AtomicUsize::new(0),
            entries: AtomicUsize::new(0),
            max_entries,
            cursor: AtomicUsize::new(0),
        }
    }

    /// Revokes one session. Repeating it can only keep it for longer.
    pub fn revoke_session(&self, sid: Uuid, forget_at_unix_seconds: u64) -> Result<(), Full> {
        let forget_at = seconds(forget_at_unix_seconds);
        self.sessions.upsert(
            sid,
            || self.take_place().then_some(Session { forget_at }),
            |old| {
                old.forget_at = old.forget_at.max(forget_at);
            },
        )
    }

    /// Revokes every token of `account` with an epoch below `min_epoch`.
    /// Neither the epoch nor the time is ever lowered.
    pub fn raise_epoch(
        &self,
        account: Uuid,
        min_epoch: u64,
        forget_at_unix_seconds: u64,
    ) -> Result<(), Full> {
        let forget_at = seconds(forget_at_unix_seconds);
        let new = || {
            self.take_place().then_some(Account {
                min_epoch,
                forget_at,
            })
        };
        self.accounts.upsert(account, new, |old| {
            old.min_epoch = old.min_epoch.max(min_epoch);
            old.forget_at = old.forget_at.max(forget_at);
        })
    }

    /// Revokes every token signed with the key `key_id`, for good: whoever
    /// stole the key can go on signing, so this is never forgotten.
    pub fn revoke_key(&self, key_id: &str) -> Result<(), Full> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.contains(key_id) {
            return Ok(());
        }
        if keys.len() >= MAX_REVOKED_KEYS {
            return Err(Full);
        }
        keys.insert(key_id.into());
        self.revoked_keys.store(keys.len(), Ordering::Release);
        Ok(())
    }

    /// Whether a token of this session and account, with this epoch, is
    /// revoked.
    pub fn is_revoked(&self, sid: Uuid, sub: Uuid, epoch: u64) -> bool {
        self.sessions.get(sid).is_some() || self.is_outdated(sub, epoch)
    }

    /// Whether what was decided about `account`, or about a client, at this
    /// epoch is revoked: the part of [`Self::is_revoked`] that concerns an
    /// actor, who has no session.
    pub fn is_outdated(&self, account: Uuid, epoch: u64) -> bool {
        self.accounts
            .get(account)
            .is_some_and(|account| epoch < account.min_epoch)
    }

    /// Whether the tokens of this key are revoked.
    pub fn is_key_revoked(&self, key_id: &str) -> bool {
        // Nearly always there are none, and then nothing is locked.
        self.revoked_keys.load(Ordering::Acquire) > 0
            && self
                .keys
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(key_id)
    }

    /// Drops entries whose time, and [`FORGET_MARGIN_SECONDS`], have passed;
    /// says how many.
    ///
    /// One call does a bounded part of the work (8,192 table slots and at
    /// most one shard more: some tens of microseconds) and the next goes on
    /// from there. Called once a second, it gets through a million entries
    /// in about four minutes.
    pub fn prune(&self, now_unix_seconds: u64) -> usize {
        let dead_before = seconds(now_unix_seconds.saturating_sub(FORGET_MARGIN_SECONDS));
        let (mut dropped, mut visited) = (0, 0);
        for _ in 0..2 * shards::COUNT {
            let at = self.cursor.fetch_add(1, Ordering::Relaxed) % (2 * shards::COUNT);
            let swept = match at.checked_sub(shards::COUNT) {
                None => self.sessions.sweep(at, dead_before),
                Some(at) => self.accounts.sweep(at, dead_before),
            };
            dropped += swept.dropped;
            visited += swept.visited;
            if visited >= PRUNE_SLOTS {
                break;
            }
        }
        self.entries.fetch_sub(dropped, Ordering::Relaxed);
        dropped
    }

    /// How many sessions and accounts are held.
    pub fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    /// Whether no session and no account is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts one more entry, if there is a place for it.
    fn take_place(&self) -> bool {
        self.entries
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                (held < self.max_entries).then_some(held + 1)
            })
            .is_ok()
    }
}

/// Seconds in 32 bits, up to the year 2106; later counts as that.
fn seconds(unix_seconds: u64) -> u32 {
    u32::try_from(unix_seconds).unwrap_or(u32::MAX)
}

impl Expiring for Session {
    fn forget_at(&self) -> u32 {
        self.forget_at
    }
}

impl Expiring for Account {
    fn forget_at(&self) -> u32 {
        self.forget_at
    }
}
