//! Tries are counted by all services together. SECURITY.md N5, N6; AB-20,
//! AB-69, AB-70.

mod bounds;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign_events::{AccountId, EmailId, FactorKind, Timestamp};
use countersign_log::{KeyEncryptionKey, Log, LogConfig, random};
use countersign_throttle::{Admitted, Refused, Target, Throttle, ThrottleConfig, Try};
use futures_util::future::join_all;
use uuid::Uuid;

use crate::support::{PATIENCE, eventually, soon, stack};

/// A log with nothing on it but counters.
struct Ground(LogConfig);

impl Ground {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let kek = KeyEncryptionKey::generate().expect("randomness");
        Self(LogConfig {
            nats_url: stack().endpoints.nats_url.clone(),
            prefix: format!("throttle{}", NEXT.fetch_add(1, Ordering::Relaxed)),
            shards: 1,
            replicas: 1,
            kek: KeyEncryptionKey::from_base64(&kek).expect("a key"),
            deadline: Duration::from_secs(5),
            cache_entries: 100,
        })
    }

    async fn log(&self) -> Log {
        Log::open(self.0.clone()).await.expect("the log")
    }

    /// A service of its own, with its own connection.
    async fn service(&self) -> Throttle {
        let log = self.log().await;
        let opened = Throttle::open(&log, ThrottleConfig::default());
        soon(opened).await.expect("a throttle")
    }
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000).plus(Duration::from_secs(seconds))
}

/// A network that nobody has used.
fn elsewhere() -> IpAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0x0a00_0000);
    Ipv4Addr::from(NEXT.fetch_add(1, Ordering::Relaxed)).into()
}

fn somebody() -> Uuid {
    Uuid::from_bytes(random().expect("randomness"))
}

fn of_account(account: Uuid, factor: FactorKind) -> Try {
    Try {
        ip: elsewhere(),
        target: Target::Account {
            account: AccountId::from_uuid(account),
            factor,
        },
        device: None,
    }
}

async fn admitted(throttle: &Throttle, attempt: &Try, now: u64) -> Admitted {
    let admitted = throttle.admit(attempt, at(now)).await;
    admitted.unwrap_or_else(|refused| panic!("{refused}"))
}

async fn fails(throttle: &Throttle, attempt: &Try, now: u64) -> u32 {
    let admitted = admitted(throttle, attempt, now).await;
    admitted.failed().await.expect("counted").consecutive
}

/// How long a try has to wait; zero if it is admitted.
async fn wait(throttle: &Throttle, attempt: &Try, now: u64) -> u64 {
    match throttle.admit(attempt, at(now)).await {
        Ok(admitted) => {
            admitted.undone();
            0
        }
        Err(Refused::Wait {
            retry_after_seconds,
        }) => retry_after_seconds,
        Err(refused) => panic!("{refused}"),
    }
}

/// Fails as soon as the throttle lets it. Says how long that took, and the
/// failures since the last success.
async fn fails_in_time(throttle: &Throttle, attempt: &Try, now: u64) -> (u64, u32) {
    match throttle.admit(attempt, at(now)).await {
        Ok(checked) => (0, checked.failed().await.expect("counted").consecutive),
        Err(Refused::Wait {
            retry_after_seconds,
        }) => {
            if retry_after_seconds > 1 {
                let early = throttle.admit(attempt, at(now + retry_after_seconds - 1));
                let early = early.await.err();
                assert!(matches!(
                    early,
                    Some(Refused::Wait {
                        retry_after_seconds: 1
                    })
                ));
            }
            let count = fails(throttle, attempt, now + retry_after_seconds).await;
            (retry_after_seconds, count)
        }
        Err(refused) => panic!("{refused}"),
    }
}

