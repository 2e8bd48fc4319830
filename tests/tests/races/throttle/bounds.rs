//! What the throttle may cost, and that without its counts nothing passes.

use std::net::IpAddr;
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use countersign_events::{EmailId, FactorKind};
use countersign_log::{Counters, Log, LogError};
use countersign_throttle::{Limited, Refused, Target, Throttle, ThrottleConfig, Try};
use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{Ground, admitted, at, elsewhere, fails, of_account, somebody, wait};
use crate::support::{PATIENCE, eventually, soon};

async fn info(log: &Log, stream: &str) -> stream::Info {
    let context = jetstream::new(log.client().clone());
    let name = format!("{}_{stream}", log.prefix());
    let stream = context.get_stream(name).await.expect("a stream");
    stream.cached_info().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_mails_and_registrations_and_no_more() {
    let ground = Ground::new();
    let services = [ground.service().await, ground.service().await];
    let here = elsewhere();
    for (limited, most) in [
        (Limited::Mail(somebody()), 3),
        (Limited::MailFrom(here), 30),
        // Off, unless it is set.
        (Limited::Registration(here), 80),
    ] {
        let asking = (0..80).map(|n| services[n % 2].allow(limited, at(0)));
        let answers = join_all(asking).await;
        let allowed = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(allowed, most, "{limited:?}");
        for refused in answers.into_iter().filter_map(Result::err) {
            assert!(matches!(
                refused,
                Refused::Wait {
                    retry_after_seconds: 3_600
                }
            ));
        }
    }
    let another = services[0].allow(Limited::Mail(somebody()), at(0)).await;
    assert!(another.is_ok());

    let log = ground.log().await;
    let config = ThrottleConfig {
        registrations_per_hour: 2,
        ..ThrottleConfig::default()
    };
    let strict = Throttle::open(&log, config).await.expect("a throttle");
    let register = async |now| strict.allow(Limited::Registration(here), at(now)).await;
    assert!(register(0).await.is_ok());
    assert!(register(1_800).await.is_ok());
    assert!(register(3_599).await.is_err());
    assert!(register(3_600).await.is_ok());
}

/// A login of somebody who has not failed asks the server nothing.
#[tokio::test]
async fn a_clean_login_costs_no_round_trip() {
    let ground = Ground::new();
    let log = ground.log().await;
    let throttle = Throttle::open(&log, ThrottleConfig::default());
    let throttle = throttle.await.expect("a throttle");
    let statistics = log.client().statistics();
    let sent = || {
        statistics
            .out_messages
            .load(std::sync::atomic::Ordering::Relaxed)
    };
    let before = sent();
    for _ in 0..1_000 {
        let attempt = of_account(somebody(), FactorKind::Password);
        let right = admitted(&throttle, &attempt, 0).await;
        right.succeeded().await.expect("nothing to do");
    }
    // The tails may have asked for more.
    assert!(sent() - before < 10, "{} messages", sent() - before);
    let code = of_account(somebody(), FactorKind::Totp);
    let before = sent();
    fails(&throttle, &code, 0).await;
    assert!(sent() > before, "a code is written down");
}

/// A flood grows nothing without bound: made-up counts have their place, and
/// each has one message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_fills_only_what_was_set_aside_for_it() {
    let ground = Ground::new();
    let log = ground.log().await;
    let throttle = Throttle::open(&log, ThrottleConfig::default());
    let throttle = throttle.await.expect("a throttle");
    let windows = info(&log, "WINDOWS").await.config;
    assert_eq!(windows.max_bytes, 64 * 1024 * 1024);
    assert_eq!(windows.max_messages, 100_000);
    assert_eq!(windows.max_age, Duration::from_hours(24));
    assert_eq!(windows.discard, stream::DiscardPolicy::Old);
    let attempts = info(&log, "ATTEMPTS").await.config;
    assert_eq!(attempts.max_age, Duration::ZERO, "slow guesses count, too");
    for config in [&windows, &attempts] {
        assert_eq!(config.max_messages_per_subject, 1);
        assert_eq!(config.storage, stream::StorageType::File);
    }

    let networks: Vec<IpAddr> = (0..200).map(|_| elsewhere()).collect();
    let floods = networks.iter().map(|ip| {
        let throttle = throttle.clone();
        async move {
            for second in 0..5 {
                let attempt = Try {
                    ip: *ip,
                    target: Target::Address(EmailId::from_uuid(Uuid::from_u128(7))),
                    device: None,
                };
                // Most have to wait for what the others did.
                if let Ok(wrong) = throttle.admit(&attempt, at(second * 100_000)).await {
                    wrong.failed().await.expect("counted");
                }
                let attempt = Try {
                    target: Target::Address(EmailId::from_uuid(somebody())),
                    ..attempt
                };
                fails(&throttle, &attempt, second * 100_000).await;
            }
        }
    });
    join_all(floods).await;
    let stored = info(&log, "WINDOWS").await.state;
    // The networks, an address each time, and the one they share.
    assert_eq!(stored.messages, 200 + 1_000 + 1);
    assert_eq!(info(&log, "ATTEMPTS").await.state.messages, 0);
    // Nothing that is stored names a network.
    let mut tail = log.counters(Counters::Windows);
    let mut seen = 0;
    while seen < 1_201 {
        let batch = soon(tail.next_batch(500)).await.expect("counters");
        for counter in &batch.counters {
            let text = format!("{} {:?}", counter.key, counter.payload);
            assert!(!networks.iter().any(|ip| text.contains(&ip.to_string())));
        }
        seen += batch.counters.len();
    }
}

