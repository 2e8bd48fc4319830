//! What is revoked, until when, and what that costs.

use countersign_verifier::{FORGET_MARGIN_SECONDS, Full, MAX_REVOKED_KEYS, RevocationSet};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use uuid::Uuid;

const NOW: u64 = 1_800_000_000;
const ACCOUNT: Uuid = Uuid::from_u128(9);

fn id(n: usize) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 | (n as u128) << 8)
}

/// Prunes as often as it takes to get round once.
fn prune_all(set: &RevocationSet, now: u64) -> usize {
    (0..1024).map(|_| set.prune(now)).sum()
}

#[test]
fn a_session_is_revoked_alone() {
    let set = RevocationSet::default();
    assert!(set.is_empty());
    assert!(!set.is_revoked(id(1), ACCOUNT, 0));
    set.revoke_session(id(1), NOW).expect("there is room");
    assert!(set.is_revoked(id(1), ACCOUNT, u64::MAX));
    assert!(!set.is_revoked(id(2), ACCOUNT, 0));
    assert!(
        !set.is_revoked(ACCOUNT, id(1), 0),
        "a session is not an account"
    );
    assert_eq!(set.len(), 1);
    set.revoke_session(id(1), NOW).expect("there is room");
    assert_eq!(set.len(), 1);
}

#[test]
fn an_account_is_revoked_below_its_epoch() {
    let set = RevocationSet::default();
    set.raise_epoch(ACCOUNT, 100, NOW).expect("there is room");
    for (epoch, is_revoked) in [(0, true), (99, true), (100, false), (u64::MAX, false)] {
        assert_eq!(set.is_revoked(id(1), ACCOUNT, epoch), is_revoked, "{epoch}");
    }
    assert!(
        !set.is_revoked(ACCOUNT, id(1), 0),
        "an account is not a session"
    );
}

#[test]
fn an_epoch_only_rises() {
    let set = RevocationSet::default();
    for (min_epoch, then) in [(100, 100), (50, 100), (101, 101), (0, 101)] {
        set.raise_epoch(ACCOUNT, min_epoch, NOW)
            .expect("there is room");
        assert!(set.is_revoked(id(1), ACCOUNT, then - 1));
        assert!(!set.is_revoked(id(1), ACCOUNT, then));
    }
    assert_eq!(set.len(), 1);
}

#[test]
fn an_entry_outlives_every_token_it_refuses() {
    let set = RevocationSet::default();
    set.revoke_session(id(1), NOW).expect("there is room");
    set.raise_epoch(ACCOUNT, 7, NOW).expect("there is room");
    assert_eq!(prune_all(&set, NOW + FORGET_MARGIN_SECONDS), 0);
    assert!(set.is_revoked(id(1), id(2), 0) && set.is_revoked(id(2), ACCOUNT, 0));
    assert_eq!(prune_all(&set, NOW + FORGET_MARGIN_SECONDS + 1), 2);
    assert!(!set.is_revoked(id(1), ACCOUNT, 0));
    assert!(set.is_empty());
}

#[test]
fn the_later_time_counts() {
    let set = RevocationSet::default();
    let late = NOW + 1000;
    for forget_at in [NOW, late, NOW] {
        set.revoke_session(id(1), forget_at).expect("there is room");
        set.raise_epoch(ACCOUNT, 7, forget_at)
            .expect("there is room");
    }
    assert_eq!(prune_all(&set, late + FORGET_MARGIN_SECONDS), 0);
    assert_eq!(prune_all(&set, late + FORGET_MARGIN_SECONDS + 1), 2);
}

#[test]
fn a_time_beyond_2106_is_kept_until_then() {
    let set = RevocationSet::default();
    set.revoke_session(id(1), u64::MAX).expect("there is room");
    assert_eq!(prune_all(&set, NOW + 1_000_000_000), 0);
    assert!(set.is_revoked(id(1), ACCOUNT, 0));
}

#[test]
fn a_prune_does_a_bounded_part_and_the_next_goes_on() {
    let set = RevocationSet::default();
    let count = 100_000;
    for n in 0..count {
        set.revoke_session(id(n), NOW).expect("there is room");
    }
    let dead = NOW + FORGET_MARGIN_SECONDS + 1;
    let first = set.prune(dead);
    assert!((1..count / 5).contains(&first), "{first}");
    assert_eq!(set.len(), count - first);
    let mut calls = 1;
    while !set.is_empty() {
        set.prune(dead);
        calls += 1;
        assert!(calls < 1024, "it gets round");
    }
    assert!((0..count).all(|n| !set.is_revoked(id(n), ACCOUNT, 0)));
}

