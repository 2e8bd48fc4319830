//! throwaway
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    unused_qualifications
)]
use async_nats::jetstream;
use base64::Engine as _;
use countersign_events::*;
use countersign_log::*;
use countersign_projector::*;
use countersign_views::{checkpoint, failure, generation, overview, pool, session};
use futures_util::StreamExt;
use sqlx::ConnectOptions;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

struct Rng(u64);
impl Rng {
    fn n(&mut self, m: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % m
    }
    fn ten(&mut self) -> [u8; 10] {
        let mut r = [0u8; 10];
        for b in &mut r {
            *b = self.n(256) as u8;
        }
        r
    }
}
fn now() -> Timestamp {
    Timestamp::from_millis(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis() as i64,
    )
}
async fn open(prefix: &str, shards: u8) -> Log {
    Log::open(LogConfig {
        nats_url: std::env::var("NATS")
            .unwrap_or("nats://127.0.0.1:14977".into())
            .into(),
        prefix: prefix.into(),
        shards,
        replicas: 1,
        kek: KeyEncryptionKey::from_base64(
            &base64::engine::general_purpose::STANDARD.encode([7u8; 32]),
        )
        .unwrap(),
        deadline: Duration::from_millis(800),
        cache_entries: 100_000,
    })
    .await
    .unwrap()
}
fn pg() -> sqlx::postgres::PgConnectOptions {
    pool::connect_options(&std::env::var("PG").unwrap()).unwrap()
}