/// A way to NATS that can be cut.
struct Way {
    port: u16,
    target: String,
    carrying: JoinHandle<()>,
}

impl Way {
    async fn new(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let carrying = carry(listener, target.to_owned());
        Self {
            port,
            target: target.to_owned(),
            carrying,
        }
    }

    fn cut(&self) {
        self.carrying.abort();
    }

    async fn mend(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await;
        let listener = listener.expect("the port is free");
        self.carrying = carry(listener, self.target.clone());
    }
}

/// Whatever is carried ends with the task.
fn carry(listener: TcpListener, target: String) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut ways = tokio::task::JoinSet::new();
        while let Ok((mut from, _)) = listener.accept().await {
            let target = target.clone();
            ways.spawn(async move {
                if let Ok(mut to) = TcpStream::connect(target).await {
                    let _ = copy_bidirectional(&mut from, &mut to).await;
                }
            });
        }
    })
}

/// AB-79: without the counts nothing is admitted and nothing is called wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_nats_nothing_is_admitted_and_afterwards_nothing_is_forgotten() {
    let mut ground = Ground::new();
    let elsewhere = ground.service().await;
    let url = ground.0.nats_url.expose_secret().to_owned();
    let (login, target) = url.rsplit_once('@').expect("a login in the URL");
    let mut way = Way::new(target.trim_end_matches('/')).await;
    ground.0.nats_url = SecretString::from(format!("{login}@127.0.0.1:{}", way.port));
    ground.0.deadline = Duration::from_secs(1);
    let log = ground.log().await;
    let throttle = Throttle::open(&log, ThrottleConfig::default());
    let throttle = throttle.await.expect("a throttle");

    let account = somebody();
    let attempt = || of_account(account, FactorKind::Password);
    for failure in 0..4 {
        fails(&throttle, &attempt(), failure * 100).await;
    }
    let clean = of_account(somebody(), FactorKind::Password);
    let half_done = admitted(&throttle, &clean, 0).await;
    way.cut();
    eventually(PATIENCE, async || !log.is_connected()).await;
    for attempt in [
        attempt(),
        of_account(somebody(), FactorKind::Password),
        of_account(somebody(), FactorKind::Totp),
    ] {
        let refused = soon(throttle.admit(&attempt, at(1_000))).await;
        assert!(matches!(
            refused,
            Err(Refused::Failed(LogError::Unavailable(_)))
        ));
    }
    let refused = throttle.allow(Limited::Mail(somebody()), at(0)).await;
    assert!(matches!(refused, Err(Refused::Failed(_))));
    assert!(soon(half_done.failed()).await.is_err(), "it is not counted");

    // Meanwhile somebody else fails elsewhere, which is learned afterwards.
    for failure in 5..10 {
        fails(&elsewhere, &attempt(), failure * 100).await;
    }
    way.mend().await;
    eventually(PATIENCE, async || log.is_connected()).await;
    eventually(PATIENCE, async || {
        wait(&throttle, &attempt(), 900).await == 16
    })
    .await;
}
