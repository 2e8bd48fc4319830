//! Many rotations under a steady stream of tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use countersign_events::Timestamp;
use countersign_verifier::{Claims, KeyRing, KeySet, RevocationSet, Verifier};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::{kid, list, published, rotate};
use crate::support::{Client, ISSUER, PATIENCE, TestClock, World, email, eventually};

/// How often keys change; and in a soak.
const ROTATIONS: u32 = 20;
const ROTATIONS_SOAK: u32 = 100;

/// How many tokens each of the two services mints a second; and in a soak.
const RATE: u32 = 1_000;
const RATE_SOAK: u32 = 250;

/// How long the published keys may be kept.
const CACHE: Duration = Duration::from_secs(1);

/// A verifier that knows what it fetched, and fetches when it may not keep
/// that any longer: never because of a token it does not know the key of.
struct Outside {
    service: Client,
    verifier: Verifier,
    keys: Arc<KeyRing>,
    clock: TestClock,
    fetched: Option<Timestamp>,
}

impl Outside {
    fn new(service: &Client, clock: &TestClock) -> Self {
        let keys = Arc::new(KeyRing::default());
        let revocations = Arc::new(RevocationSet::default());
        Self {
            service: service.clone(),
            verifier: Verifier::new(ISSUER, "countersign", Arc::clone(&keys), revocations),
            keys,
            clock: clock.clone(),
            fetched: None,
        }
    }

    async fn check(&mut self, token: &str) {
        let now = self.clock.now();
        if self.fetched.is_none_or(|at| at.plus(CACHE) <= now) {
            let call = self.service.get("/.well-known/jwks.json");
            let answer = call.send().await.expect(200);
            assert_eq!(answer.header("cache-control"), "public, max-age=1");
            let keys = KeySet::from_jwks(&answer.text()).expect("a key set");
            self.keys.replace(keys);
            self.fetched = Some(now);
        }
        let now = u64::try_from(self.clock.now().as_seconds()).expect("after 1970");
        if let Err(refusal) = self.verifier.check(token, now) {
            panic!("{refusal}: {:?} of {:?}", super::kid_of(token), self.keys);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_is_refused_while_keys_change_many_times() {
    let soak = std::env::var_os("COUNTERSIGN_SOAK").is_some();
    let (rotations, rate) = if soak {
        (ROTATIONS_SOAK, RATE_SOAK)
    } else {
        (ROTATIONS, RATE)
    };
    let world = World::with(&[("jwks_cache_seconds", "1")]).await;
    let other = world.second_service().await;
    let ada = world.register(&email("ada")).await;
    let now = u64::try_from(world.now().as_seconds()).expect("after 1970");
    let claims = world.app.verifier.check(&ada.access, now).expect("good");

    let is_over = Arc::new(AtomicBool::new(false));
    let minted = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    // Who mints at one service verifies by what the other publishes.
    for (signer, publisher) in [(&*world, &other), (&other, &*world)] {
        let (sender, mut tokens) = mpsc::channel::<String>(4);
        let (app, clock) = (Arc::clone(&signer.app), world.clock.clone());
        let (is_over, minted) = (Arc::clone(&is_over), Arc::clone(&minted));
        let claims = claims.clone();
        tasks.push(tokio::spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_secs(1) / rate);
            pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
            while !is_over.load(Ordering::Relaxed) {
                pace.tick().await;
                let iat = u64::try_from(clock.now().as_seconds()).expect("after 1970");
                let claims = Claims {
                    iat,
                    nbf: iat,
                    exp: iat + 900,
                    jti: minted.fetch_add(1, Ordering::Relaxed).to_string(),
                    ..claims.clone()
                };
                let token = app.signing_key().mint(&claims).expect("a token");
                sender.send(token).await.expect("it is verified");
            }
        }));
        let mut outside = Outside::new(publisher, &world.clock);
        tasks.push(tokio::spawn(async move {
            while let Some(token) = tokens.recv().await {
                outside.check(&token).await;
            }
        }));
    }

    let mut operator = world.operator().await;
    for rotation in 0..rotations {
        if rotation % 20 == 19 {
            operator = world.operator().await;
        }
        let service = if rotation % 2 == 0 { &*world } else { &other };
        let next = kid(&rotate(service, &operator, false).await.expect(202));
        // The clock runs ahead of the news here, which it is not to do.
        for service in [&*world, &other] {
            eventually(PATIENCE, || async {
                let lacking = list(service, &operator).await[0]["lacking"].clone();
                published(service).await.contains(&next) && lacking == json!([])
            })
            .await;
            // Everybody holds it, but for those who keep what they fetched.
            service.app.turn_keys().await.expect("the log answers");
        }
        let before = minted.load(Ordering::Relaxed);
        eventually(PATIENCE, || async {
            minted.load(Ordering::Relaxed) > before + 20
        })
        .await;
        let before = minted.load(Ordering::Relaxed);
        // Caches are as full as they may be when it is due.
        world.later(CACHE + Duration::from_secs(10));
        world.signs_with(&next).await;
        eventually(PATIENCE, || async {
            let signs = other.app.signing_key().key_id() == next;
            signs && minted.load(Ordering::Relaxed) > before + 20
        })
        .await;
        for task in &tasks {
            assert!(!task.is_finished(), "a token was refused");
        }
    }
    is_over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("every token was good");
    }
    let minted = minted.load(Ordering::Relaxed);
    assert!(minted >= u64::from(rotations) * 20, "only {minted}");
}