struct World {
    rng: Rng,
    accounts: Vec<(AccountId, DataKey, u64)>,
    sessions: Vec<(SessionId, usize, u32)>,
    shards: u8,
    prefix: String,
    clock: i64,
}
impl World {
    fn env<E: EventSet>(
        &mut self,
        id: Uuid,
        mid: MessageId,
        account: Option<AccountId>,
        events: Vec<E>,
    ) -> Vec<u8> {
        Envelope {
            id: mid,
            subject_id: id,
            occurred_at: Timestamp::from_millis(self.clock),
            actor: account.map_or(Actor::System, Actor::Account),
            account,
            correlation: Uuid::from_u128(5),
            causation: None,
            trace_parent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
            events,
            state: None,
        }
        .encode()
        .unwrap()
    }
    async fn account(&mut self, log: &Log) -> (String, Vec<u8>) {
        self.clock += 1;
        let at = Timestamp::from_millis(self.clock);
        let id = AccountId::generate(at, self.rng.ten());
        let key = log.vault().create_data_key(id).await.unwrap();
        let mid = MessageId::generate(at, self.rng.ten());
        let email = key
            .seal(
                &format!("user{}@example.com", self.accounts.len()),
                id,
                mid,
                "email",
            )
            .unwrap();
        let name = key.seal("Ada Lovelace", id, mid, "display_name").unwrap();
        self.accounts.push((id, key, 0));
        (
            Subject::of(id, self.shards).with_prefix(&self.prefix),
            self.env(
                id.uuid(),
                mid,
                Some(id),
                vec![AccountEvent::Registered(Registered {
                    email,
                    display_name: Some(name),
                    roles: vec!["user".into()],
                })],
            ),
        )
    }
    fn start(&mut self) -> (String, Vec<u8>) {
        self.clock += 1;
        let at = Timestamp::from_millis(self.clock);
        let i = self.rng.n(self.accounts.len() as u64) as usize;
        let (acc, key, _) = self.accounts[i].clone();
        let id = SessionId::generate(acc, at, self.rng.ten());
        let mid = MessageId::generate(at, self.rng.ten());
        let ip = key
            .seal(
                &format!(
                    "10.{}.{}.{}",
                    self.rng.n(4),
                    self.rng.n(256),
                    self.rng.n(256)
                ),
                acc,
                mid,
                "ip",
            )
            .unwrap();
        let ua = key.seal("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0", acc, mid, "user_agent").unwrap();
        self.sessions.push((id, i, 1));
        let plus = |d: i64| Timestamp::from_millis(at.as_millis() + d * 86_400_000);
        (
            Subject::of(id, self.shards).with_prefix(&self.prefix),
            self.env(
                id.uuid(),
                mid,
                Some(acc),
                vec![SessionEvent::Started(Started {
                    account: acc,
                    epoch: 1_000_000_000,
                    client: "web".into(),
                    ip,
                    user_agent: Some(ua),
                    acr: Acr::Aal1,
                    amr: vec!["pwd".into()],
                    auth_time: at,
                    idle_expires_at: plus(7),
                    expires_at: plus(30),
                    forget_at: plus(120),
                })],
            ),
        )
    }
    fn touch(&mut self, end: bool) -> (String, Vec<u8>) {
        self.clock += 1;
        let at = Timestamp::from_millis(self.clock);
        let n = self.sessions.len() as u64;
        let k = (n - 1 - self.rng.n(n.min(60_000))) as usize;
        let (id, i, g) = self.sessions[k];
        let (acc, key, _) = self.accounts[i].clone();
        let mid = MessageId::generate(at, self.rng.ten());
        let ev: SessionEvent = if end {
            Ended {
                reason: EndReason::Logout,
                note: None,
            }
            .into()
        } else {
            self.sessions[k].2 = g + 1;
            let ip = key
                .seal(
                    &format!(
                        "10.{}.{}.{}",
                        self.rng.n(4),
                        self.rng.n(256),
                        self.rng.n(256)
                    ),
                    acc,
                    mid,
                    "ip",
                )
                .unwrap();
            Refreshed {
                generation: g + 1,
                idle_expires_at: Timestamp::from_millis(at.as_millis() + 7 * 86_400_000),
                ip,
            }
            .into()
        };
        (
            Subject::of(id, self.shards).with_prefix(&self.prefix),
            self.env(id.uuid(), mid, Some(acc), vec![ev]),
        )
    }
    fn logout_all(&mut self) -> (String, Vec<u8>) {
        self.clock += 1;
        let at = Timestamp::from_millis(self.clock);
        let i = self.rng.n(self.accounts.len() as u64) as usize;
        let (acc, _, _) = self.accounts[i].clone();
        let mid = MessageId::generate(at, self.rng.ten());
        (
            Subject::of(acc, self.shards).with_prefix(&self.prefix),
            self.env(
                acc.uuid(),
                mid,
                None,
                vec![AccountEvent::SessionsEnded(SessionsEnded {
                    reason: EndReason::LogoutAll,
                })],
            ),
        )
    }
    fn event(&mut self, logout_all_permille: u64) -> (String, Vec<u8>) {
        if self.sessions.is_empty() {
            return self.start();
        }
        if self.rng.n(1000) < logout_all_permille {
            return self.logout_all();
        }
        match self.rng.n(100) {
            0..30 => self.start(),
            30..85 => self.touch(false),
            _ => self.touch(true),
        }
    }
}
async fn fill_log(log: &Log, accounts: usize, events: usize, permille: u64) -> World {
    let js = jetstream::context::ContextBuilder::new()
        .timeout(Duration::from_secs(30))
        .ack_timeout(Duration::from_secs(30))
        .build(log.client().clone());
    let mut w = World {
        rng: Rng(std::process::id() as u64 * 7919 + 1),
        accounts: vec![],
        sessions: vec![],
        shards: log.shards(),
        prefix: log.prefix().into(),
        clock: now().as_millis() - events as i64 - accounts as i64,
    };
    let t = Instant::now();
    for _ in 0..accounts {
        let (s, p) = w.account(log).await;
        js.publish(s, p.into()).await.unwrap().await.unwrap();
    }
    println!("{accounts} accounts in {:?}", t.elapsed());
    let t = Instant::now();
    let mut acks = futures_util::stream::FuturesUnordered::new();
    for _ in 0..events {
        let (s, p) = w.event(permille);
        let f = js.publish(s, p.into()).await.unwrap();
        acks.push(async move { f.await });
        if acks.len() >= 2000 {
            acks.next().await.unwrap().unwrap();
        }
    }
    while let Some(a) = acks.next().await {
        a.unwrap();
    }
    println!("{events} events appended in {:?}", t.elapsed());
    w
}
fn options() -> Options {
    Options::new(Arc::new(now))
}
async fn caught_up(p: &Projector, log: &Log) {
    let mut i = tokio::time::interval(Duration::from_millis(20));
    loop {
        i.tick().await;
        let s = p.status();
        let mut ok = true;
        for sh in &s.shards {
            let e = log.last_sequence(sh.shard).await.unwrap();
            if sh.position < e {
                ok = false;
            }
        }
        if ok {
            return;
        }
    }
}
fn show(p: &Progress) {
    println!(
        "  {} {}/{} {:.0}/s eta {:?}",
        p.phase.as_str(),
        p.done,
        p.total,
        p.events_per_second,
        p.eta
    );
}
#[tokio::main]
async fn main() {
    tracing_subscriber_init();
    let a: Vec<String> = std::env::args().collect();
    let prefix = a[2].as_str();
    match a[1].as_str() {
        "gen" => {
            let log = open(prefix, a[5].parse().unwrap()).await;
            fill_log(
                &log,
                a[3].parse().unwrap(),
                a[4].parse().unwrap(),
                a.get(6).map_or(2, |x| x.parse().unwrap()),
            )
            .await;
        }
        "project" => {
            let log = open(prefix, 8).await;
            let t = Instant::now();
            let mut total = 0;
            for s in 0..log.shards() {
                total += log.last_sequence(s).await.unwrap();
            }
            let p = Projector::start(log.clone(), pg(), options());
            caught_up(&p, &log).await;
            let e = t.elapsed();
            println!(
                "projected {total} in {e:?}: {:.0}/s",
                total as f64 / e.as_secs_f64()
            );
            println!("{:?}", p.status());
            p.stop().await;
        }
        "replay" => {
            let log = open(prefix, 8).await;
            let o = replay(&log, pg(), &show).await;
            println!("{o:?}");
        }
        "back" => {
            let log = open(prefix, 8).await;
            let o = switch_back(&log, pg(), &show).await;
            println!("{o:?}");
        }
        "verify" => {
            let log = open(prefix, 8).await;
            let t = Instant::now();
            let o = verify(&log, pg(), now(), &show).await;
            match o {
                Ok(v) => println!("equal {} {v:#?} {:?}", v.is_equal(), t.elapsed()),
                Err(e) => println!("ERR {e}"),
            }
        }
        "check" => {
            let log = open(prefix, 8).await;
            let mut c = pool::control_options(pg()).connect().await.unwrap();
            let an = Anchors::load(&mut c).await.unwrap();
            println!(
                "{:?}: {:?}",
                an.positions(),
                check(&log, &an, now()).await.map_err(|e| e.to_string())
            );
        }
        "serve" => {
            let log = open(prefix, 8).await;
            let mut o = options();
            o.retry_after = Duration::from_secs(5);
            if let Some(path) = a.get(3) {
                let kp =
                    aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
                let der = kp.to_pkcs8v1().unwrap();
                o.checkpoint_file = Some(CheckpointFileOptions {
                    path: path.into(),
                    signer: anchor::Signer::from_pkcs8(der.as_ref()).unwrap(),
                });
            }
            let p = Projector::start(log.clone(), pg(), o);
            let t = Instant::now();
            let mut i = tokio::time::interval(Duration::from_millis(100));
            let mut last = String::new();
            let stop = tokio::signal::ctrl_c();
            tokio::pin!(stop);
            loop {
                tokio::select! { _ = i.tick() => {}, _ = &mut stop => break }
                let s = p.status();
                let line = format!(
                    "{:?} {:?} {}",
                    s.generation,
                    s.postgres,
                    s.shards
                        .iter()
                        .map(|x| format!(
                            "{}{}{}",
                            x.shard,
                            &x.state.as_str()[..1],
                            x.reason
                                .as_deref()
                                .map(|r| format!("({r})"))
                                .unwrap_or_default()
                        ))
                        .collect::<Vec<_>>()
                        .join(" ")
                );
                if line != last {
                    println!(
                        "[{} {:7.3}] {line}",
                        std::process::id(),
                        t.elapsed().as_secs_f64()
                    );
                    last = line;
                }
            }
            p.stop().await;
            println!("stopped");
        }
        "lag" => {
            let rate: u64 = a[3].parse().unwrap();
            let secs: u64 = a[4].parse().unwrap();
            lag(&open(prefix, 8).await, rate, secs).await;
        }
        "genttl" => {
            genttl(&open(prefix, 4).await, a[3].parse().unwrap()).await;
        }
        "prune" => {
            let mut c = pool::control_options(pg()).connect().await.unwrap();
            println!("pruned {:?}", countersign_views::prune(&mut c, now()).await);
        }
        "query" => query().await,
        "poison" => {
            let log = open(prefix, 8).await;
            let js = jetstream::new(log.client().clone());
            let id = AccountId::generate(now(), [5; 10]);
            let s = Subject::of(id, log.shards()).with_prefix(prefix);
            println!(
                "{:?}",
                js.publish(s, a[3].clone().into())
                    .await
                    .unwrap()
                    .await
                    .unwrap()
                    .sequence
            );
        }
        _ => panic!(),
    }
}
fn tracing_subscriber_init() {}
async fn lag(log: &Log, rate: u64, secs: u64) {
    let mut w = fill_log(log, 200, 2000, 2).await;
    let p = Projector::start(log.clone(), pg(), options());
    caught_up(&p, log).await;
    let js = jetstream::new(log.client().clone());
    let seen: Arc<Vec<tokio::sync::Mutex<Vec<(u64, Instant)>>>> =
        Arc::new((0..log.shards()).map(|_| Default::default()).collect());
    for s in 0..log.shards() {
        let mut sub = log
            .client()
            .subscribe(format!("{}.projected.{s}", log.prefix()))
            .await
            .unwrap();
        let seen = seen.clone();
        tokio::spawn(async move {
            while let Some(m) = sub.next().await {
                let n: u64 = std::str::from_utf8(&m.payload).unwrap().parse().unwrap();
                seen[s as usize].lock().await.push((n, Instant::now()));
            }
        });
    }
    let acks: Arc<tokio::sync::Mutex<Vec<(u8, u64, Instant, Instant)>>> = Default::default();
    let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / rate));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    let start = Instant::now();
    let mut js_h = vec![];
    while start.elapsed() < Duration::from_secs(secs) {
        tick.tick().await;
        let (s, body) = w.event(2);
        let js = js.clone();
        let acks = acks.clone();
        js_h.push(tokio::spawn(async move {
            let shard: u8 = s.split('.').nth(2).unwrap().parse().unwrap();
            let b = Instant::now();
            let a = js.publish(s, body.into()).await.unwrap().await.unwrap();
            acks.lock()
                .await
                .push((shard, a.sequence, b, Instant::now()));
        }));
    }
    for j in js_h {
        j.await.unwrap();
    }
    caught_up(&p, log).await;
    tokio::time::timeout(Duration::from_millis(300), std::future::pending::<()>())
        .await
        .ok();
    let acks = acks.lock().await;
    let mut lags = vec![];
    let mut appends = vec![];
    let mut txs = 0;
    for (sh, seq, b, t) in acks.iter() {
        let v = seen[*sh as usize].lock().await;
        let at = v.iter().find(|(n, _)| n >= seq).map(|x| x.1).unwrap();
        lags.push(at.saturating_duration_since(*t).as_secs_f64() * 1e3);
        appends.push((*t - *b).as_secs_f64() * 1e3);
    }
    for s in seen.iter() {
        txs += s.lock().await.len();
    }
    lags.sort_by(f64::total_cmp);
    appends.sort_by(f64::total_cmp);
    let q = |v: &Vec<f64>, f: f64| v[((v.len() - 1) as f64 * f) as usize];
    println!(
        "{} events, {txs} tx, append p50 {:.2} p99 {:.2} ms; lag ack->announced p50 {:.2} p90 {:.2} p99 {:.2} max {:.2} ms",
        lags.len(),
        q(&appends, 0.5),
        q(&appends, 0.99),
        q(&lags, 0.5),
        q(&lags, 0.9),
        q(&lags, 0.99),
        q(&lags, 1.0)
    );
    p.stop().await;
}
async fn query() {
    let pool = pool::api_pool(pg(), 4);
    let n = now();
    macro_rules! t {
        ($name:expr, $e:expr) => {{
            let mut best = f64::MAX;
            let mut out = String::new();
            for _ in 0..5 {
                let t = Instant::now();
                let r = $e.await;
                best = best.min(t.elapsed().as_secs_f64() * 1e3);
                out = r
                    .map(|v| format!("{v}"))
                    .unwrap_or_else(|e| format!("ERR {e}"));
            }
            println!("{:40} best {best:8.2} ms  {out}", $name);
        }};
    }
    t!("overview", async {
        overview(&pool, n).await.map(|o| format!("{o:?}"))
    });
    use session::*;
    let f = SessionFilter {
        limit: 50,
        ..Default::default()
    };
    for (name, f) in [
        ("any", f.clone()),
        (
            "active",
            SessionFilter {
                state: StateFilter::Active,
                ..f.clone()
            },
        ),
        (
            "expired",
            SessionFilter {
                state: StateFilter::Expired,
                ..f.clone()
            },
        ),
        (
            "revoked",
            SessionFilter {
                state: StateFilter::Revoked,
                ..f.clone()
            },
        ),
        (
            "client none",
            SessionFilter {
                client: Some("nope".into()),
                ..f.clone()
            },
        ),
        (
            "client web",
            SessionFilter {
                client: Some("web".into()),
                ..f.clone()
            },
        ),
        (
            "ip exact",
            SessionFilter {
                ip: Some("10.1.2.3".parse().unwrap()),
                ..f.clone()
            },
        ),
        (
            "ip /8",
            SessionFilter {
                ip: Some("10.0.0.0/8".parse().unwrap()),
                ..f.clone()
            },
        ),
        (
            "ip none",
            SessionFilter {
                ip: Some("192.168.0.0/16".parse().unwrap()),
                ..f.clone()
            },
        ),
        (
            "q rare",
            SessionFilter {
                q: Some("user777@".into()),
                ..f.clone()
            },
        ),
        (
            "q broad",
            SessionFilter {
                q: Some("example".into()),
                ..f.clone()
            },
        ),
        (
            "q none",
            SessionFilter {
                q: Some("zzzz".into()),
                ..f.clone()
            },
        ),
        (
            "q rare revoked",
            SessionFilter {
                q: Some("user777@".into()),
                state: StateFilter::Revoked,
                ..f.clone()
            },
        ),
    ] {
        t!(name, async {
            list(&pool, &f, n)
                .await
                .map(|p| format!("{} rows, more {}", p.items.len(), p.next.is_some()))
        });
    }
    let one = list(&pool, &f, n).await.unwrap().items[0].clone();
    t!("account", async {
        list(
            &pool,
            &SessionFilter {
                account: Some(one.account),
                ..f.clone()
            },
            n,
        )
        .await
        .map(|p| p.items.len())
    });
    t!("get", async {
        get(&pool, one.id).await.map(|p| p.is_some())
    });
    t!("accounts q rare", async {
        countersign_views::account::list(
            &pool,
            &countersign_views::account::AccountFilter {
                q: Some("user777@".into()),
                limit: 50,
                ..Default::default()
            },
        )
        .await
        .map(|p| p.items.len())
    });
    t!("generations", async {
        generation::list(&pool).await.map(|p| format!("{p:?}"))
    });
    t!("failures", async {
        failure::list(&pool).await.map(|p| format!("{p:?}"))
    });
    t!("positions", async {
        checkpoint::positions(&pool).await.map(|p| p.len())
    });
}

async fn genttl(log: &Log, n: usize) {
    let mut w = fill_log(log, 50, 0, 0).await;
    w.clock = now().as_millis() - 3 * 86_400_000;
    let js = jetstream::context::ContextBuilder::new()
        .timeout(Duration::from_secs(30))
        .ack_timeout(Duration::from_secs(30))
        .build(log.client().clone());
    let mut short = std::collections::HashSet::new();
    for k in 0..n {
        let before = w.sessions.len();
        let (s, p) = w.event(5);
        let mut p = p;
        let mut h = async_nats::HeaderMap::new();
        let id = s.rsplit('.').next().unwrap().to_string();
        if w.sessions.len() > before && k % 3 != 0 {
            short.insert(id.clone());
            // rewrite forget_at into the past
            let mut v: serde_json::Value = serde_json::from_slice(&p).unwrap();
            v["events"][0]["data"]["forget_at"] = serde_json::json!(now().as_millis() - 86_400_000);
            p = serde_json::to_vec(&v).unwrap();
        }
        if short.contains(&id) {
            h.insert("Nats-TTL", "8");
        }
        js.publish_with_headers(s, h, p.into())
            .await
            .unwrap()
            .await
            .unwrap();
    }
    println!("{n} events, {} short sessions", short.len());
}
