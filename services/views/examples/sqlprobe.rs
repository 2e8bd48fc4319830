//! throwaway
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::print_stdout,
    unused_qualifications
)]
use countersign_events::*;
use countersign_views::digest::{Table, bucket, digest};
use countersign_views::generation::State;
use countersign_views::*;
use sqlx::{ConnectOptions, Connection, PgConnection};
use uuid::Uuid;

struct Rng(u64);
impl Rng {
    fn n(&mut self, m: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % m
    }
}
fn at(s: u64) -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000 + s as i64 * 1000)
}
fn seal(t: &str) -> Sealed {
    Sealed::from_bytes(t.into())
}
type Msg = (Position, Envelope<()>, Vec<AnyEvent>);
fn history(n: u64, seed: u64) -> Vec<Msg> {
    let mut r = Rng(seed);
    let mut out = Vec::new();
    let mut accounts: Vec<(AccountId, u64)> = vec![];
    let mut sessions: Vec<SessionId> = vec![];
    for seq in 1..=n {
        let mut rnd = [0u8; 10];
        for b in &mut rnd {
            *b = r.n(256) as u8;
        }
        let k = r.n(100);
        let (subject, events): (Uuid, Vec<AnyEvent>) = if accounts.is_empty() || k < 5 {
            let id = AccountId::generate(at(seq), rnd);
            accounts.push((id, seq));
            (
                id.uuid(),
                vec![AnyEvent::Account(
                    Registered {
                        email: seal(&format!("User{seq}@Example.com\0")),
                        display_name: Some(seal("Ada \"quoted\" \\ , {}")),
                        roles: vec!["user".into(), "a\"b\\c,{}\0".into()],
                    }
                    .into(),
                )],
            )
        } else if k < 12 {
            let i = r.n(accounts.len() as u64) as usize;
            accounts[i].1 = seq;
            (
                accounts[i].0.uuid(),
                vec![AnyEvent::Account(
                    SessionsEnded {
                        reason: if r.n(2) == 0 {
                            EndReason::LogoutAll
                        } else {
                            EndReason::RevokedByOperator
                        },
                    }
                    .into(),
                )],
            )
        } else if k < 15 {
            let i = r.n(accounts.len() as u64) as usize;
            (
                accounts[i].0.uuid(),
                vec![
                    AnyEvent::Account(
                        ProfileChanged {
                            display_name: if r.n(2) == 0 {
                                None
                            } else {
                                Some(seal(&format!("N{seq}")))
                            },
                        }
                        .into(),
                    ),
                    AnyEvent::Account(
                        CredentialSet {
                            kind: CredentialKind::Password,
                            credential: CredentialId::from_uuid(Uuid::nil()),
                        }
                        .into(),
                    ),
                ],
            )
        } else if sessions.is_empty() || k < 40 {
            let i = r.n(accounts.len() as u64) as usize;
            let (acc, last) = accounts[i];
            let id = SessionId::generate(acc, at(seq), rnd);
            sessions.push(id);
            let epoch = if r.n(3) == 0 {
                last.saturating_sub(r.n(30))
            } else {
                last
            };
            (
                id.uuid(),
                vec![AnyEvent::Session(
                    Started {
                        account: acc,
                        epoch,
                        client: "web".into(),
                        ip: seal(if r.n(2) == 0 { "192.0.2.7" } else { "garbage" }),
                        user_agent: None,
                        acr: Acr::Aal1,
                        amr: vec!["pwd".into()],
                        auth_time: at(seq),
                        idle_expires_at: at(seq + 100),
                        expires_at: at(seq + 1000),
                        forget_at: at(seq + 100000),
                    }
                    .into(),
                )],
            )
        } else {
            let s = sessions[r.n(sessions.len() as u64) as usize];
            let e: SessionEvent = match r.n(10) {
                0..=6 => Refreshed {
                    generation: seq as u32,
                    idle_expires_at: at(seq + 50),
                    ip: seal("2001:db8::7"),
                }
                .into(),
                7 => RefreshReused {
                    presented: 1,
                    live: 2,
                    ip: seal("x"),
                }
                .into(),
                _ => Ended {
                    reason: EndReason::Logout,
                    note: if r.n(2) == 0 {
                        Some(seal(&format!("note{seq}")))
                    } else {
                        None
                    },
                }
                .into(),
            };
            (s.uuid(), vec![AnyEvent::Session(e)])
        };
        let header = Envelope {
            id: MessageId::from_uuid(Uuid::from_u128(seq as u128)),
            subject_id: subject,
            occurred_at: at(seq),
            actor: match r.n(3) {
                0 => Actor::System,
                1 => Actor::Anonymous,
                _ => Actor::Account(accounts[0].0),
            },
            account: None,
            correlation: Uuid::nil(),
            causation: None,
            trace_parent: None,
            events: vec![],
            state: None,
        };
        out.push((
            Position {
                shard: 3,
                sequence: seq,
            },
            header,
            events,
        ));
    }
    out
}
fn open(s: &Sealed, _f: &'static str) -> Result<Option<String>, std::convert::Infallible> {
    Ok(Some(String::from_utf8(s.as_bytes().to_vec()).unwrap()))
}
async fn apply(c: &mut PgConnection, after: u64, msgs: &[Msg]) {
    let mut f = Fold::new(Position {
        shard: 3,
        sequence: after,
    });
    for (p, h, e) in msgs {
        let Ok(()) = f.add(*p, h, e, open);
    }
    let mut tx = c.begin().await.unwrap();
    f.write(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}
async fn digests(c: &mut PgConnection) -> (digest::Digest, digest::Digest) {
    (
        digest(c, Table::Accounts, at(0)).await.unwrap(),
        digest(c, Table::Sessions, at(0)).await.unwrap(),
    )
}
#[tokio::main]
async fn main() {
    let url = std::env::args().nth(1).unwrap();
    let opts = pool::connect_options(&url).unwrap();
    let pool = pool::api_pool(opts.clone(), 4);
    println!(
        "before prepare: {:?}",
        generation::list(&pool).await.map(|_| ())
    );
    let mut js = vec![];
    for _ in 0..6 {
        let o = opts.clone();
        js.push(tokio::spawn(async move {
            let mut c = pool::control_options(o).connect().await.unwrap();
            control::prepare(&mut c).await
        }));
    }
    for j in js {
        j.await.unwrap().unwrap();
    }
    println!("{:?}", generation::list(&pool).await.unwrap());
    let mut control = pool::control_options(opts.clone()).connect().await.unwrap();
    for seed in 1..=6u64 {
        let h = history(600, seed * 7919);
        let mut all = vec![];
        for mode in 0..4u64 {
            let g = generation::create(&mut control, State::Filling)
                .await
                .unwrap();
            let mut c = pool::writer_options(opts.clone(), g)
                .connect()
                .await
                .unwrap();
            let mut r = Rng(seed * 31 + mode + 1);
            let mut i = 0;
            while i < h.len() {
                let n = match mode {
                    0 => 1,
                    1 => h.len(),
                    2 => 1 + r.n(40) as usize,
                    _ => 1 + r.n(5) as usize,
                };
                let j = (i + n).min(h.len());
                apply(&mut c, i as u64, &h[i..j]).await;
                if mode >= 2 {
                    // again and again, whole and single
                    apply(&mut c, i as u64, &h[i..j]).await;
                    apply(&mut c, i as u64, &h[i..j]).await;
                    let k = i + r.n((j - i) as u64) as usize;
                    apply(&mut c, k as u64, &h[k..k + 1]).await;
                    // an overlap with what came before
                    let b = i.saturating_sub(7);
                    apply(&mut c, b as u64, &h[b..j]).await;
                }
                i = j;
            }
            all.push((g, digests(&mut c).await));
            if mode == 0 {
                let (n, e): (i64, i64) =
                    sqlx::query_as("select count(*), count(ended_at) from sessions")
                        .fetch_one(&mut c)
                        .await
                        .unwrap();
                let born: i64 = sqlx::query_scalar(
                    "select count(*) from sessions where ended_sequence = started_sequence",
                )
                .fetch_one(&mut c)
                .await
                .unwrap();
                println!(
                    "seed {seed}: sessions {n} ended {e} born dead {born} rows {}",
                    all[0].1.0.rows()
                );
            }
        }
        let base = all[0].clone();
        for (g, d) in &all[1..] {
            if *d != base.1 {
                println!("DIFFERENT seed {seed} gen {g} vs {}", base.0);
                let mut a = pool::writer_options(opts.clone(), base.0)
                    .connect()
                    .await
                    .unwrap();
                let mut b = pool::writer_options(opts.clone(), *g)
                    .connect()
                    .await
                    .unwrap();
                for t in Table::ALL {
                    for k in 0..256 {
                        let x = bucket(&mut a, t, k, at(0)).await.unwrap();
                        let y = bucket(&mut b, t, k, at(0)).await.unwrap();
                        if x != y {
                            for id in x.keys() {
                                if x.get(id) != y.get(id) {
                                    println!("{} {id}", t.as_str());
                                    let (s1, s2) = match t {
                                        Table::Accounts => {
                                            ("select t::text from accounts t where id=$1", "")
                                        }
                                        _ => ("select t::text from sessions t where id=$1", ""),
                                    };
                                    let _ = s2;
                                    let v: String = sqlx::query_scalar(s1)
                                        .bind(id)
                                        .fetch_one(&mut a)
                                        .await
                                        .unwrap();
                                    let w: String = sqlx::query_scalar(s1)
                                        .bind(id)
                                        .fetch_one(&mut b)
                                        .await
                                        .unwrap();
                                    println!(" {v}\n {w}");
                                    break;
                                }
                            }
                        }
                    }
                }
                std::process::abort();
            }
        }
        if seed == 6 {
            let g = base.0;
            let mut tx = control.begin().await.unwrap();
            generation::stop_batches(&mut tx).await.unwrap();
            generation::add_indexes(&mut tx, g).await.unwrap();
            generation::activate(&mut tx, g).await.unwrap();
            tx.commit().await.unwrap();
        }
        for (g, _) in &all {
            if !(seed == 6 && *g == base.0) {
                generation::drop(&mut control, *g).await.unwrap();
            }
        }
    }
    println!("{:?}", generation::list(&pool).await.unwrap());
    let now = at(500);
    println!("{:?}", overview(&pool, now).await.unwrap());
    let p = account::list(
        &pool,
        &account::AccountFilter {
            q: Some("USER1".into()),
            limit: 3,
            ..Default::default()
        },
    )
    .await
    .unwrap();
    println!("{:#?}", p.items.first());
    println!("{} next {:?}", p.items.len(), p.next);
    let p2 = account::list(
        &pool,
        &account::AccountFilter {
            q: Some("USER1".into()),
            limit: 200,
            after: p.next,
            state: Some("active".into()),
        },
    )
    .await
    .unwrap();
    println!("{}", p2.items.len());
    let none = account::list(
        &pool,
        &account::AccountFilter {
            q: Some("100%\\_\0".into()),
            limit: 3,
            ..Default::default()
        },
    )
    .await
    .unwrap();
    assert!(none.items.is_empty());
    println!(
        "{:?}",
        account::get(&pool, p.items[0].id)
            .await
            .unwrap()
            .map(|a| a.email)
    );
    for state in ["any", "active", "expired", "revoked"] {
        let p = session::list(
            &pool,
            &session::SessionFilter {
                state: state.parse().unwrap(),
                limit: 200,
                ..Default::default()
            },
            now,
        )
        .await
        .unwrap();
        println!(
            "{state} {} {:?}",
            p.items.len(),
            p.items
                .iter()
                .map(|s| s.state(now).as_str())
                .collect::<std::collections::BTreeSet<_>>()
        );
    }
    for ip in [
        "192.0.2.0/24",
        "192.0.2.7",
        "2001:db8::/32",
        "10.0.0.0/8",
        "::/0",
        "0.0.0.0/0",
    ] {
        let p = session::list(
            &pool,
            &session::SessionFilter {
                ip: Some(ip.parse().unwrap()),
                limit: 200,
                ..Default::default()
            },
            now,
        )
        .await
        .unwrap();
        println!("{ip} {}", p.items.len());
    }
    let p = session::list(
        &pool,
        &session::SessionFilter {
            q: Some("user2".into()),
            client: Some("web".into()),
            limit: 50,
            ..Default::default()
        },
        now,
    )
    .await
    .unwrap();
    println!("q {} {:?}", p.items.len(), p.items.first());
    let s = p.items[0].clone();
    assert_eq!(session::get(&pool, s.id).await.unwrap(), Some(s.clone()));
    let p = session::list(
        &pool,
        &session::SessionFilter {
            account: Some(s.account),
            client: Some("x\0".into()),
            limit: 50,
            ..Default::default()
        },
        now,
    )
    .await
    .unwrap();
    println!("none {}", p.items.len());
    // walk all pages
    let mut after = None;
    let mut n = 0;
    loop {
        let p = session::list(
            &pool,
            &session::SessionFilter {
                after,
                limit: 7,
                ..Default::default()
            },
            now,
        )
        .await
        .unwrap();
        n += p.items.len();
        after = p.next;
        if after.is_none() {
            break;
        }
    }
    println!("walked {n}");
    println!(
        "{:?} {:?}",
        failure::list(&pool).await.unwrap(),
        checkpoint::positions(&pool).await.unwrap()
    );
    println!("pruned {}", prune(&mut control, at(100_300)).await.unwrap());
    println!(
        "missing: {:?}",
        sqlx::query("select nope from countersign.accounts")
            .execute(&pool)
            .await
            .map_err(ViewError::from)
    );
    println!(
        "slow: {:?}",
        sqlx::query("select pg_sleep(2)")
            .execute(&pool)
            .await
            .map_err(ViewError::from)
    );
    println!(
        "{:?}",
        generation::drop(&mut control, base_gen(&pool).await).await
    );
}
async fn base_gen(p: &sqlx::PgPool) -> i32 {
    generation::active(p).await.unwrap().unwrap().generation
}
