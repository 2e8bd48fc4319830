//! The life of a stack, with real servers: started, used, hurt, stopped and
//! started again, and its parent killed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::privilege::Helpers;
use super::{Child, Endpoints, Pids, Signal, Stack, StackConfig, StackError, processes};

/// Set for the process that is to be killed: where its stack is.
const KILLED_DIR: &str = "COUNTERSIGN_STACK_TEST_DIR";

/// A folder that is removed when the test is over.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(label: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("countersign-{label}-{process}-{number}"));
        fs::create_dir_all(&path).expect("a folder for the test");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .expect("it is ours");
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}

fn config(dir: &Path) -> StackConfig {
    StackConfig {
        data_dir: dir.to_owned(),
        durable: false,
        max_connections: 20,
    }
}

async fn start(dir: &Path) -> Stack {
    Stack::start(config(dir))
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

async fn postgres(endpoints: &Endpoints) -> sqlx::Result<PgConnection> {
    PgConnection::connect(endpoints.postgres_url.expose_secret()).await
}

/// Logs in with the URL's user and password, and asks for an echo.
async fn nats_answer(endpoints: &Endpoints, spoil: &str) -> std::io::Result<String> {
    let url = endpoints
        .nats_url
        .expose_secret()
        .strip_prefix("nats://")
        .expect("a NATS URL");
    let (login, address) = url.split_once('@').expect("a login and an address");
    let (user, password) = login.split_once(':').expect("a user and a password");
    let mut stream = TcpStream::connect(address).await?;
    let connect = format!(
        "CONNECT {{\"user\":\"{user}\",\"pass\":\"{password}{spoil}\",\"verbose\":false}}\r\nPING\r\n"
    );
    stream.write_all(connect.as_bytes()).await?;
    let (mut text, mut bytes) = (String::new(), [0; 4096]);
    while !text.contains("PONG") && !text.contains("-ERR") {
        let length = stream.read(&mut bytes).await?;
        if length == 0 {
            break;
        }
        text.push_str(&String::from_utf8_lossy(&bytes[..length]));
    }
    Ok(text.lines().last().unwrap_or_default().to_owned())
}

fn is_alive(pid: u32) -> bool {
    // A process that has ended but was not waited for has no working directory.
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok()
}

#[tokio::test]
async fn a_stack_lives_through_kills_stops_and_restarts() {
    let scratch = Scratch::new("life");
    let dir = scratch.path().join("data");
    let stack = start(&dir).await;
    let endpoints = stack.endpoints().clone();
    let mut pids = stack.pids();
    let first = *pids.borrow_and_update();
    assert!(
        is_alive(first.nats) && is_alive(first.postgres),
        "{first:?}"
    );

    assert_eq!(
        nats_answer(&endpoints, "").await.expect("it answers"),
        "PONG"
    );
    let refused = nats_answer(&endpoints, "x").await.expect("it answers");
    assert!(refused.contains("Authorization Violation"), "{refused}");
    let mut connection = postgres(&endpoints).await.expect("it accepts");
    for statement in ["create table kept (n int)", "insert into kept values (7)"] {
        sqlx::query(statement)
            .execute(&mut connection)
            .await
            .expect("it is stored");
    }

    // Killed: started again under another pid, on the same port.
    for child in [Child::Nats, Child::Postgres] {
        stack.signal(child, Signal::KILL).await.expect("it is sent");
        stack
            .ready(child)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }
    let second = *pids.borrow_and_update();
    assert!(
        second.nats != first.nats && second.postgres != first.postgres,
        "{second:?}"
    );
    assert!(!is_alive(first.nats) && !is_alive(first.postgres));

    // Held down: nobody answers until it is released.
    for child in [Child::Nats, Child::Postgres] {
        stack.hold_down(child).await.expect("it is held down");
    }
    assert!(nats_answer(&endpoints, "").await.is_err());
    assert!(postgres(&endpoints).await.is_err());
    assert!(!is_alive(second.nats) && !is_alive(second.postgres));
    for child in [Child::Nats, Child::Postgres] {
        stack
            .release(child)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(
        nats_answer(&endpoints, "").await.expect("it answers"),
        "PONG"
    );

    // Frozen: connections are accepted by the kernel, and nobody answers.
    stack
        .signal(Child::Nats, Signal::STOP)
        .await
        .expect("it is sent");
    let patience = Duration::from_millis(200);
    let frozen = tokio::time::timeout(patience, nats_answer(&endpoints, "")).await;
    assert!(frozen.is_err(), "{frozen:?}");
    stack
        .signal(Child::Nats, Signal::CONT)
        .await
        .expect("it is sent");
    assert_eq!(
        nats_answer(&endpoints, "").await.expect("it answers"),
        "PONG"
    );

    // Stopped, even when frozen, and started again with what it had.
    stack
        .signal(Child::Postgres, Signal::STOP)
        .await
        .expect("it is sent");
    let third = *pids.borrow_and_update();
    let stopping = Instant::now();
    stack.stop().await;
    assert!(
        stopping.elapsed() < Duration::from_secs(5),
        "{:?}",
        stopping.elapsed()
    );
    assert!(!is_alive(third.nats) && !is_alive(third.postgres));
    let stack = start(&dir).await;
    let again = stack.endpoints();
    assert_eq!(
        again.nats_url.expose_secret(),
        endpoints.nats_url.expose_secret()
    );
    assert_eq!(
        again.postgres_url.expose_secret(),
        endpoints.postgres_url.expose_secret()
    );
    let mut connection = postgres(again).await.expect("it accepts");
    let kept: i32 = sqlx::query_scalar("select n from kept")
        .fetch_one(&mut connection)
        .await
        .expect("a row");
    assert_eq!(kept, 7);

    // Dropped: nothing is left, and the directory is free at once.
    let last = *stack.pids().borrow();
    drop(stack);
    assert!(!is_alive(last.nats) && !is_alive(last.postgres));
    start(&dir).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stacks_run_side_by_side_but_not_in_one_directory() {
    let (one, other) = (Scratch::new("one"), Scratch::new("other"));
    let (first, second) = tokio::join!(start(one.path()), start(other.path()));
    for stack in [&first, &second] {
        assert_eq!(
            nats_answer(stack.endpoints(), "")
                .await
                .expect("it answers"),
            "PONG"
        );
    }
    match Stack::start(config(one.path())).await {
        Err(StackError::Locked { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    tokio::join!(first.stop(), second.stop());
}

#[tokio::test]
async fn half_a_database_is_made_anew_and_a_foreign_one_is_refused() {
    let scratch = Scratch::new("half");
    let postgres = scratch.path().join("postgres");
    fs::create_dir_all(postgres.join("data.new/base")).expect("half a database");
    fs::write(postgres.join("data.new/PG_VERSION"), "15\n").expect("half a database");
    start(scratch.path()).await.stop().await;
    assert!(!postgres.join("data.new").exists() && !postgres.join("password").exists());

    fs::write(postgres.join("data/PG_VERSION"), "9\n").expect("it is written");
    match Stack::start(config(scratch.path())).await {
        Err(StackError::OtherMajor {
            found, installed, ..
        }) => {
            assert_eq!(found, "9");
            assert!(installed >= 15);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_keeps_a_child_down_is_told_without_secrets() {
    let scratch = Scratch::new("broken");
    // A file where nats-server wants a folder.
    fs::create_dir_all(scratch.path().join("nats")).expect("a folder");
    fs::write(scratch.path().join("nats/jetstream"), "").expect("a file");
    let error = Stack::start(config(scratch.path()))
        .await
        .expect_err("it cannot start");
    assert!(
        matches!(
            error,
            StackError::Ended {
                child: Child::Nats,
                ..
            }
        ),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.contains("nats-server does not stay up (exit status: 1)"),
        "{text}"
    );
    assert!(
        text.contains("nats.log") && text.contains("[FTL]"),
        "{text}"
    );
    assert!(processes::inside(scratch.path(), "postgres").is_empty());
}

/// Is started by the next test as a process of its own, and killed by it.
#[tokio::test]
async fn the_parent_that_is_killed() {
    let Some(dir) = std::env::var_os(KILLED_DIR) else {
        return;
    };
    let stack = start(Path::new(&dir)).await;
    let Pids { nats, postgres } = *stack.pids().borrow();
    println!("\nready {nats} {postgres}");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn nothing_outlives_a_killed_parent_and_the_next_one_starts() {
    let scratch = Scratch::new("killed");
    let dir = fs::canonicalize(scratch.path()).expect("it is there");
    let can_die_with_us = Helpers::find().await.can_die_with_us();
    let rounds = std::env::var("COUNTERSIGN_STACK_TEST_KILLS").ok();
    let rounds: u32 = rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    for round in 0..rounds {
        let name = concat!(module_path!(), "::the_parent_that_is_killed");
        let name = name.split_once("::").map_or(name, |(_, rest)| rest);
        let mut parent = Command::new(std::env::current_exe().expect("it is known"))
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .env(KILLED_DIR, &dir)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let starting = Instant::now();
        let mut lines = BufReader::new(parent.stdout.take().expect("it is piped")).lines();
        let ready = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("ready ").map(ToOwned::to_owned))
            .unwrap_or_else(|| panic!("round {round}: it did not start"));
        println!("round {round}: started in {:?}", starting.elapsed());
        let pids: Vec<u32> = ready
            .split(' ')
            .map(|pid| pid.parse().expect("a pid"))
            .collect();
        assert!(pids.iter().all(|pid| is_alive(*pid)), "{pids:?}");
        parent.kill().expect("it is killed");
        parent.wait().expect("it is dead");
        let until = Instant::now() + Duration::from_secs(5);
        // Elsewhere the next start, below, has to do with what was left.
        while can_die_with_us && pids.iter().any(|pid| is_alive(*pid)) {
            assert!(Instant::now() < until, "round {round}: {pids:?} live on");
            tokio::task::yield_now().await;
        }
    }
    let stack = start(&dir).await;
    postgres(stack.endpoints())
        .await
        .expect("it accepts")
        .close()
        .await
        .expect("it is closed");
    stack.stop().await;
}
