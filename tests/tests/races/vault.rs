//! Those who change one secret together.

use std::sync::atomic::{AtomicU32, Ordering};

use countersign_log::VaultKey;
use futures_util::future::join_all;
use secrecy::zeroize::Zeroizing;

use crate::support::World;

const KEPT: VaultKey = VaultKey::Named("the-highest-number");

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

/// Each puts its number over a lower one only, however slow it is: what is
/// there in the end is the highest, and it never went back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_rises_never_goes_back() {
    let world = World::start().await;
    let looked = AtomicU32::new(0);
    let raise = async |to: u64| {
        let vault = world.log.vault();
        let changed = vault.change(KEPT, |known| {
            looked.fetch_add(1, Ordering::Relaxed);
            let is_higher = known.is_none_or(|known| number(known) < to);
            is_higher.then(|| Zeroizing::new(to.to_le_bytes().to_vec()))
        });
        changed.await.expect("NATS is there");
        let there = vault.get(KEPT).await.expect("NATS is there");
        assert!(number(&there.expect("it is there")) >= to, "{to} was lost");
    };
    // The highest is not the last to ask.
    let numbers = [3, 1, 8, 2, 7, 5, 6, 4];
    join_all(numbers.map(raise)).await;
    let there = world.log.vault().get(KEPT).await.expect("NATS is there");
    assert_eq!(number(&there.expect("it is there")), 8);
    // Who lost a race looked again.
    let looked = looked.into_inner();
    assert!(looked > 8, "nobody raced: {looked}");
}