/// AB-20: hours apart, so that no wait protects the account, and in no order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_guesses_over_two_services_are_a_hundred_at_most() {
    let ground = Ground::new();
    let services = [ground.service().await, ground.service().await];
    let account = somebody();
    let guesses = (0..1_000).map(|guess| {
        let throttle = services[guess % 2].clone();
        let attempt = of_account(account, FactorKind::Totp);
        tokio::spawn(async move {
            let now = u64::try_from(guess).expect("fits") * 7_200;
            match throttle.admit(&attempt, at(now)).await {
                Ok(checked) => Some(checked.failed().await.expect("counted")),
                Err(Refused::Exhausted) => None,
                Err(refused) => panic!("{refused}"),
            }
        })
    });
    let outcomes = join_all(guesses).await;
    let checked: Vec<_> = outcomes
        .into_iter()
        .filter_map(|outcome| outcome.expect("it ended"))
        .collect();
    let mut counts: Vec<_> = checked.iter().map(|outcome| outcome.consecutive).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=100).collect::<Vec<_>>());
    let last: Vec<_> = checked.iter().filter(|outcome| outcome.disable).collect();
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].consecutive, 100);

    for throttle in &services {
        // The right code would not be looked at, either; and years later.
        let attempt = of_account(account, FactorKind::Totp);
        let refused = throttle.admit(&attempt, at(100_000_000)).await;
        assert!(matches!(refused, Err(Refused::Exhausted)));
        // The password is counted apart.
        let password = of_account(account, FactorKind::Password);
        assert_eq!(wait(throttle, &password, 0).await, 0);
    }
    // Bound anew, it may be tried again.
    let owner = AccountId::from_uuid(account);
    let cleared = services[0].clear(owner, FactorKind::Totp, at(0)).await;
    cleared.expect("cleared");
    let attempt = of_account(account, FactorKind::Totp);
    assert_eq!(fails(&services[0], &attempt, 0).await, 1);
}

/// AB-70: every try that is checked is counted, and few are checked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_tries_at_once_few_are_checked_and_all_of_those_counted() {
    let ground = Ground::new();
    let services = [ground.service().await, ground.service().await];
    for (factor, alone, together) in [
        (FactorKind::Password, 16, 32),
        (FactorKind::Totp, 5, 5),
        (FactorKind::RecoveryCode, 5, 5),
        (FactorKind::Passkey, 16, 32),
    ] {
        for (services, most) in [(&services[..1], alone), (&services[..], together)] {
            let account = somebody();
            let tries: Vec<_> = (0..500).map(|_| of_account(account, factor)).collect();
            let asking = tries.iter().enumerate();
            let asking = asking.map(|(n, attempt)| {
                let service = &services[n % services.len()];
                service.admit(attempt, at(0))
            });
            // None ends before all have asked.
            let checked: Vec<_> = join_all(asking).await.into_iter().flatten().collect();
            let count = u32::try_from(checked.len()).expect("fits");
            assert!((5..=most).contains(&count), "{factor}: {count} checked");
            let failing = checked.into_iter().map(Admitted::failed);
            let outcomes = join_all(failing).await;
            let counts = outcomes
                .into_iter()
                .map(|outcome| outcome.expect("counted"));
            let highest = counts.map(|outcome| outcome.consecutive).max();
            assert_eq!(highest, Some(count), "{factor}");
        }
    }
}

#[tokio::test]
async fn counts_outlive_a_service_and_a_success_ends_them_everywhere() {
    let ground = Ground::new();
    let (one, other) = (ground.service().await, ground.service().await);
    for factor in [FactorKind::Password, FactorKind::Totp] {
        let account = somebody();
        let attempt = || of_account(account, factor);
        for failure in 1..=7 {
            let count = fails(&one, &attempt(), failure * 100).await;
            assert_eq!(u64::from(count), failure);
        }
        assert_eq!(wait(&one, &attempt(), 700).await, 4);
        let reopened = ground.service().await;
        assert_eq!(wait(&reopened, &attempt(), 701).await, 3);
        eventually(PATIENCE, async || wait(&other, &attempt(), 700).await == 4).await;

        let right = admitted(&reopened, &attempt(), 704).await;
        right.succeeded().await.expect("cleared");
        for service in [&one, &other] {
            eventually(PATIENCE, async || {
                let now = service.admit(&attempt(), at(704)).await;
                match now {
                    Ok(right) => right.succeeded().await.is_ok(),
                    Err(_) => false,
                }
            })
            .await;
        }
        assert_eq!(fails(&other, &attempt(), 705).await, 1);
    }
}