#[test]
fn a_full_set_says_so_and_forgets_nothing() {
    let set = RevocationSet::with_max_entries(2);
    assert_eq!(set.revoke_session(id(1), NOW), Ok(()));
    assert_eq!(set.raise_epoch(ACCOUNT, 1, NOW), Ok(()));
    assert_eq!(set.revoke_session(id(2), NOW), Err(Full));
    assert_eq!(set.raise_epoch(id(3), 1, NOW), Err(Full));
    assert_eq!(set.len(), 2);
    // What is held can still be changed.
    assert_eq!(set.revoke_session(id(1), NOW + 1), Ok(()));
    assert_eq!(set.raise_epoch(ACCOUNT, 2, NOW), Ok(()));
    assert!(set.is_revoked(id(1), id(9), 9) && set.is_revoked(id(9), ACCOUNT, 1));
    // And there is room again when something is forgotten.
    assert_eq!(prune_all(&set, NOW + FORGET_MARGIN_SECONDS + 1), 1);
    assert_eq!(set.revoke_session(id(2), NOW), Ok(()));
}

#[test]
fn a_key_is_revoked_for_good() {
    let set = RevocationSet::default();
    assert!(!set.is_key_revoked("a"));
    assert_eq!(set.revoke_key("a"), Ok(()));
    prune_all(&set, u64::MAX);
    assert!(set.is_key_revoked("a"));
    assert!(!set.is_key_revoked("A") && !set.is_key_revoked("") && !set.is_key_revoked("ab"));
    for n in 1..MAX_REVOKED_KEYS {
        assert_eq!(set.revoke_key(&n.to_string()), Ok(()));
    }
    assert_eq!(set.revoke_key("one more"), Err(Full));
    assert_eq!(set.revoke_key("a"), Ok(()));
    assert!(set.is_key_revoked("a"));
}

#[test]
fn a_revocation_is_seen_by_every_check_that_starts_after_it() {
    let set = RevocationSet::default();
    let revoked = AtomicUsize::new(0);
    let count = 20_000;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..count {
                set.revoke_session(id(n), NOW).expect("there is room");
                revoked.store(n + 1, Ordering::Release);
            }
        });
        scope.spawn(|| {
            // Pruning on the side must not lose what is alive.
            while revoked.load(Ordering::Relaxed) < count {
                set.prune(NOW);
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let mut checked = 0;
                while checked < count {
                    let until = revoked.load(Ordering::Acquire);
                    assert!((checked..until).all(|n| set.is_revoked(id(n), ACCOUNT, 0)));
                    assert!(!set.is_revoked(id(count + checked), ACCOUNT, 0));
                    checked = until;
                }
            });
        }
    });
    assert_eq!(set.len(), count);
}

#[derive(Debug, Clone)]
enum Step {
    Revoke(usize, u64),
    Raise(usize, u64, u64),
    Prune(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let time = NOW..NOW + 2000;
    prop_oneof![
        4 => (0..8_usize, time.clone()).prop_map(|(n, at)| Step::Revoke(n, at)),
        4 => (0..8_usize, 0..6_u64, time.clone()).prop_map(|(n, epoch, at)| Step::Raise(n, epoch, at)),
        1 => time.prop_map(Step::Prune),
    ]
}

proptest! {
    #[test]
    fn it_answers_as_two_plain_maps_would(steps in prop::collection::vec(step(), 0..60)) {
        let set = RevocationSet::default();
        let mut sessions = HashMap::<usize, u64>::new();
        let mut accounts = HashMap::<usize, (u64, u64)>::new();
        for step in steps {
            match step {
                Step::Revoke(n, at) => {
                    set.revoke_session(id(n), at).expect("there is room");
                    let old = sessions.entry(n).or_insert(at);
                    *old = at.max(*old);
                }
                Step::Raise(n, epoch, at) => {
                    set.raise_epoch(id(n), epoch, at).expect("there is room");
                    let old = accounts.entry(n).or_insert((epoch, at));
                    *old = (epoch.max(old.0), at.max(old.1));
                }
                Step::Prune(now) => {
                    let dropped = (0..2).map(|_| set.prune(now)).sum::<usize>();
                    let before = sessions.len() + accounts.len();
                    sessions.retain(|_, at| *at + FORGET_MARGIN_SECONDS >= now);
                    accounts.retain(|_, (_, at)| *at + FORGET_MARGIN_SECONDS >= now);
                    prop_assert_eq!(dropped, before - sessions.len() - accounts.len());
                }
            }
            prop_assert_eq!(set.len(), sessions.len() + accounts.len());
            for (sid, sub, epoch) in (0..9).flat_map(|n| (0..7).map(move |e| (n, (n + e) % 9, e))) {
                let epoch = u64::try_from(epoch).expect("it is small");
                let expected = sessions.contains_key(&sid)
                    || accounts.get(&sub).is_some_and(|(min, _)| epoch < *min);
                prop_assert_eq!(set.is_revoked(id(sid), id(sub), epoch), expected);
            }
        }
    }
}