/// AB-10: neither the waits nor their end tell who is registered.
#[tokio::test]
async fn an_address_of_nobody_waits_as_long_as_one_of_somebody() {
    let ground = Ground::new();
    let throttle = ground.service().await;
    let account = Target::Account {
        account: AccountId::from_uuid(somebody()),
        factor: FactorKind::Password,
    };
    let mut histories = Vec::new();
    for target in [account, Target::Address(EmailId::from_uuid(somebody()))] {
        let (mut now, mut waits) = (0, Vec::new());
        loop {
            let attempt = Try {
                ip: elsewhere(),
                target,
                device: None,
            };
            let (waited, count) = fails_in_time(&throttle, &attempt, now).await;
            waits.push(waited);
            now += waited;
            if count == 100 {
                let refused = throttle.admit(&attempt, at(now + 3_600)).await;
                assert!(matches!(refused, Err(Refused::Exhausted)));
                break;
            }
        }
        histories.push(waits);
    }
    assert_eq!(histories[0], histories[1]);
    assert_eq!(histories[0].len(), 100);
    assert_eq!(histories[0][..9], [0, 0, 0, 0, 0, 1, 2, 4, 8]);
}

#[tokio::test]
async fn a_network_that_fails_too_often_is_refused_whoever_it_asks_for() {
    let ground = Ground::new();
    let (one, other) = (ground.service().await, ground.service().await);
    let attempt = |ip: &str| {
        let mut attempt = of_account(somebody(), FactorKind::Password);
        attempt.ip = ip.parse().expect("an address");
        attempt
    };
    for (first, same, neighbour) in [
        ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
        ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
    ] {
        for failure in 0..5 {
            fails(&one, &attempt(first), failure * 10).await;
        }
        assert_eq!(wait(&one, &attempt(same), 41).await, 19);
        assert_eq!(wait(&one, &attempt(neighbour), 41).await, 0);
        eventually(PATIENCE, async || {
            wait(&other, &attempt(same), 41).await == 19
        })
        .await;
        let mut known = attempt(first);
        known.device = Some(somebody());
        assert_eq!(wait(&one, &known, 41).await, 0, "a known device passes");
        // An address of nobody has no known device.
        known.target = Target::Address(EmailId::from_uuid(somebody()));
        assert_eq!(wait(&one, &known, 41).await, 19);
        assert_eq!(
            wait(&one, &attempt(first), 60).await,
            0,
            "the window slides"
        );
    }
}

/// AB-69: strangers cannot lock anybody out of a device of theirs, and a
/// stolen device guesses no faster than a stranger.
#[tokio::test]
async fn a_known_device_passes_strangers_but_not_its_own_failures() {
    let ground = Ground::new();
    let throttle = ground.service().await;
    let account = somebody();
    let stranger = || of_account(account, FactorKind::Password);
    let device = Some(somebody());
    let known = || Try {
        device,
        ..stranger()
    };
    for failure in 0..9 {
        fails(&throttle, &stranger(), failure * 1_000).await;
    }
    let now = 8_000;
    assert_eq!(wait(&throttle, &stranger(), now).await, 16);
    let right = admitted(&throttle, &known(), now).await;
    right.succeeded().await.expect("cleared");
    assert_eq!(wait(&throttle, &stranger(), now).await, 0);

    let mut now = 10_000;
    for failure in 1..=20 {
        let (waited, count) = fails_in_time(&throttle, &known(), now).await;
        assert_eq!(waited > 0, failure > 5, "failure {failure}");
        assert_eq!(count, failure);
        now += waited;
    }
    // It has lost its good name: it waits with the strangers, and for them.
    now += 3_599;
    assert_eq!(wait(&throttle, &known(), now).await, 1);
    assert_eq!(wait(&throttle, &stranger(), now).await, 1);
    now += 1;
    assert_eq!(fails(&throttle, &stranger(), now).await, 21);
    assert_eq!(wait(&throttle, &known(), now).await, 3_600);
}
